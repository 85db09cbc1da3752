"""What is worth telling of those who carry a community: one falls silent, one carries it alone, one is new.

A community is looked at every second week. A notice is told once for each occasion; what was told is kept in its state.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from pipeline.history import WEEK_DAYS
from pipeline.scoring.champion_texts import ChampionNotice, ChampionNoticeKind
from pipeline.scoring.champions import (
    CHAMPION_QUIET_DAYS,
    CHAMPION_WINDOW_DAYS,
    REGULAR_CONTRIBUTIONS,
    Champion,
    carriers,
    champions,
    named,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.history import Members

EPOCH = date(1970, 1, 1)
WEEKS = CHAMPION_WINDOW_DAYS // WEEK_DAYS
SMALLEST_ACTIVE_MEMBERS = 5
"""Active members in 91 days. Below it one member is always half of the community, and groups that small are not told
of anyway (docs/privacy.md). It also means that a sole contributor leaves at least four others."""
SMALLEST_CONTRIBUTIONS = 12
"""Contributions in 91 days: about one a week. With fewer, who makes half of them is an accident."""
CARRIED_SHARE = 0.15
"""Share of the contributions from which one member carries a community: where ten do, the loss of one leaves nine."""
MOST_CARRYING = 1 + int(1 / CARRIED_SHARE)
KEPT_AT_IT_WEEKS = 4
"""Weeks of the 13 in which somebody contributed who is said to carry a community. Who came for one discussion leads the
count for 13 weeks, and is then found silent; that is no loss."""
CHANCE_OF_SILENCE = 0.02
"""A silence is told once a member of that rhythm would be silent so long by chance less often than this. Without it,
and without the two above, the archives tell 8 to 20 silences a year of each community, with them about one."""
SOLE_SHARE = 0.6
SOLE_REARMED_SHARE = 0.5
SOLE_REARMED_REVIEWS = 2
NEWCOMER_DAYS = 182
"""A newcomer's first activity is at most this old."""
FOUNDING_DAYS = 91
"""Who came in the first 13 weeks of a community is a founder: everybody was new then."""


ChampionState = dict[str, Any]
"""What is remembered of one community between two reviews: JSON values only, `{}` at first."""


class _Memory(msgspec.Struct, frozen=True, omit_defaults=True):
    """The state of one community. `reviewed` is always there, so that `{}` means: never reviewed."""

    reviewed: int
    silences: dict[str, int] = msgspec.field(default_factory=dict)
    """Pseudonym -> day of the last contribution, of every silence that was told."""
    sole: str | None = None
    sole_lower_reviews: int = 0
    welcomed: list[str] = msgspec.field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Standing:
    """A community as of a boundary: its members, its champions of 91 days, and how large it was in these days."""

    members: Members
    day: int
    champions: int
    foremost: list[Champion]
    """The first of the champions: all who may carry the community alone."""
    contributions: int
    active_members: int

    @property
    def carrying(self) -> list[Champion]:
        return [champion for champion in self.foremost if champion.share >= CARRIED_SHARE]

    def place(self, champion: Champion) -> int:
        """Where one of its champions stands among its members."""
        return bisect_left(self.members.pseudonyms, champion.pseudonym)


def review(
    members: Members, founded_day: int, boundary_day: int, state: ChampionState
) -> tuple[list[ChampionNotice], ChampionState]:
    """What is new of the champions of one community, and the state to hand back at the next review.

    `founded_day` is that of the community's first activity: those who founded it may be among its `members` no more.
    Days after `boundary_day` are ignored. The first review only tells what came up within the last week: what was so
    already a week ago counts as told, or a network would begin with a flood.
    """
    if state:
        memory = msgspec.convert(state, _Memory)
    else:
        _, memory = _review(members, founded_day, boundary_day - WEEK_DAYS, _Memory(boundary_day - WEEK_DAYS))
    notices, memory = _review(members, founded_day, boundary_day, memory)
    remembered: ChampionState = msgspec.to_builtins(memory)
    return notices, remembered


def _review(members: Members, founded_day: int, day: int, memory: _Memory) -> tuple[list[ChampionNotice], _Memory]:
    now = _standing(members, day)
    silent = _silent(members, day)
    sole, sole_now, lower_reviews = _sole(now, memory)
    new = _new(now, founded_day)
    told = [notice for notice in silent if memory.silences.get(notice.champion) != notice.since_day - 1]
    told += sole
    told += [notice for notice in new if notice.champion not in memory.welcomed]
    return told, _Memory(
        reviewed=day,
        silences=_lasting(memory.silences, day) | {n.champion: n.since_day - 1 for n in silent},
        sole=sole_now,
        sole_lower_reviews=lower_reviews,
        welcomed=sorted({n.champion for n in new}.union(_still_new(members, day, memory.welcomed))),
    )


def _standing(members: Members, day: int, preferred: NDArray[np.bool_] | None = None) -> _Standing | None:
    """None where the community is too small for anything to be said of it."""
    after = day - CHAMPION_WINDOW_DAYS
    made = members.contributions(after, day)
    active = int(np.count_nonzero(members.active_days(after, day)))
    total = int(made.sum())
    if active < SMALLEST_ACTIVE_MEMBERS or total < SMALLEST_CONTRIBUTIONS:
        return None
    places = carriers(made, preferred)
    return _Standing(members, day, len(places), named(members, made, places[:MOST_CARRYING]), total, active)


def _silent(members: Members, day: int) -> list[ChampionNotice]:
    """Champions of 21 days ago who carried the community and have contributed nothing since, while others did."""
    quiet_since = day - CHAMPION_QUIET_DAYS
    since = members.contributions(quiet_since, day)
    if not since.any():
        return []
    # Of equals those who go on are taken, as `champions.silent_champions` does.
    before = _standing(members, quiet_since, preferred=since > 0)
    if before is None:
        return []
    return [
        _notice(
            ChampionNoticeKind.CHAMPION_SILENT,
            before,
            champion,
            last + 1,
            silent_days=day - last,
            other_contributors_21_days=int(np.count_nonzero(since)),
            other_contributions_21_days=int(since.sum()),
        )
        for champion in before.carrying
        for place in [before.place(champion)]
        if not since[place]
        for contributed in [_days_with_contributions(members, place, quiet_since)]
        for last in [int(contributed.max())]
        if _is_beyond_chance(contributed, last, day - last)
    ]


def _is_beyond_chance(contributed_days: NDArray[np.int64], last_day: int, silent_days: int) -> bool:
    """Whether a member who contributed in so many weeks before would hardly be silent so long by chance."""
    weeks = _weeks(contributed_days, last_day)
    by_chance = (1.0 - min(weeks / WEEKS, 1.0)) ** (silent_days / WEEK_DAYS)
    return weeks >= KEPT_AT_IT_WEEKS and by_chance <= CHANCE_OF_SILENCE


def _sole(now: _Standing | None, memory: _Memory) -> tuple[list[ChampionNotice], str | None, int]:
    """The notice of a sole contributor if there is a new one; who is remembered as told; reviews in a row below .5."""
    if now is None:
        return [], memory.sole, memory.sole_lower_reviews
    first = now.foremost[0]
    if first.share >= SOLE_SHARE:
        if first.pseudonym == memory.sole:
            return [], memory.sole, 0
        since_day = now.day - CHAMPION_WINDOW_DAYS + 1
        return [_notice(ChampionNoticeKind.SOLE_CONTRIBUTOR, now, first, since_day)], first.pseudonym, 0
    # Whoever stands below may be another member now: then the one told of stands lower still.
    lower = memory.sole_lower_reviews + 1 if first.share < SOLE_REARMED_SHARE else 0
    rearmed = memory.sole is None or lower >= SOLE_REARMED_REVIEWS
    return ([], None, 0) if rearmed else ([], memory.sole, lower)


def _new(now: _Standing | None, founded_day: int) -> list[ChampionNotice]:
    """Champions who came in the last half year, well after the founding, kept at it, and were none 13 weeks ago."""
    if now is None:
        return []
    members = now.members
    earliest = max(now.day - NEWCOMER_DAYS + 1, founded_day + FOUNDING_DAYS)
    came = [champion for champion in now.carrying if members.first_day(now.place(champion)) >= earliest]
    before = champions(members, now.day - CHAMPION_WINDOW_DAYS) if came else []
    known = {champion.pseudonym for champion in before}
    return [
        _notice(ChampionNoticeKind.NEW_CHAMPION, now, champion, first_day, known_days=now.day - first_day + 1)
        for champion in came
        for place in [now.place(champion)]
        for first_day in [members.first_day(place)]
        if champion.pseudonym not in known and champion.contributions >= REGULAR_CONTRIBUTIONS
        if _weeks(_days_with_contributions(members, place, now.day), now.day) >= KEPT_AT_IT_WEEKS
    ]


def _still_new(members: Members, day: int, welcomed: list[str]) -> list[str]:
    """Those of the welcomed who could be found new once more."""
    places = [members.place(name) for name in welcomed]
    return [
        members.pseudonyms[place]
        for place in places
        if place is not None and members.first_day(place) > day - NEWCOMER_DAYS
    ]


def _days_with_contributions(members: Members, place: int, up_to_day: int) -> NDArray[np.int64]:
    own = slice(members.starts[place], members.starts[place + 1])
    days = members.days[own]
    return days[(members.conversational[own] > 0) & (days <= up_to_day)]


def _weeks(contributed_days: NDArray[np.int64], up_to_day: int) -> int:
    """In how many of the 13 weeks up to a day a member contributed."""
    back = up_to_day - contributed_days
    return len(set((back[back < CHAMPION_WINDOW_DAYS] // WEEK_DAYS).tolist()))


def _notice(
    kind: ChampionNoticeKind, standing: _Standing, champion: Champion, since_day: int, **more: int
) -> ChampionNotice:
    """A notice with the evidence that all kinds share; counts and share are of the 91 days up to `standing.day`."""
    evidence: dict[str, Any] = {
        "champion": champion.pseudonym,
        "champion_place": standing.foremost.index(champion) + 1,
        "champions": standing.champions,
        "champion_contributions": champion.contributions,
        "share_of_contributions": champion.share,
        "community_contributions": standing.contributions,
        "active_members": standing.active_members,
        "window_days": CHAMPION_WINDOW_DAYS,
        "window_last_day": _date(standing.day),
        "since_date": _date(since_day),
    }
    return ChampionNotice(kind, champion.pseudonym, since_day, evidence | more)


def _lasting(silences: dict[str, int], day: int) -> dict[str, int]:
    """Silences in which somebody may still count as a champion: a later contribution would begin another one."""
    oldest = day - CHAMPION_QUIET_DAYS - CHAMPION_WINDOW_DAYS
    return {name: last for name, last in silences.items() if last > oldest}


def _date(day: int) -> str:
    return (EPOCH + timedelta(days=day)).isoformat()
