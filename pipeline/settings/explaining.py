"""Turns what pydantic found into one sentence: which key, from where, and what it may be."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pipeline.settings.checks import did_you_mean, without_password
from pipeline.settings.keys import keys
from pipeline.settings.sections import NetworkSettings, Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

TABLE_ERRORS = frozenset({"model_type", "model_attributes_type", "dict_type"})


def explained(error: ValidationError, origins: Mapping[str, str]) -> str:
    """One sentence on the first mistake; secrets are not repeated."""
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"] if part != "[key]")
    if first["type"] == "extra_forbidden":
        hint = did_you_mean(key, _siblings(first["loc"]))
        return f"{key}{_from(key, origins)} is not a setting{hint}; docs/settings.md lists all of them."
    if first["type"] == "value_error" and _is_section(first["loc"]):
        field, _, what = _message(first).partition(" ")
        key = f"{key}.{field}" if key else field
        return f"{key}{_from(key, origins)} {what}."
    return f"{key}{_value(key, first['input'])}{_from(key, origins)} cannot be used: {_message(first)}."


def _message(error: ErrorDetails) -> str:
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    if error["type"] in TABLE_ERRORS:
        return "it should be a table of keys and values"
    message = re.sub(r"^(Input|String|Value)\b", "it", error["msg"])
    if error["type"] == "literal_error":
        options = re.findall(r"'([^']*)'", error["ctx"]["expected"])
        message += did_you_mean(str(error["input"]), options)
    return message


def _is_section(location: tuple[int | str, ...]) -> bool:
    fields = {key.name for key in keys()}
    return ".".join(map(str, location)) not in fields and location[-1] not in NetworkSettings.model_fields


def _siblings(location: tuple[int | str, ...]) -> Iterable[str]:
    """All keys that the unknown one could have meant: those of its section, or any."""
    if location[0] == "networks":
        return [".".join(map(str, (*location[:-1], field))) for field in NetworkSettings.model_fields]
    return [*(key.name for key in keys()), *Settings.model_fields]


def _value(key: str, value: Any) -> str:
    secret = any(each.secret for each in keys() if each.name == key)
    if secret or isinstance(value, dict):
        return ""
    return f" = {without_password(str(value))!r}"


def _from(key: str, origins: Mapping[str, str]) -> str:
    """Where it was set; a table was set where its first key was."""
    for each, origin in origins.items():
        if each == key or each.startswith(f"{key}."):
            return f" (from {origin})"
    return ""
