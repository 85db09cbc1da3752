"""Alert steps as the world sees them: ids, times and bytes."""

from __future__ import annotations

import hashlib
from datetime import date, datetime, time, timedelta, timezone
from typing import TYPE_CHECKING

import msgspec
import orjson

from pipeline.clock import rfc3339

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from pipeline.model import AlertKind, AlertTransition

_EPOCH = date(1970, 1, 1)


def alert_id(network: str, community: str | None, alert: AlertKind, since_day: int, member: str | None = None) -> str:
    """The same for every step of one alert, whoever judges it and however often; `member` where it is about one."""
    name = f"{network}\0{community or ''}\0{alert.value}\0{since_day}" + (f"\0{member}" if member else "")
    return f"{alert.value}-{hashlib.blake2b(name.encode(), digest_size=8).hexdigest()}"


def day_start_seconds(day: int, zone: ZoneInfo) -> float:
    """Unix seconds of the midnight that begins a day (since 1970) in a time zone."""
    return datetime.combine(_EPOCH + timedelta(days=day), time(), zone).astimezone(timezone.utc).timestamp()


def boundary_time(boundary_day: int, zone: ZoneInfo) -> str:
    """The midnight that ends a day, RFC 3339 in UTC: the moment its verdicts are known."""
    return rfc3339(day_start_seconds(boundary_day + 1, zone))


def day_time(day: int, zone: ZoneInfo) -> str:
    """The midnight that begins a day, RFC 3339 in UTC."""
    return rfc3339(day_start_seconds(day, zone))


def encode_transition(transition: AlertTransition) -> bytes:
    """The value of a record of the alerts topic, and a line of a backtest."""
    return orjson.dumps(msgspec.to_builtins(transition))
