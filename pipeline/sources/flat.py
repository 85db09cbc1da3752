"""The flat form: one activity a line, as JSON. Every other platform can be brought into it with a few lines of code.

Fields: id, time (RFC 3339 with an offset), kind, network (or `--network`), community; where known actor, object,
inreplyto, bot, timeprecision, platform, communityname, author, mentions, department, line, count. Others are ignored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec

from pipeline.errors import InputError
from pipeline.model import Activity, Kind, TimePrecision
from pipeline.sources.archive import NESTED, shape_of
from pipeline.sources.lines import is_cut_off, numbered_lines
from pipeline.sources.moments import Moment, in_utc

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipeline.sources.report import ImportReport


class FlatLine(msgspec.Struct, frozen=True, gc=False):
    """One line as it stands in the file."""

    id: str
    time: Moment
    kind: Kind
    community: str
    network: str | None = None
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
    count: Annotated[int, msgspec.Meta(ge=1)] = 1


_LINE = msgspec.json.Decoder(FlatLine)


def read(path: Path, network: str | None, report: ImportReport) -> Iterator[Activity]:
    """Activities in the order of the file; `network`, where given, replaces the one of the lines.

    Raises:
        InputError: the file cannot be read, or is cut in the middle.
    """
    for line in numbered_lines(path, report):
        try:
            flat = _LINE.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            _refuse(line, error, report)
            continue
        except RecursionError:
            report.reject(NESTED)
            continue
        activity = _activity(flat, network)
        if isinstance(activity, str):
            report.reject(activity)
        else:
            yield activity


def _refuse(line: bytes, error: msgspec.DecodeError | UnicodeDecodeError, report: ImportReport) -> None:
    if isinstance(error, UnicodeDecodeError):
        report.reject("not UTF-8")
    elif isinstance(error, msgspec.ValidationError) or not is_cut_off(line) or not report.activities:
        # Where no activity came before, the file is of another kind rather than cut.
        report.reject(shape_of(error))
    else:
        message = f"{report.file} is cut in the middle, at line {report.line}; fetch it again."
        raise InputError(message)


def _activity(flat: FlatLine, network: str | None) -> Activity | str:
    """The activity, or the reason why it is none."""
    time = in_utc(flat.time)
    if time is None:
        return "time has a wrong type or value"
    network = network or flat.network
    if not network:
        return "network is missing (give --network)"
    return Activity(
        id=flat.id,
        time=time,
        kind=flat.kind,
        network=network,
        community=flat.community,
        actor=flat.actor,
        platform=flat.platform,
        communityname=flat.communityname,
        object=flat.object,
        inreplyto=flat.inreplyto,
        author=flat.author,
        mentions=flat.mentions,
        department=flat.department,
        line=flat.line,
        timeprecision=flat.timeprecision,
        bot=flat.bot,
        count=flat.count,
    )
