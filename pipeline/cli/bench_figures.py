"""What the benches have in common: options, and a table of figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping

KAFKA_HELP = "Bootstrap servers of a Kafka to use; default: the embedded broker of the demo, meanwhile."
REDIS_HELP = "URL of a Redis or Valkey to use; default: one of its own, meanwhile."


def show(title: str, figures: Mapping[str, str]) -> None:
    """Print a table of figures: what each is, and the figure."""
    table = Table(title, "", title_justify="left")
    table.columns[1].justify = "right"
    for name, figure in figures.items():
        table.add_row(name, escape(figure))
    Console().print(table)
