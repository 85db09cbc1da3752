"""Section [detection]: the thresholds of the detector, with the defaults that were measured (docs/detection.md).

They mirror `pipeline.detection.DetectionSettings`, which this layer may not import; a contract test compares the two.
Of its score thresholds there is one setting alone: the budget of false alarms.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from pipeline.settings.checks import (  # noqa: TC001 - pydantic reads them at run time
    Count,
    Positive,
)
from pipeline.settings.section import Section

Share = Annotated[float, Field(gt=0, le=1)]
WEEKS_LOOKED_AT = 31
"""The detector measures the levels of so many weeks: it cannot wait for more, nor look further back."""
FEWEST_BASELINE_WEEKS = 6
"""With fewer there is no baseline, and every community would be learning for ever."""
MOST_BASELINE_WEEKS = 27
"""What the 4 present weeks leave of the weeks that are looked at."""
Weeks = Annotated[int, Field(ge=1, le=52)]
WeeksLookedAt = Annotated[int, Field(ge=1, le=WEEKS_LOOKED_AT)]


class DetectionSettings(Section):
    """When a decline is one; see docs/detection.md before changing any."""

    false_alarms_per_community_year: Positive = 0.1
    """Alerts for nothing that may be raised in a year of one community, on average over a network; the score thresholds
    of the detector follow from it by a table that was measured (`elan bench detection --calibrate`)."""
    history_weeks_needed: WeeksLookedAt = 9
    """A community younger than this is not judged; at most 31."""
    baseline_weeks: Annotated[int, Field(ge=FEWEST_BASELINE_WEEKS, le=MOST_BASELINE_WEEKS)] = 8
    """Weeks before the present ones that make the baseline, 6 to 27 (fewer, at least 6, where it is younger)."""
    smallest_baseline_participants: Positive = 3.5
    """Weekly participants below which a baseline is too small to judge."""
    low_confidence_participants: Positive = 6.0
    """Weekly participants below which an alert says `confidence: low`."""
    drop_ratio: Share = 0.5
    """Present level over baseline at or below which a decline is strong."""
    latest_week_ratio: Share = 0.75
    """The newest week must lie at or below this share of the baseline: the decline is not over yet."""
    each_week_ratio: Share = 0.85
    """All present weeks but one must lie at or below this share of the baseline."""
    fast_drop_ratio: Share = 0.6
    """Present level over baseline at or below which the last 1 to 3 weeks of a large community are a drop."""
    smallest_fast_baseline_participants: Positive = 12.0
    """Weekly participants below which so few weeks say too little."""
    overdispersion_size: Positive = 8.0
    """Smallest size of the negative binomial of weekly participants (variance = mean + mean squared / size)."""
    days_in_a_row: Count = 3
    """Consecutive boundaries a decline must show before a watch is raised."""
    confirmed_weeks: Weeks = 4
    """Weeks since the onset before a watch can be confirmed."""
    confirmed_weeks_at_most: WeeksLookedAt = 12
    """Weeks since the onset after which a watch is not confirmed any more: its year looks the same from then on
    (at most 31)."""
    confirmed_agreement_ratio: Share = 0.6
    """Share of 42 segmenters of the last year that must see the decline for a watch to be confirmed."""
    recovered_ratio: Share = 0.7
    """Mean of the last 3 weeks over baseline at or above which an alert is resolved as recovered."""
    settled_weeks: Weeks = 16
    """Weeks after which an open alert is resolved: the lower level is the new baseline."""
    dormant_weeks: Weeks = 8
    """Weeks without any participant after which an open alert is resolved as dormant."""
    network_participants_needed: Count = 20
    """Weekly participants the rest of the network must have for its level to be divided out."""
    network_outage_ratio: Share = 0.6
    """Level of the rest of the network over its 8-week median at or below which communities are held back."""
    holidays_a_week: Count = 3
    """Public holidays on working days within a week at or above which communities are held back."""
    update_ratio_change: Positive = 0.15
    """Change of the drop ratio, at least 7 days after the last step, that is worth an update."""

    @model_validator(mode="after")
    def _can_confirm(self) -> DetectionSettings:
        if self.confirmed_weeks > self.confirmed_weeks_at_most:
            raise ValueError(
                f"confirmed_weeks is {self.confirmed_weeks}, more than detection.confirmed_weeks_at_most "
                f"({self.confirmed_weeks_at_most}): no watch could be confirmed, lower the one or raise the other"
            )
        return self
