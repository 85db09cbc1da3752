"""Timelines: `|` is a strong decline, `:` a neutral place, `^` an alert; days count from the first of the archive."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from pipeline.errors import InputError, SettingsError
from pipeline.lab.evaluation.alert_days import AlertStep, Tier, alert_days, read_alerts
from pipeline.lab.evaluation.labels import CommunityLabels, Labels
from pipeline.lab.evaluation.matching import Met, figures, meet
from pipeline.lab.evaluation.series import Series
from pipeline.lab.evaluation.simple_rules import SIMPLE_RULES, SimpleRule, rule_days

if TYPE_CHECKING:
    from pathlib import Path

MONDAY = datetime(2026, 3, 2, tzinfo=timezone.utc)
FIRST_DAY = 20_514
DAYS = 1_000
RULES = {rule.name: rule for rule in SIMPLE_RULES}


def met(alerts: list[int], *, strong: tuple[float, ...] = (), neutral: tuple[int, ...] = ()) -> Met:
    own = CommunityLabels(strong, neutral, years=2.0, watched_years=1.0)
    return meet(Labels("file", FIRST_DAY, DAYS, {"c1": own}), {"c1": alerts})["c1"]


@pytest.mark.parametrize(("day", "hit"), [(85, False), (86, True), (100, True), (156, True), (157, False)])
def test_an_alert_hits_from_two_weeks_before_to_eight_weeks_after(day: int, *, hit: bool) -> None:
    #      86 ......... 100 .................. 156
    #       ^            |                      ^
    found = met([day], strong=(100.0,))
    assert found.hits == (((100.0, day),) if hit else ())
    assert found.missed == (() if hit else (100.0,))
    assert found.false == (() if hit else (day,))


def test_the_first_alert_is_the_hit_and_the_next_one_is_false() -> None:
    # 100   110  120
    #  |     ^    ^
    found = met([110, 120], strong=(100.0,))
    assert (found.hits, found.false) == (((100.0, 110),), (120,))


def test_two_declines_need_two_alerts() -> None:
    # 100   130  140
    #  |     |    ^
    found = met([140], strong=(100.0, 130.0))
    assert (found.hits, found.missed) == (((100.0, 140),), (130.0,))


@pytest.mark.parametrize(("day", "neutral"), [(285, False), (286, True), (356, True), (357, False)])
def test_an_alert_near_a_neutral_place_counts_neither_way(day: int, *, neutral: bool) -> None:
    found = met([day], neutral=(300,))
    assert (found.neutral, found.false) == (((day,), ()) if neutral else ((), (day,)))


@pytest.mark.parametrize(("day", "neutral"), [(DAYS - 42, False), (DAYS - 41, True), (DAYS, True)])
def test_the_last_six_weeks_cannot_be_judged(day: int, *, neutral: bool) -> None:
    found = met([day])
    assert (found.neutral, found.false) == (((day,), ()) if neutral else ((), (day,)))


def test_figures_add_communities_up() -> None:
    one = met([110, 500, 700], strong=(100.0,), neutral=(690,))  # a hit after 10 days, a false one, a neutral one
    other = met([230], strong=(200.0, 400.0))  # a hit after 30 days, a miss
    found = figures([one, other])
    assert (found.communities, found.declines, found.hits, found.false, found.neutral) == (2, 3, 2, 1, 1)
    assert (found.recall, found.precision, found.strict_precision) == (2 / 3, 2 / 3, 2 / 4)
    assert found.f1 == pytest.approx(2 / 3)
    assert (found.false_per_community_year, found.false_per_watched_year) == (1 / 4, 1 / 2)
    assert (found.delay_days_median, found.delay_days_p75) == (20.0, 25.0)


def test_the_interval_comes_from_drawing_communities_anew() -> None:
    hit, miss = met([110], strong=(100.0,)), met([], strong=(100.0,))
    interval = figures([hit] * 10 + [miss] * 10).f1_90_percent
    assert interval is not None
    assert interval[0] < 2 / 3 < interval[1]
    # Twice the communities know more, and the same communities always give the same interval.
    wider, narrower = figures([hit, miss] * 10).f1_90_percent, figures([hit, miss] * 40).f1_90_percent
    assert wider == figures([hit, miss] * 10).f1_90_percent
    assert wider is not None
    assert narrower is not None
    assert wider[0] < narrower[0] < narrower[1] < wider[1]
    assert figures([hit] * 5).f1_90_percent == (1.0, 1.0)


def test_without_a_decline_only_false_alarms_are_told() -> None:
    found = figures([met([500])])
    assert (found.false, found.false_per_community_year) == (1, 0.5)
    assert {found.recall, found.precision, found.strict_precision, found.f1, found.f1_90_percent} == {None}


def test_who_never_alerts_has_an_f1_of_nothing_and_no_precision() -> None:
    found = figures([met([], strong=(100.0,))])
    assert (found.recall, found.f1, found.precision, found.delay_days_median) == (0.0, 0.0, None, None)


def network(*daily: list[int], zone: str = "UTC") -> Series:
    counts = np.array(daily)
    names = tuple(f"c{number}" for number in range(1, len(daily) + 1))
    return Series("file", "acme", ZoneInfo(zone), FIRST_DAY, names, counts, counts)


def step(
    day: float,
    state: str = "raised",
    stage: str | None = "watch",
    *,
    alert: str = "momentum",
    id: str = "a1",  # noqa: A002 - the name of the field
    network: str | None = None,
) -> AlertStep:
    return AlertStep(id, "c1", alert, state, MONDAY + timedelta(days=day), stage, network)


STEPS = [
    step(10),
    step(20, "updated"),
    step(30, "updated", "confirmed"),
    step(40, "updated", "confirmed"),
    step(50, "resolved", "confirmed"),
    step(60, "raised", "confirmed", id="a2"),
    step(70, "notice", None, alert="rebound", id="a3"),
    step(80, "raised", alert="network", id="a4"),
    step(90, id="a5", network="other"),
]


def test_watch_is_the_raise_and_confirmed_the_first_step_that_says_so() -> None:
    # 10 raised .. 30 confirmed .. 40 still so .. 50 resolved .. 60 raised as confirmed
    series = network([1])
    assert alert_days(STEPS, series, Tier.WATCH) == {"c1": [10, 60]}
    assert alert_days(STEPS, series, Tier.CONFIRMED) == {"c1": [30, 60]}


def test_a_step_told_twice_is_one() -> None:
    assert alert_days([step(10), step(10), step(11, id="a2")], network([1]), Tier.WATCH) == {"c1": [10, 11]}


def test_an_alert_is_of_the_day_that_begins_with_it_in_the_networks_time_zone() -> None:
    # Midnight in Paris is 23:00 UTC of the day before.
    assert alert_days([step(9 + 23 / 24)], network([1], zone="Europe/Paris"), Tier.WATCH) == {"c1": [10]}


def test_alerts_of_any_detector_are_read_by_their_few_fields(tmp_path: Path) -> None:
    path = tmp_path / "alerts.jsonl"
    line = '{"id":"a1","community":"c1","alert":"momentum","state":"raised","at":"2026-03-12T00:00:00Z"}\n'
    path.write_text(f"\n{line}")
    assert alert_days(read_alerts(path, network([1])), network([1]), Tier.WATCH) == {"c1": [10]}


@pytest.mark.parametrize(
    ("line", "error", "part"),
    [
        ("{}", InputError, r"alerts\.jsonl:1 is no alert step"),
        ("raised", InputError, r"alerts\.jsonl:1 is no alert step"),
        (
            '{"id":"a","community":"c1","alert":"momentum","state":"raised","at":"2026-03-12T00:00:00"}',
            InputError,
            "at has no offset",
        ),
        (
            '{"id":"a","community":"zz","alert":"momentum","state":"raised","at":"2026-03-12T00:00:00Z"}',
            SettingsError,
            "does not fit file",
        ),
        (
            '{"id":"a","network":"zz","community":"c1","alert":"momentum","state":"raised","at":"2026-03-12T00:00:00Z"}',
            SettingsError,
            "does not fit file",
        ),
    ],
)
def test_what_is_no_alert_of_this_network_is_refused(
    tmp_path: Path, line: str, error: type[Exception], part: str
) -> None:
    path = tmp_path / "alerts.jsonl"
    path.write_text(line + "\n")
    with pytest.raises(error, match=part):
        read_alerts(path, network([1]))


def test_no_alert_at_all_fits_every_network(tmp_path: Path) -> None:
    path = tmp_path / "alerts.jsonl"
    path.touch()
    assert read_alerts(path, network([1])) == []


# Days count from 0; a rule speaks at the end of the day, that is on the next.
@pytest.mark.parametrize(
    ("rule", "daily", "days"),
    [
        ("silent", [9] * 40 + [0] * 40, []),
        ("timer30", [1] + [0] * 50, [31]),
        ("timer30", [0] * 50, []),
        ("week_over_week", [4] * 14 + [1] * 14, [19]),
        ("week_over_week", [2] * 14 + [0] * 14, []),
        ("ratio_7_28", [4] * 28 + [0] * 7, [32]),
        ("ratio_28_84", [1] * 120 + [0] * 28, [135]),
    ],
)
def test_a_simple_rule_speaks_on_its_day(rule: str, daily: list[int], days: list[int]) -> None:
    assert rule_days(network(daily), RULES[rule]) == {"c1": days}


@pytest.mark.parametrize(("quiet", "days"), [(27, [1]), (28, [1, 30])])
def test_a_rule_speaks_again_once_it_has_not_held_for_four_weeks(quiet: int, days: list[int]) -> None:
    # It holds on day 0, then not for so many days, then for two.
    rule = SimpleRule("made", "whenever somebody is there", lambda daily: daily > 0)
    assert rule_days(network([1, *[0] * quiet, 1, 1]), rule)["c1"] == days
