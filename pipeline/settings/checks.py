"""What a single value must be: addresses, names, time zones, countries. A check raises ValueError with the way out."""

from __future__ import annotations

import difflib
import re
import zoneinfo
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

if TYPE_CHECKING:
    from collections.abc import Iterable

LARGEST_PORT = 65_535
SHORTEST_KEY_CHARACTERS = 16
REDIS_SCHEMES = ("redis", "rediss", "redis+cluster", "rediss+cluster")
DEFAULT_WEIGHTS = MappingProxyType(
    {
        "post": 4.0,
        "comment": 3.0,
        "reaction": 1.0,
        "share": 3.0,
        "mention": 2.0,
        "join": 1.0,
        "follow": 1.0,
        "invite": 2.0,
        "edit": 1.0,
    }
)
WEIGHTED_KINDS = tuple(DEFAULT_WEIGHTS)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """` (did you mean X?)` for a near miss, else nothing."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.7)
    return f" (did you mean {near[0]}?)" if near else ""


def _bootstrap_servers(value: str) -> str:
    servers = [server.strip() for server in value.split(",")]
    for server in servers:
        host, _, port = server.rpartition(":")
        if not host or not port.isdigit() or not 0 < int(port) <= LARGEST_PORT:
            raise ValueError(f"{server!r} is no address: it should be host:port, several separated by commas")
    return ",".join(servers)


def _redis_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in REDIS_SCHEMES or not parts.hostname:
        raise ValueError(f"it should be {', '.join(f'{scheme}://host:port' for scheme in REDIS_SCHEMES)}")
    try:
        port = parts.port
    except ValueError:
        port = -1
    if port is not None and not 0 < port <= LARGEST_PORT:
        raise ValueError("its port should be a number from 1 to 65535")
    if parts.query or parts.fragment:
        raise ValueError("it takes nothing after ? or #: use the other keys of section redis")
    _redis_database(parts.scheme, parts.path.strip("/"))
    return value


def _redis_database(scheme: str, database: str) -> None:
    if scheme.endswith("+cluster") and database:
        raise ValueError(f"a Redis Cluster has no numbered databases: leave /{database} out")
    if database and not database.isdigit():
        raise ValueError(f"/{database} should be the number of a database, such as /0")


def _time_zone(value: str) -> str:
    try:
        zoneinfo.ZoneInfo(value)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        hint = did_you_mean(value, zoneinfo.available_timezones())
        raise ValueError(f"it should be a time zone of the IANA data base, such as Europe/Paris{hint}") from None
    return value


def _country(value: str) -> str:
    import holidays  # noqa: PLC0415 - a tenth of a second, only where a country is set

    if value not in holidays.list_supported_countries(include_aliases=True):
        raise ValueError("it should be a country that library holidays knows by its ISO 3166 code, such as FR")
    return value


def check_region(country: str | None, region: str | None) -> None:
    """Raises ValueError where the library of holidays does not know the region of the country."""
    if region is None:
        return
    if country is None:
        raise ValueError("region needs a country beside it")
    import holidays  # noqa: PLC0415 - as above

    known = holidays.list_supported_countries(include_aliases=True)[country]
    if region not in known:
        listed = f"one of {', '.join(sorted(known))}" if known else "left out"
        raise ValueError(f"region {region!r} is not known for {country}: it should be {listed}")


def _weights(value: dict[str, float]) -> dict[str, float]:
    for kind in value:
        if kind not in WEIGHTED_KINDS:
            hint = did_you_mean(kind, WEIGHTED_KINDS)
            raise ValueError(f"{kind!r} has no weight: known are {', '.join(WEIGHTED_KINDS)}{hint}")
    return {**DEFAULT_WEIGHTS, **value}


def _long_enough(value: SecretStr) -> SecretStr:
    if len(value.get_secret_value()) < SHORTEST_KEY_CHARACTERS:
        raise ValueError(f"it should have at least {SHORTEST_KEY_CHARACTERS} characters (openssl rand -base64 32)")
    return value


def without_password(url: str) -> str:
    """The URL with `***` for what stands between `//` and `@`."""
    return re.sub(r"//[^/]*@", "//***@", url)


Count = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0)]
Port = Annotated[int, Field(ge=0, le=LARGEST_PORT)]
TopicName = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,249}$")]
BootstrapServers = Annotated[str, AfterValidator(_bootstrap_servers)]
RedisUrl = Annotated[str, AfterValidator(_redis_url)]
TimeZone = Annotated[str, AfterValidator(_time_zone)]
Country = Annotated[str, AfterValidator(_country)]
NotNegative = Annotated[float, Field(ge=0)]
Weights = Annotated[dict[str, NotNegative], AfterValidator(_weights)]
PseudonymKey = Annotated[SecretStr, AfterValidator(_long_enough)]
