from __future__ import annotations

import gzip
from collections import defaultdict
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model import PARTICIPATION
from pipeline.scoring.life import DAYS_A_MONTH, DEAD_AFTER_DAYS, ESTABLISHED_ACTIVE_WEEKS, Life
from pipeline.scoring.survival import (
    SEED_INACTIVE_SHARE,
    Survival,
    chance_of_success,
    inactive_share,
    learn_survival,
    size_class,
)

if TYPE_CHECKING:
    from pathlib import Path

DAY = 20_000
YEAR = 365


def life(
    lived_days: int, quiet_days: int = 0, size: float = 3.0, active_weeks: int = 2, line: str | None = None
) -> Life:
    """One that began `lived_days` + `quiet_days` before DAY and was last active `quiet_days` before."""
    last = DAY - quiet_days
    return Life(last - lived_days, last, active_weeks, size, line=line)


def dead(lived_days: int, **more: float) -> Life:
    return life(lived_days, 1000, **more)  # type: ignore[arg-type]


lives_of_any_kind = st.lists(
    st.builds(
        life,
        st.integers(0, 3000),
        st.integers(0, 2000),
        st.floats(0, 80),
        st.integers(0, 60),
        st.sampled_from([None, "practice", "process"]),
    ),
    max_size=60,
)


def test_without_censoring_the_curve_is_the_share_still_alive() -> None:
    # born ...... 1, 4, 7, 10 months ...... all silent for 1000 days now
    found = learn_survival([dead(int(months * DAYS_A_MONTH)) for months in (1, 4, 7, 10)], DAY).all_spaces
    assert [round(point.survival, 3) for point in found.points] == [1.0] + [0.75] * 3 + [0.5] * 3 + [0.25] * 3
    assert [point.at_risk for point in found.points] == [4, 3, 3, 3, 2, 2, 2, 1, 1, 1]
    assert (found.communities, found.deaths, found.half_life_days) == (4, 4, int(4 * DAYS_A_MONTH))


def test_a_textbook_example_with_censoring() -> None:
    # Deaths at 100 and 300 days, one seen alive for 200: (1 - 1/3) * (1 - 1/1).
    alive = Life(DAY - DEAD_AFTER_DAYS - 200, DAY)
    found = learn_survival([dead(100), alive, dead(300)], DAY).all_spaces
    assert (found.deaths, found.communities) == (2, 3)
    assert [round(found.points[month].survival, 4) for month in (3, 4, 6, 9)] == [1.0, 0.6667, 0.6667, 0.6667]
    assert len(found.points) == 10  # nobody was seen for 10 months
    assert found.half_life_days == 300


def test_a_silence_of_180_days_is_a_death_and_one_of_179_is_not() -> None:
    found = learn_survival([life(400, DEAD_AFTER_DAYS), life(400, DEAD_AFTER_DAYS - 1)], DAY)
    assert (found.all_spaces.communities, found.all_spaces.deaths) == (2, 1)


def test_those_that_die_at_a_steady_rate_are_not_taken_for_survivors_in_the_last_half_year() -> None:
    # One begins every 10 days and lives 300 days; those younger than 480 days cannot be known to be dead.
    lives = [Life(first, min(first + 300, DAY)) for first in range(DAY - 3000, DAY, 10)]
    found = learn_survival(lives, DAY).all_spaces
    assert [point.survival for point in found.points] == [1.0] * 10
    assert found.half_life_days == 300


def test_one_that_began_within_the_last_half_year_is_not_counted() -> None:
    assert learn_survival([life(DEAD_AFTER_DAYS - 1)], DAY).all_spaces.communities == 0
    assert learn_survival([life(DEAD_AFTER_DAYS)], DAY).all_spaces.communities == 1


def test_a_space_nobody_ever_took_part_in_died_on_its_first_day() -> None:
    found = learn_survival([Life(DAY - 900), life(900)], DAY).all_spaces
    assert (found.deaths, [point.survival for point in found.points[:2]]) == (1, [1.0, 0.5])


def test_more_than_half_alive_have_no_half_life() -> None:
    assert learn_survival([dead(100), life(900), life(900)], DAY).all_spaces.half_life_days is None


def test_the_clock_of_the_established_starts_at_twelve_weeks() -> None:
    weeks = ESTABLISHED_ACTIVE_WEEKS
    found = learn_survival([dead(84 + 40, active_weeks=weeks), dead(500, active_weeks=weeks), dead(90)], DAY)
    assert (found.established.communities, found.established.from_days) == (2, 84)
    assert [point.survival for point in found.established.points[:3]] == [1.0, 1.0, 0.5]
    assert found.established.at_age(1) is None  # nobody can be established that young
    assert found.established.at_age(84 / DAYS_A_MONTH + 2) == found.established.points[2]


def test_the_seeds_half_is_measured_over_all_spaces_at_five_months() -> None:
    # Six of ten are silent for good within five months, whatever becomes of the others.
    lives = [dead(days) for days in (0, 5, 20, 60, 100, 150)] + [life(900, active_weeks=30) for _ in range(4)]
    survival = learn_survival(lives, DAY)
    assert inactive_share(survival) == 0.6 > SEED_INACTIVE_SHARE
    assert inactive_share(learn_survival([], DAY)) is None


@pytest.mark.parametrize(
    ("size", "name"), [(0, "<6"), (5.9, "<6"), (6, "6-12"), (12, "12-25"), (25, "25-50"), (50, "50+"), (999, "50+")]
)
def test_a_lower_bound_belongs_to_its_size_class(size: float, name: str) -> None:
    assert size_class(size) == name


def test_classes_and_lines_with_too_few_communities_are_absent() -> None:
    lives = [dead(100 + place, size=8.0) for place in range(10)] + [life(900, line="practice") for _ in range(9)]
    found = learn_survival(lives, DAY)
    assert (list(found.by_size), found.by_line) == (["6-12"], {})
    assert list(learn_survival(lives, DAY, smallest_cell=9).by_line) == ["practice"]


def test_the_chance_is_the_share_of_those_as_old_that_lived_on() -> None:
    # Of 20 that reached a year, 5 died in the 18th month: 15 of 20 are alive a year later, all half a year earlier.
    lives = [dead(int(17.5 * DAYS_A_MONTH)) for _ in range(5)] + [dead(1500) for _ in range(15)] + [dead(9)] * 30
    survival = learn_survival(lives, DAY)
    chance = chance_of_success(survival, 3.0, YEAR, 0, 12)
    assert chance is not None
    assert (chance.probability, chance.at_risk, chance.curve) == (0.75, 20, "<6")
    in_four_months = chance_of_success(survival, 3.0, YEAR, 0, 4)
    assert in_four_months is not None
    assert in_four_months.probability == 1.0


def test_one_that_is_silent_is_judged_by_the_age_it_was_last_seen_at() -> None:
    # Half die in month 12. Aged 13 months: silent for two months it may be among them, seen yesterday it is not.
    lives = [dead(int(12 * DAYS_A_MONTH) + 1) for _ in range(10)] + [dead(1500) for _ in range(10)]
    survival = learn_survival(lives, DAY)
    seen, silent = (chance_of_success(survival, 3.0, int(13 * DAYS_A_MONTH) + 1, days, 6) for days in (0, 61))
    assert seen is not None
    assert silent is not None
    assert (seen.probability, silent.probability) == (1.0, 0.5)


def test_the_dead_have_no_chance_to_be_told() -> None:
    survival = learn_survival([dead(1500) for _ in range(20)], DAY)
    assert chance_of_success(survival, 3.0, 500, DEAD_AFTER_DAYS - 1, 6) is not None
    assert chance_of_success(survival, 3.0, 500, DEAD_AFTER_DAYS, 6) is None


def test_the_curve_falls_back_from_size_to_established_to_all_to_none() -> None:
    small = [dead(1500, size=3.0, active_weeks=50) for _ in range(10)]
    takes_off_never = [dead(700, size=3.0) for _ in range(10)]
    survival = learn_survival(small + takes_off_never, DAY)
    curves = [
        chance_of_success(survival, size, age_days, 0, 6)
        for size, age_days in ((3.0, 400), (60.0, 400), (60.0, 40), (60.0, 1600))
    ]
    assert [chance and chance.curve for chance in curves] == ["<6", "established", "all", None]


def test_too_few_at_risk_say_nothing() -> None:
    assert chance_of_success(learn_survival([dead(1500)] * 9, DAY), 3.0, 400, 0, 6) is None
    assert chance_of_success(learn_survival([], DAY), 3.0, 400, 0, 6) is None


def test_an_interval_is_wider_where_fewer_are_at_risk() -> None:
    few, many = (
        learn_survival([dead(100)] * count + [dead(1500)] * count, DAY).all_spaces.points[12] for count in (5, 50)
    )
    assert few.low < many.low < 0.5 < many.high < few.high


def test_a_curve_without_a_death_is_not_certain() -> None:
    # Of ten seen all live: with 95 % confidence at least 0.05 ** (1/10) do.
    point = learn_survival([life(900)] * 10, DAY).all_spaces.points[12]
    assert (point.survival, point.high) == (1.0, 1.0)
    assert point.low == pytest.approx(0.05**0.1, abs=1e-6)


@given(lives_of_any_kind, st.randoms(use_true_random=False))
def test_the_order_of_communities_does_not_matter(lives: list[Life], random: object) -> None:
    shuffled = list(lives)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert learn_survival(shuffled, DAY, 1) == learn_survival(lives, DAY, 1)


@given(lives_of_any_kind)
def test_survival_never_increases_and_lies_in_its_interval(lives: list[Life]) -> None:
    found = learn_survival(lives, DAY, 1)
    for curve in (found.all_spaces, found.established, *found.by_size.values(), *found.by_line.values()):
        shares = [point.survival for point in curve.points]
        assert shares == sorted(shares, reverse=True)
        assert all(0 <= p.low <= p.survival <= p.high <= 1 for p in curve.points)
        assert all(point.at_risk > 0 for point in curve.points)


@given(lives_of_any_kind, st.floats(0, 80), st.integers(0, 2500), st.integers(0, 179))
def test_a_chance_is_a_probability_and_falls_with_time(
    lives: list[Life], size: float, age_days: int, silent_days: int
) -> None:
    survival = learn_survival(lives, DAY, 1)
    half_year, year = (chance_of_success(survival, size, age_days, silent_days, months) for months in (6, 12))
    assert half_year is None or 0 <= half_year.probability <= 1
    if half_year is not None and year is not None and half_year.curve == year.curve:
        assert year.probability <= half_year.probability


@given(lives_of_any_kind)
def test_curves_are_kept_as_json(lives: list[Life]) -> None:
    survival = learn_survival(lives, DAY, 1)
    assert msgspec.json.decode(msgspec.json.encode(survival), type=Survival) == survival


def lives_of(archive: Path) -> tuple[list[Life], int]:
    """Lives straight from a flat file, without the windows, as of its last day (in UTC)."""
    weeks: dict[str, set[int]] = defaultdict(set)
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    day = 0
    with gzip.open(archive) as lines:
        for line in lines:
            activity = orjson.loads(line)
            when = datetime.fromisoformat(activity["time"].replace("Z", "+00:00"))
            day, community = when.toordinal() - datetime(1970, 1, 1).toordinal(), activity["community"]  # noqa: DTZ001
            first.setdefault(community, day)
            dated = activity.get("timeprecision") != "of_object"
            if dated and activity.get("actor") and not activity.get("bot") and activity["kind"] in PARTICIPATION:
                last[community] = day
                weeks[community].add(day // 7)
    return [Life(first[name], last.get(name), len(weeks[name])) for name in first], day


def product_limit(lives: list[Life], from_days: int, at_days: float) -> float:
    """Kaplan and Meier's estimate by hand: the product of the shares that outlived each death."""
    end = DAY - DEAD_AFTER_DAYS
    ends = [one.first_day if one.last_active_day is None else one.last_active_day for one in lives]
    spans = [max(min(e, end) - one.first_day - from_days, 0) for one, e in zip(lives, ends, strict=True)]
    deaths = [span for span, e in zip(spans, ends, strict=True) if e <= end and span < at_days]
    share = 1.0
    for death in set(deaths):
        share *= 1 - deaths.count(death) / sum(span >= death for span in spans)
    return share


def test_on_real_archives_the_established_outlive_spaces_of_all_kinds(data_folder: Path) -> None:
    archives = [lives_of(data_folder / f"{name}.jsonl.gz") for name in ("ncar", "houston", "urho3d")]
    # Each archive ends on another day; all are brought to end on DAY.
    lives = [
        Life(one.first_day + DAY - day, one.last_active_day and one.last_active_day + DAY - day, one.active_weeks)
        for found, day in archives
        for one in found
        if one.first_day <= day - DEAD_AFTER_DAYS
    ]
    established = [one for one in lives if one.active_weeks >= ESTABLISHED_ACTIVE_WEEKS]
    found = learn_survival(lives, DAY)
    assert (found.all_spaces.communities, found.established.communities) == (54, 33)
    for months in (5, 12, 24, 60):
        everybody, kept = (curve.points[months].survival for curve in (found.all_spaces, found.established))
        assert everybody == pytest.approx(product_limit(lives, 0, months * DAYS_A_MONTH), abs=1e-6)
        assert kept == pytest.approx(product_limit(established, 84, months * DAYS_A_MONTH), abs=1e-6)
        assert everybody < kept
    # With the largest archive, too slow for here: .94, .82 and .53.
    assert [round(found.established.points[months].survival, 2) for months in (12, 24, 60)] == [1.0, 0.87, 0.56]
    assert inactive_share(found) == pytest.approx(0.24, abs=0.005)
