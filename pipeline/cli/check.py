"""`elan check`: is everything there and set up so that nothing gets lost?"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.cli.finding import Finding
    from pipeline.settings import Settings

STYLES = {"ok": "green", "warning": "yellow", "wrong": "bold red"}
SUBJECT_WIDTH = 12
FOUND_WRONG = 1


def check() -> None:
    """Check settings, pseudonym key, Kafka with its topics, and Redis; a line says ok, warning or wrong, and a way out.

    Nothing is changed. Servers that are away are said to be away.

    Example: elan --config elan.toml check

    Exit codes: 0 nothing is wrong (there may be warnings), 1 something is, 2 the settings cannot be read.
    """
    from pipeline.cli.kafka_check import check_kafka  # noqa: PLC0415 - quick --help
    from pipeline.cli.redis_check import check_redis  # noqa: PLC0415
    from pipeline.settings import load_settings  # noqa: PLC0415

    settings, console, anything_wrong = load_settings(), Console(), False
    for finding in chain(_settings(settings), check_kafka(settings), check_redis(settings)):
        level = finding.level.value
        anything_wrong = anything_wrong or level == "wrong"
        line = Text.assemble((f"{level:8}", STYLES[level]), f"{finding.subject:{SUBJECT_WIDTH}}{finding.text}")
        console.print(line, soft_wrap=True)
    if anything_wrong:
        raise typer.Exit(FOUND_WRONG)


def _settings(settings: Settings) -> Iterator[Finding]:
    from pipeline.cli.finding import ok, warning, wrong  # noqa: PLC0415 - quick --help
    from pipeline.errors import SettingsError  # noqa: PLC0415
    from pipeline.settings import require_pseudonym_key  # noqa: PLC0415

    yield ok("settings", f"read, mode {settings.mode}")
    try:
        require_pseudonym_key(settings)
    except SettingsError as error:
        yield wrong("key", str(error))
        return
    if settings.privacy.pseudonym_key is None:
        yield warning("key", "development mode uses a pseudonym key that everybody knows: made-up data only.")
    else:
        yield ok("key", f"privacy.pseudonym_key from {settings.origin('privacy.pseudonym_key')}")
