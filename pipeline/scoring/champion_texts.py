"""What a notice about a champion is, and the sentences it is told with."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class ChampionNoticeKind(str, Enum):
    """What a notice is about. Closed set: it may serve as a metric label."""

    CHAMPION_SILENT = "champion_silent"
    SOLE_CONTRIBUTOR = "sole_contributor"
    NEW_CHAMPION = "new_champion"


CHAMPION_ACTIONS = {
    ChampionNoticeKind.CHAMPION_SILENT: "Get in touch with the champion, and encourage a second one.",
    ChampionNoticeKind.SOLE_CONTRIBUTOR: "Find a second champion among the active members before the first one tires.",
    ChampionNoticeKind.NEW_CHAMPION: "Thank the new champion, and ask what they would like to take on.",
}


@dataclass(frozen=True, slots=True)
class ChampionNotice:
    """One notice. `evidence` holds JSON values; of persons it names one pseudonym, under `champion`.

    `since_day` is the first day of the silence, the first activity of a new champion, or the first day of the window in
    which one member made most of the contributions.
    """

    kind: ChampionNoticeKind
    champion: str
    since_day: int
    evidence: dict[str, Any]


def text(notice: ChampionNotice) -> str:
    """What is known and what to do, in one or two sentences."""
    return TEXTS[notice.kind](notice.evidence)


def _silent_text(seen: dict[str, Any]) -> str:
    who = f"Champion {seen['champion']} (place {seen['champion_place']} of {seen['champions']}, {_percent(seen)})"
    return (
        f"{who} has contributed nothing for {seen['silent_days']} days while {seen['other_contributors_21_days']} other"
        f"{'s' if seen['other_contributors_21_days'] > 1 else ''} went on: ask what keeps them away, and encourage a "
        "second champion. Such a silence explains a decline and is three to four times as frequent in the month after "
        "one began; it does not foretell one."
    )


def _sole_text(seen: dict[str, Any]) -> str:
    return (
        f"The community rests on one member: {seen['champion']} made {_percent(seen)}, "
        f"though {seen['active_members'] - 1} others were active. Find a second champion among them before the first "
        "one tires."
    )


def _new_text(seen: dict[str, Any]) -> str:
    return (
        f"{seen['champion']}, first seen {seen['since_date']}, now helps to carry the community with {_percent(seen)}: "
        "thank them, and ask what they would like to take on."
    )


def _percent(seen: dict[str, Any]) -> str:
    return f"{seen['share_of_contributions']:.0%} of the contributions of {seen['window_days']} days"


TEXTS: dict[ChampionNoticeKind, Callable[[dict[str, Any]], str]] = {
    ChampionNoticeKind.CHAMPION_SILENT: _silent_text,
    ChampionNoticeKind.SOLE_CONTRIBUTOR: _sole_text,
    ChampionNoticeKind.NEW_CHAMPION: _new_text,
}
