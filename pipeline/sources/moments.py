"""Times as platforms write them, read into aware UTC datetimes; None where it is no time."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Annotated

import msgspec

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
"""RFC 3339 with an offset; a time without one could be off by half a day."""


def from_text(text: str) -> datetime | None:
    """`2017-03-30T10:12:36.743+02:00` -> aware, in UTC."""
    try:
        return in_utc(msgspec.convert(text, Moment))
    except msgspec.ValidationError:
        return None


def from_unix(seconds: float | str) -> datetime | None:
    """Unix seconds, as a number or as digits, -> aware, in UTC."""
    try:
        return datetime.fromtimestamp(float(seconds), timezone.utc)
    except (ValueError, OverflowError, OSError):
        return None


def in_utc(moment: datetime) -> datetime | None:
    """The same moment in UTC; None at the edges of the calendar, where UTC has no such year."""
    try:
        return moment.astimezone(timezone.utc)
    except OverflowError:
        return None
