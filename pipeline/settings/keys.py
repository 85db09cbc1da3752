"""The names of all settings: keys as in the file, and the variables they can come from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, get_args

from pydantic import SecretStr

from pipeline.settings.section import Section
from pipeline.settings.sections import Settings

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

PREFIX = "ELAN_"
CONFIG_VARIABLE = "ELAN_CONFIG"
FILE_SUFFIX = "_FILE"
NOT_SETTINGS = frozenset({CONFIG_VARIABLE, "ELAN_REQUIRE_SERVERS"})
"""Variables that begin alike and mean something else."""
TABLE_KEYS = frozenset({"scoring.weights", "networks"})
"""Keys whose value is a table; a variable gives it as JSON."""


@dataclass(frozen=True, slots=True)
class Key:
    """One setting: its name as in the file (`kafka.partitions`), its variable, and what the page says of it."""

    name: str
    variable: str
    default: Any
    meaning: str
    secret: bool


@lru_cache(maxsize=1)
def keys() -> tuple[Key, ...]:
    """All settings in the order of the page."""
    found: list[Key] = []
    for name, field in Settings.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, Section):
            found += [_key(f"{name}.{inner}", each) for inner, each in section.model_fields.items()]
        else:
            found.append(_key(name, field))
    return tuple(found)


def _key(name: str, field: FieldInfo) -> Key:
    default = field.get_default(call_default_factory=True)
    variable = PREFIX + name.replace(".", "_").upper()
    return Key(name, variable, default, field.description or "", _is_secret(field.annotation))


def _is_secret(annotation: object) -> bool:
    return annotation is SecretStr or any(_is_secret(part) for part in get_args(annotation))
