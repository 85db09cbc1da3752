"""The settings in effect, one row a key, with secrets hidden: what may be shown to anybody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import BaseModel, SecretStr

from pipeline.settings.checks import without_password

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pipeline.settings.sections import Settings

HIDDEN = "********"


class Effective(NamedTuple):
    """One key, the value in effect, and where that came from."""

    key: str
    value: Any
    origin: str


def effective(settings: Settings) -> list[Effective]:
    """All settings, weights and networks one by one. A secret that is set shows as stars."""
    return [Effective(key, _harmless(value), settings.origin(key)) for key, value in _leaves("", settings)]


def _leaves(prefix: str, values: BaseModel | Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in dict(values).items():
        if isinstance(value, (BaseModel, dict)):
            yield from _leaves(f"{prefix}{name}.", value)
        else:
            yield f"{prefix}{name}", value


def _harmless(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return HIDDEN
    return without_password(value) if isinstance(value, str) and "://" in value else value
