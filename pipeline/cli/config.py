"""`elan config`: the settings in effect, and where each came from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from pipeline.settings.effective import Effective


def config(
    as_json: Annotated[bool, typer.Option("--json", help="The same as one JSON object: key, value, from.")] = False,  # noqa: FBT002 - an option
) -> None:
    """Show every setting with its value and where it came from; secrets are hidden.

    A variable wins over the file, the file over the default. docs/settings.md says what each key means.

    Example: ELAN_KAFKA_PARTITIONS=16 elan --config elan.toml config

    Exit codes: 0 shown, 2 a setting is wrong.
    """
    from pipeline.settings import load_settings  # noqa: PLC0415 - quick --help
    from pipeline.settings.effective import effective  # noqa: PLC0415

    rows = effective(load_settings())
    if as_json:
        shown = {row.key: {"value": row.value, "from": row.origin} for row in rows}
        typer.echo(orjson.dumps(shown, option=orjson.OPT_INDENT_2))
    else:
        Console().print(_table(rows))


def _table(rows: list[Effective]) -> Table:
    table = Table("key", "value", "from")
    section = ""
    for row in rows:
        if section and row.key.split(".")[0] != section:
            table.add_section()
        section = row.key.split(".")[0]
        style = None if row.origin == "default" else "bold"
        table.add_row(escape(row.key), escape(_shown(row.value)), escape(row.origin), style=style)
    return table


def _shown(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else orjson.dumps(value).decode()
