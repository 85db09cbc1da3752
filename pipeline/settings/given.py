"""What somebody has set, and where: in the file, in a variable, or in a file that a variable names."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from pipeline.errors import SettingsError
from pipeline.settings.checks import did_you_mean
from pipeline.settings.keys import CONFIG_VARIABLE, FILE_SUFFIX, NOT_SETTINGS, PREFIX, TABLE_KEYS, keys

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pipeline.settings.keys import Key

DEFAULT_FILE = Path("elan.toml")


class Given(NamedTuple):
    """One value, the tables it lies in, and where it came from."""

    path: tuple[str, ...]
    value: Any
    origin: str

    @property
    def key(self) -> str:
        """As in `kafka.partitions`."""
        return ".".join(self.path)


def settings_file(path: Path | None, environ: Mapping[str, str]) -> Path | None:
    """The file to read: the one named by option or variable, else elan.toml where it exists.

    Raises:
        SettingsError: the file that is named does not exist.
    """
    named = path if path is not None else environ.get(CONFIG_VARIABLE)
    if not named:
        return DEFAULT_FILE if DEFAULT_FILE.is_file() else None
    if not Path(named).exists():
        raise SettingsError(f"The settings file {named} does not exist: check --config or {CONFIG_VARIABLE}.")
    return Path(named)


def from_file(file: Path) -> list[Given]:
    """All values of a TOML file.

    Raises:
        SettingsError: the file cannot be read or is no TOML.
    """
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"The settings file {file} cannot be read: {_why(error)}.") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"The settings file {file} is no TOML: {error}.") from None
    return list(leaves((), tables, str(file)))


def from_variables(environ: Mapping[str, str]) -> list[Given]:
    """All values of variables that begin with ELAN_; an empty one counts as not set.

    Raises:
        SettingsError: a variable is unknown, or what it names cannot be read.
    """
    known = {key.variable: key for key in keys()}
    known |= {key.variable + FILE_SUFFIX: key for key in keys() if key.secret}
    given: list[Given] = []
    for variable in sorted(environ):
        if not variable.startswith(PREFIX) or variable in NOT_SETTINGS or not environ[variable]:
            continue
        if variable not in known:
            hint = did_you_mean(variable, known)
            raise SettingsError(f"The variable {variable} is not a setting{hint}; docs/settings.md lists all of them.")
        given += _from_variable(known[variable], variable, environ)
    return given


def _from_variable(key: Key, variable: str, environ: Mapping[str, str]) -> Iterator[Given]:
    path, text = tuple(key.name.split(".")), environ[variable]
    if key.name in TABLE_KEYS:
        yield from leaves(path, _json_table(variable, text), variable)
    elif variable == key.variable:
        yield Given(path, text, variable)
    elif environ.get(key.variable):
        raise SettingsError(f"{key.variable} and {variable} are both set: keep one of them.")
    else:
        yield Given(path, _secret(variable, Path(text)), variable)


def _json_table(variable: str, text: str) -> dict[str, Any]:
    try:
        table = orjson.loads(text)
    except orjson.JSONDecodeError:
        table = None
    if not isinstance(table, dict):
        raise SettingsError(
            f"The variable {variable} should hold a JSON object, such as {TABLE_KEYS_EXAMPLE[variable]}."
        )
    return table


TABLE_KEYS_EXAMPLE = {
    "ELAN_SCORING_WEIGHTS": '{"post": 4}',
    "ELAN_NETWORKS": '{"acme": {"time_zone": "Europe/Paris"}}',
}


def _secret(variable: str, file: Path) -> str:
    try:
        content = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"The file {file}, named in {variable}, cannot be read: {_why(error)}.") from None
    if not content:
        raise SettingsError(f"The file {file}, named in {variable}, is empty: write the secret into it.")
    return content


def leaves(path: tuple[str, ...], tables: Mapping[str, Any], origin: str) -> Iterator[Given]:
    """The values of tables within tables, each with its path; an empty table is a value."""
    for name, value in tables.items():
        if isinstance(value, dict) and value:
            yield from leaves((*path, name), value, origin)
        else:
            yield Given((*path, name), value, origin)


def _why(error: OSError | UnicodeDecodeError) -> str:
    return error.strerror or "unknown" if isinstance(error, OSError) else "it is not text in UTF-8"
