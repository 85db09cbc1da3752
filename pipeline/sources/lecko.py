"""Lecko's own feed, as the Lecko Analytics add-on of eXo Platform writes it (github.com/exo-addons/lecko).

Lines of fields ended by semicolons; a post is followed by its comments and its likes:

    actor;DEFAULT_ACTIVITY;ISO-8601;space;place;Display Name;      a post in a space (any type of activity)
    actor;DEFAULT_ACTIVITY;ISO-8601;user;place;                    a post in a member's own stream: in no community
    actor;DEFAULT_ACTIVITY;ISO-8601;user;;;place;Display Name;     a member's post shown in a space
    actor;comment;ISO-8601;place;Display Name;
    actor;like;ISO-8601;place;Display Name;                        with the time of the post; place may be empty

The feed has no ids, so they are made from kind, time, place and the rank among equals below one post: the same
whenever the feed is written again. Actors are numbered by each run of the add-on: the numbers of two files may mean
different people, so a network should be fed from one file.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipeline.errors import SettingsError
from pipeline.model import Activity, Kind, TimePrecision
from pipeline.sources.lines import numbered_lines
from pipeline.sources.moments import from_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from pipeline.sources.report import ImportReport

PLATFORM = "lecko"
ANSWERS = {"comment": Kind.COMMENT, "like": Kind.REACTION}
MADE_BY_THE_PLATFORM = frozenset(
    {"SPACE_ACTIVITY", "USER_ACTIVITIES_FOR_RELATIONSHIP", "USER_COMMENTS_ACTIVITY_FOR_RELATIONSHIP"}
)
"""Notices of joins and relations that nobody wrote; the add-on's newer listener leaves them out too."""
FEWEST_FIELDS = 4


@dataclass(slots=True)
class Block:
    """The post that the lines below it answer."""

    id: str = ""
    place: str = ""
    name: str | None = None
    left_out: str | None = None
    ranks: Counter[str] = field(default_factory=Counter)


def read(path: Path, network: str | None, report: ImportReport) -> Iterator[Activity]:
    """Activities in the order of the feed.

    Raises:
        InputError: the file cannot be read, or is cut in the middle.
        SettingsError: no network is given; the feed does not name it.
    """
    if network is None:
        message = "Lecko's feed does not say which network it is of; give --network NAME."
        raise SettingsError(message)
    block = Block()
    for line in numbered_lines(path, report):
        fields = [part.strip() for part in _text(line).rstrip("\r\n").split(";")]
        time = from_text(fields[2]) if len(fields) > FEWEST_FIELDS and fields[0] and fields[1] else None
        if time is None:
            report.reject("not actor;type;time;…")
            continue
        if fields[1] not in ANSWERS:
            block = _block(fields, time)
        activity = _activity(fields, time, block, network)
        if activity is None:
            report.leave_out(block.left_out or "outside any space")
        else:
            yield activity


def _text(line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        # The add-on writes in the charset of its server.
        return line.decode("cp1252", errors="replace")


def _block(fields: list[str], time: datetime) -> Block:
    """A post line opens a block; lines of a member's own stream have no place."""
    _, activity_type, _, stream, *rest = fields
    if stream == "space":
        place, names = rest[0], rest[1:]
    else:
        shown_in = rest[2:]
        place, names = (shown_in[0], shown_in[1:]) if shown_in else ("", [])
    left_out = f"{activity_type} with its answers" if activity_type in MADE_BY_THE_PLATFORM else None
    name = ";".join(names).strip(";") or None
    return Block(_id("post", time, place, 0), place, name, left_out)


def _activity(fields: list[str], time: datetime, block: Block, network: str) -> Activity | None:
    kind = ANSWERS.get(fields[1], Kind.POST)
    place, name = block.place, block.name
    if kind is not Kind.POST and fields[3]:
        place, name = fields[3], ";".join(fields[4:]).strip(";") or block.name
    if not place or block.left_out is not None:
        return None
    activity_id = block.id if kind is Kind.POST else _answer_id(fields[1], time, block)
    return Activity(
        id=activity_id,
        time=time,
        kind=kind,
        network=network,
        community=place,
        actor=fields[0],
        platform=PLATFORM,
        communityname=name,
        object=(block.id or None) if kind is Kind.REACTION else activity_id,
        inreplyto=block.id if kind is Kind.COMMENT and block.id else None,
        timeprecision=TimePrecision.OF_OBJECT if kind is Kind.REACTION else TimePrecision.EXACT,
    )


def _answer_id(what: str, time: datetime, block: Block) -> str:
    """Likes of one post all carry its time: their rank tells them apart."""
    name = f"{what} of {block.id}"
    rank_key = f"{name} {time.isoformat()}"
    block.ranks[rank_key] += 1
    return _id(name, time, block.place, block.ranks[rank_key])


def _id(what: str, time: datetime, place: str, rank: int) -> str:
    return hashlib.blake2b(f"{what}\0{time.isoformat()}\0{place}\0{rank}".encode(), digest_size=12).hexdigest()
