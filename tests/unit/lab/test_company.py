"""The simulated company: what makes it look real must be in its activities, and the truth must be true."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from datetime import date, timedelta
from functools import lru_cache
from statistics import mean, variance
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import orjson
import pytest

from pipeline.lab.company import SimulatedCompany, simulate
from pipeline.model import CONVERSATIONAL, PARTICIPATION, Kind, TimePrecision

if TYPE_CHECKING:
    from pipeline.lab.company_plan import Decline
    from pipeline.model import Activity

pytestmark = pytest.mark.slow

PARIS = ZoneInfo("Europe/Paris")
SEEDS = (1, 7, 11)


@lru_cache(maxsize=len(SEEDS))
def company(seed: int) -> SimulatedCompany:
    return simulate(seed)


def digest(seed: int) -> str:
    activities = simulate(seed, communities=10, members=200, months=6).activities
    return hashlib.sha256(b"\n".join(orjson.dumps(_plain(each)) for each in activities)).hexdigest()


def _plain(activity: Activity) -> dict[str, object]:
    return {name: getattr(activity, name) for name in activity.__struct_fields__}


def takes_part(activity: Activity) -> bool:
    dated = activity.timeprecision is not TimePrecision.OF_OBJECT
    return activity.kind in PARTICIPATION and dated and not activity.bot


def local_date(activity: Activity) -> date:
    return activity.time.astimezone(PARIS).date()


@lru_cache(maxsize=len(SEEDS))
def daily_participants(seed: int) -> dict[tuple[str, date], set[str]]:
    people = defaultdict(set)
    for activity in company(seed).activities:
        if takes_part(activity):
            people[activity.community, local_date(activity)].add(activity.actor or "")
    return people


def acts_a_day(seed: int, first: date, days: int) -> float:
    """Acts of people a day, on average of the `days` from `first` on."""
    wanted = {first + timedelta(days=number) for number in range(days)}
    return sum(local_date(each) in wanted for each in company(seed).activities if takes_part(each)) / days


def weekly_participants(seed: int, community: str, monday: date) -> int:
    days = daily_participants(seed)
    week = (days.get((community, monday + timedelta(days=number)), set()) for number in range(7))
    return len(set().union(*week))


def on_purpose(seed: int) -> list[Decline]:
    return [decline for decline in company(seed).truth if decline.on_purpose]


def test_the_same_seed_gives_the_same_activities_and_another_seed_others() -> None:
    assert digest(7) == digest(7)
    assert digest(7) != digest(8)


def test_activities_come_in_order_of_time_then_id_and_ids_tell_the_seed() -> None:
    activities = company(7).activities

    assert [(each.time, each.id) for each in activities] == sorted((each.time, each.id) for each in activities)
    assert len({each.id for each in activities}) == len(activities)
    assert all(each.id.startswith("sim-7-") for each in activities)
    assert {(each.network, each.platform) for each in activities} == {("acme", "simulated")}


@pytest.mark.parametrize("seed", SEEDS)
def test_two_years_of_40_communities_are_some_130_000_activities(seed: int) -> None:
    activities = company(seed).activities

    assert 110_000 <= len(activities) <= 160_000
    assert len({each.community for each in activities}) == 40
    assert len({each.communityname for each in activities}) == 40
    # 2024-07-01 ........ 2026-06-30
    assert local_date(activities[0]) == date(2024, 7, 1)
    assert local_date(activities[-1]) == date(2026, 6, 30)
    assert len({each.actor for each in activities if not each.bot and each.actor}) > 1_300


def test_every_kind_of_the_brief_occurs_with_what_belongs_to_it() -> None:
    activities = company(7).activities
    kinds = Counter(each.kind for each in activities)

    assert {Kind.POST, Kind.COMMENT, Kind.REACTION, Kind.SHARE, Kind.MENTION, Kind.JOIN, Kind.VIEW} <= kinds.keys()
    views = [each for each in activities if each.kind is Kind.VIEW]
    assert all(each.actor is None for each in views)
    assert mean(each.count for each in views) > 10
    undated = [each for each in activities if each.timeprecision is TimePrecision.OF_OBJECT]
    assert 0.1 < len(undated) / kinds[Kind.REACTION] < 0.6
    assert {each.kind for each in undated} == {Kind.REACTION}
    assert {each.actor for each in activities if each.bot}


def test_weekends_are_quiet_and_people_work_by_day() -> None:
    acts = [each for each in company(7).activities if takes_part(each)]
    weekdays = Counter(each.time.astimezone(PARIS).weekday() for each in acts)
    working = sum(weekdays[day] for day in range(5)) / 5
    weekend = sum(weekdays[day] for day in (5, 6)) / 2

    assert 0.02 < weekend / working < 0.15
    hours = Counter(each.time.astimezone(PARIS).hour for each in acts)
    assert sum(hours[hour] for hour in range(8, 19)) / len(acts) > 0.9


@pytest.mark.parametrize("seed", SEEDS)
def test_august_and_christmas_are_quiet(seed: int) -> None:
    # 2025: May and June as usual | 4 August, three weeks | ... | 22 December, two weeks | 12 January, three weeks
    usual = acts_a_day(seed, date(2025, 6, 16), 28)
    january = acts_a_day(seed, date(2026, 1, 12), 21)

    assert 0.35 < acts_a_day(seed, date(2025, 8, 4), 21) / usual < 0.7
    assert 0.1 < acts_a_day(seed, date(2025, 12, 22), 14) / january < 0.4


@pytest.mark.parametrize("seed", SEEDS)
def test_one_outage_of_three_working_days_silences_the_network(seed: int) -> None:
    # Tue Wed Thu down; the same days a week before and after are busy
    down = company(seed).seasons.outage_on
    around = (acts_a_day(seed, down - timedelta(days=7), 3) + acts_a_day(seed, down + timedelta(days=7), 3)) / 2

    assert down.weekday() == 1
    assert date(2025, 7, 1) <= down <= date(2026, 6, 30)
    assert acts_a_day(seed, down, 3) < 0.03 * around


def test_daily_actives_vary_about_twice_as_much_as_by_chance() -> None:
    # Tuesdays and Thursdays of ordinary weeks: 2025-02-01 ......... 2025-03-31, before any decline
    days = [date(2025, 1, 28) + timedelta(days=number) for number in range(62)]
    ordinary = [day for day in days if day.weekday() in {1, 3}]
    ratios = []
    for community in {each.community for each in company(7).activities}:
        counts = [len(daily_participants(7).get((community, day), ())) for day in ordinary]
        if mean(counts) >= 2:
            ratios.append(variance(counts) / mean(counts))

    assert 1.2 < mean(ratios) < 3.0


def test_few_members_make_half_of_the_contributions() -> None:
    contributions: dict[str, Counter[str]] = defaultdict(Counter)
    for each in company(7).activities:
        if each.kind in CONVERSATIONAL and not each.bot and each.actor:
            contributions[each.community][each.actor] += 1
    champions = sorted(_making_half(counts) for counts in contributions.values())

    assert 2 <= champions[len(champions) // 2] <= 5


def _making_half(counts: Counter[str]) -> int:
    """The fewest members who together make half."""
    reached = 0
    for number, (_, count) in enumerate(counts.most_common(), start=1):
        reached += count
        if reached * 2 >= counts.total():
            return number
    return 0


@pytest.mark.parametrize("seed", SEEDS)
def test_eight_declines_begin_in_ordinary_weeks_long_after_the_start(seed: int) -> None:
    declines = on_purpose(seed)

    assert len(declines) == 8
    assert len({decline.community for decline in declines}) == 8
    shares = sorted(decline.to_share for decline in declines)
    assert shares[:2] == [0, 0]
    assert all(0.25 <= share <= 0.35 for share in shares[2:5])
    assert all(0.40 <= share <= 0.50 for share in shares[5:])
    assert sum(decline.why == "its champions left" for decline in declines) == 2
    for decline in declines:
        # month 9 ... month 22, outside 1 July - 10 September and 15 December - 20 January
        assert date(2025, 4, 1) <= decline.since <= date(2026, 4, 30)
        place = (decline.since.month, decline.since.day)
        assert not (7, 1) <= place <= (9, 10)
        assert (1, 20) < place < (12, 15)
        assert decline.rebounds_on is None or (decline.rebounds_on - decline.since).days >= 16 * 7
    onsets = sorted(decline.since for decline in declines)
    assert (onsets[-1] - onsets[0]).days > 250


@pytest.mark.parametrize("seed", SEEDS)
def test_each_decline_falls_to_about_its_share_and_stays_there(seed: int) -> None:
    # 10 weeks before | 3 weeks to fall | up to 13 weeks after, August and Christmas apart
    for decline in on_purpose(seed):
        monday = decline.since - timedelta(days=decline.since.weekday())
        before = _ordinary_level(seed, decline, [monday - timedelta(weeks=week) for week in range(1, 11)])
        after = _ordinary_level(seed, decline, [monday + timedelta(weeks=week) for week in range(4, 17)])

        assert before >= 14, decline
        assert abs(after / before - decline.to_share) < 0.2, (decline, before, after)


def _ordinary_level(seed: int, decline: Decline, mondays: list[date]) -> float:
    calendar = company(seed).seasons
    last = date(2026, 6, 22)
    weeks = [monday for monday in mondays if monday <= last and calendar.is_ordinary(monday, 1)]
    return mean(weekly_participants(seed, decline.community, monday) for monday in weeks)


@pytest.mark.parametrize("seed", SEEDS)
def test_where_champions_go_the_busiest_of_before_are_silent_after(seed: int) -> None:
    for decline in on_purpose(seed):
        if decline.why != "its champions left":
            continue
        # -90 ........ | ... 21 ........ end
        before, after = Counter[str](), Counter[str]()
        for each in company(seed).activities:
            if each.community == decline.community and each.kind in CONVERSATIONAL and not each.bot:
                days = (local_date(each) - decline.since).days
                before[each.actor or ""] += -90 <= days < 0
                after[each.actor or ""] += days > 21
        champion, contributions = before.most_common(1)[0]

        assert contributions > 40
        # Who left may still pass by.
        assert after[champion] < 0.1 * contributions


@pytest.mark.parametrize("seed", SEEDS)
def test_communities_without_a_fall_in_the_truth_hold(seed: int) -> None:
    # spring of the first year against the spring a year later
    fallen = {decline.community for decline in company(seed).truth}
    holding = {each.community for each in company(seed).activities} - fallen
    ratios = []
    for community in sorted(holding):
        first, second = (
            mean(weekly_participants(seed, community, start + timedelta(weeks=week)) for week in range(8))
            for start in (date(2025, 3, 3), date(2026, 3, 2))
        )
        ratios.append(second / first)

    assert len(holding) >= 20
    assert min(ratios) > 0.65
    assert 0.9 < mean(ratios) < 1.1


def test_less_than_a_year_has_no_decline_on_purpose() -> None:
    short = simulate(3, communities=12, members=200, months=8)

    assert [decline for decline in short.truth if decline.on_purpose] == []
