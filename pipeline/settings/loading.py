"""Reads the settings: a variable wins over the file, the file over the default. A mistake is told in one sentence."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from pipeline.errors import SettingsError
from pipeline.settings.explaining import explained
from pipeline.settings.given import from_file, from_variables, settings_file
from pipeline.settings.sections import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from pipeline.settings.given import Given


def load_settings(path: Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """The settings of this process, from `path`, else the file in ELAN_CONFIG, else elan.toml if it is there.

    Raises:
        SettingsError: a key or variable is unknown, a value impossible, or a file cannot be read.
    """
    environ = os.environ if environ is None else environ
    file = settings_file(path, environ)
    return settings_of([*([] if file is None else from_file(file)), *from_variables(environ)])


def settings_of(given: Sequence[Given]) -> Settings:
    """The settings that these values make; of two for one key the later wins. Raises SettingsError."""
    origins = {each.key: each.origin for each in given}
    try:
        settings = Settings.model_validate(_nested(given))
    except ValidationError as error:
        raise SettingsError(explained(error, origins)) from None
    return settings.with_origins(origins)


def _nested(given: Iterable[Given]) -> dict[str, Any]:
    """The values as tables within tables; of two for one key the later wins."""
    tables: dict[str, Any] = {}
    for each in given:
        table = tables
        for part in each.path[:-1]:
            table = table.setdefault(part, {})
            if not isinstance(table, dict):
                # The file says `kafka = 3`: leave it to be told.
                break
        else:
            table[each.path[-1]] = each.value
    return tables
