"""The thresholds of the detector, each with its unit, its default and what it is for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DetectionSettings:
    """Defaults were measured on four archives (docs/detection.md); section [detection] of the settings mirrors them.

    The three scores are what the default budget of false alarms gives (`budget.py`).
    """

    history_weeks_needed: int = 9
    """A community younger than this is not judged."""
    baseline_weeks: int = 8
    """Weeks before the present ones that make the baseline, 6 to 27 (fewer, at least 6, where it is younger)."""
    smallest_baseline_participants: float = 3.5
    """Weekly participants below which a baseline is too small to judge."""
    low_confidence_participants: float = 6.0
    """Weekly participants below which an alert says `confidence: low`."""
    drop_ratio: float = 0.5
    """Present level over baseline at or below which a decline is strong."""
    latest_week_ratio: float = 0.75
    """The newest week must lie at or below this share of the baseline: the decline is not over yet."""
    each_week_ratio: float = 0.85
    """All present weeks but one must lie at or below this share of the baseline."""
    likelihood_score: float = 2.499
    """Signed root of the likelihood ratio, in standard deviations, that a decline must exceed."""
    fast_score: float = 3.299
    """The same for the last 1 to 3 weeks alone, in communities large enough: a drop found within days."""
    fast_drop_ratio: float = 0.6
    """Present level over baseline at or below which the last 1 to 3 weeks of a large community are a drop."""
    smallest_fast_baseline_participants: float = 12.0
    """Weekly participants below which so few weeks say too little."""
    overdispersion_size: float = 8.0
    """Smallest size of the negative binomial of weekly participants (variance = mean + mean squared / size)."""
    days_in_a_row: int = 3
    """Consecutive boundaries a decline must show before a watch is raised."""
    silence_score: float = 19.9922
    """Negative natural log of the probability of the quiet days that is enough to raise a watch at once."""
    confirmed_weeks: int = 4
    """Weeks since the onset before a watch can be confirmed."""
    confirmed_weeks_at_most: int = 12
    """Weeks since the onset after which a watch is not confirmed any more: its year looks the same from then on."""
    confirmed_agreement_ratio: float = 0.6
    """Share of 42 segmenters of the last year that must see the decline for a watch to be confirmed."""
    recovered_ratio: float = 0.7
    """Mean of the last 3 weeks over baseline at or above which an alert is resolved as recovered."""
    settled_weeks: int = 16
    """Weeks after which an open alert is resolved: the lower level is the new baseline."""
    dormant_weeks: int = 8
    """Weeks without any participant after which an open alert is resolved as dormant."""
    network_participants_needed: int = 20
    """Weekly participants the rest of the network must have for its level to be divided out."""
    network_outage_ratio: float = 0.6
    """Level of the rest of the network over its 8-week median at or below which communities are held back."""
    holidays_a_week: int = 3
    """Public holidays on working days within a week at or above which communities are held back."""
    update_ratio_change: float = 0.15
    """Change of the drop ratio, at least 7 days after the last step, that is worth an update."""
