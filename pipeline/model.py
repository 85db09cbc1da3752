"""The vocabulary: activities, readings, alerts. Pure values shared by all stages; no client, no clock.

A *network* is one instance of an enterprise social network, a *community* the unit that is watched (unique within its
network), an *activity* one dated act of one actor in one community. See docs/terms.md.
"""

from __future__ import annotations

import re
from datetime import datetime  # noqa: TC003 - msgspec reads it at run time
from enum import Enum
from typing import Any, NamedTuple

import msgspec


class Kind(str, Enum):
    """What an actor did. The order is frozen: stored windows number their columns by it."""

    POST = "post"
    COMMENT = "comment"
    REACTION = "reaction"
    SHARE = "share"
    VIEW = "view"
    MENTION = "mention"
    JOIN = "join"
    LEAVE = "leave"
    FOLLOW = "follow"
    INVITE = "invite"
    EDIT = "edit"
    DELETE = "delete"
    COMMUNITY_CREATED = "community_created"
    COMMUNITY_ARCHIVED = "community_archived"


CONVERSATIONAL = frozenset({Kind.POST, Kind.COMMENT, Kind.SHARE, Kind.EDIT})
"""Kinds of the conversational axis; each is a *contribution*."""
RELATIONAL = frozenset({Kind.REACTION, Kind.MENTION, Kind.FOLLOW, Kind.JOIN, Kind.INVITE})
"""Kinds of the relational axis."""
PARTICIPATION = frozenset({Kind.POST, Kind.COMMENT, Kind.SHARE, Kind.EDIT, Kind.DELETE, Kind.MENTION, Kind.REACTION})
"""Kinds that show somebody takes part. An administrator who adds 300 people makes 300 joins and no participant;
a reaction that carries its message's time (`of_object`) says nothing about when somebody was there, and is left out."""


class TimePrecision(str, Enum):
    """How well the time of an activity is known."""

    EXACT = "exact"
    MINUTE = "minute"
    OF_OBJECT = "of_object"
    """The platform keeps no time for the act, so it carries its object's: it may land in a closed bucket."""


class Reason(str, Enum):
    """Why a record went to the dead-letter topic. Closed set: a metric label and a header value."""

    NOT_JSON = "not_json"
    SCHEMA = "schema"
    UNKNOWN_TYPE = "unknown_type"
    BAD_TIME = "bad_time"
    IN_FUTURE = "in_future"
    TOO_OLD = "too_old"
    TOO_LARGE = "too_large"
    EMPTY = "empty"


class Outcome(str, Enum):
    """What became of a consumed record; the outcomes add up to the records read."""

    COUNTED = "counted"
    LATE = "late"
    """Counted in the bucket of its own time, after a boundary at or after that time may have been judged."""
    DUPLICATE = "duplicate"
    CLOCK = "clock"
    DEAD_LETTER = "dead_letter"


class Activity(msgspec.Struct, frozen=True, omit_defaults=True):
    """One activity as a source delivers it, and one line of a flat file. `time` is aware, in UTC.

    `actor` is the platform's own id here; it becomes a keyed pseudonym before anything is stored.
    """

    id: str
    time: datetime
    kind: Kind
    network: str
    community: str
    actor: str | None = None
    platform: str = "flat"
    communityname: str | None = None
    object: str | None = None
    inreplyto: str | None = None
    author: str | None = None
    mentions: list[str] | None = None
    department: str | None = None
    line: str | None = None
    timeprecision: TimePrecision = TimePrecision.EXACT
    bot: bool = False
    count: int = 1


class Details(NamedTuple):
    """What few activities carry."""

    bot: bool = False
    count: int = 1  # type: ignore[assignment]  # hides a method of tuples that nobody asks these for
    of_object: bool = False
    communityname: str | None = None
    line: str | None = None
    department: str | None = None


_NO_DETAILS = Details()

TrustedActivity = tuple[int, float, int, str, str, "str | None", "Details | None"]
"""One activity past the door, checked: (offset, unix seconds, place of the kind in `Kind`, network, community, member,
details). The member is a pseudonym, None of a view by nobody known; details are None where all are the usual ones.

A plain tuple: a worker makes very many of them, and named ones take three times as long.
"""


def trusted_activity(  # noqa: PLR0917 - in the order of the tuple
    offset: int,
    seconds: float,
    kind: int,
    network: str,
    community: str,
    member: str | None,
    details: Details = _NO_DETAILS,
) -> TrustedActivity:
    """The tuple with its parts by name."""
    return (offset, seconds, kind, network, community, member, None if details == _NO_DETAILS else details)


NAME = re.compile(r"^[^\x00-\x1f\x7f]{1,200}$")
"""Communities and ids: 1 to 200 characters, no control characters."""
NETWORK = re.compile(r"[^\x00-\x1f\x7f/]{1,200}")
"""Networks and platforms: as `NAME`, and without a slash, which stands behind both in sources and in keys."""

EARLIEST_SECONDS = 631_152_000.0
"""Unix time of 1990-01-01: no activity is older. One of 1970, as a platform without a time writes it, would have every
day since then judged before anything else."""
LATEST_SECONDS = 5_648_745_600.0
"""Unix time of 2149-01-01, which no activity reaches: windows number days in two bytes."""


class Quadrant(str, Enum):
    """Where a member stands on the two axes (Lecko: présents, conversants, sociables, engagés)."""

    PRESENT = "present"
    CONVERSING = "conversing"
    SOCIABLE = "sociable"
    ENGAGED = "engaged"


class Phase(str, Enum):
    """Which part of its curve a community is at."""

    CURIOSITY = "curiosity"
    PEAK = "peak"
    TROUGH = "trough"
    REBOUND = "rebound"
    PLATEAU = "plateau"
    DECLINE = "decline"
    DORMANT = "dormant"


class AlertKind(str, Enum):
    """What an alert is about. Closed set: a metric label."""

    MOMENTUM = "momentum"
    """A sustained decline of one community."""
    NETWORK = "network"
    """The network as a whole dropped, or its source stopped delivering."""
    REBOUND = "rebound"
    """A community is back at three quarters of its peak after a trough."""
    DORMANCY = "dormancy"
    """Nobody took part in a community for 8 weeks."""
    CHAMPION_SILENT = "champion_silent"
    """One who carried a community has fallen silent while it goes on."""
    SOLE_CONTRIBUTOR = "sole_contributor"
    """A community's contributions rest on one member."""
    NEW_CHAMPION = "new_champion"
    """Somebody new carries a community."""


class Stage(str, Enum):
    """How sure an alert is: `watch` first, `confirmed` when it lasts."""

    WATCH = "watch"
    CONFIRMED = "confirmed"


class AlertState(str, Enum):
    """The lifecycle of one alert: raised once, updated any number of times, resolved once; or a notice, told once."""

    RAISED = "raised"
    UPDATED = "updated"
    RESOLVED = "resolved"
    NOTICE = "notice"


class Severity(str, Enum):
    """How loud an alert is; the names Prometheus users route by."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class AlertTransition(msgspec.Struct, frozen=True, omit_defaults=True):
    """One step in the life of one alert; a record of `esn.alerts.v1` and a line of a backtest.

    `at` is the boundary at which it was known, `since` the day it began, both RFC 3339. `id` is the same for every step
    of one alert and follows from network, community, alert and `since` of the raise (and, where it is about a member,
    the pseudonym) alone. `community` is None of the network as a whole, `stage` of a notice.
    """

    id: str
    network: str
    community: str | None
    alert: AlertKind
    stage: Stage | None
    state: AlertState
    at: str
    since: str
    severity: Severity
    evidence: dict[str, Any]
    communityname: str | None = None
    summary: str | None = None
    """What happened, in one sentence."""
    reason: str | None = None
    """Only where resolved: recovered, settled, dormant, archived."""
    phase: Phase | None = None
    action: str | None = None
    runbook: str | None = None
