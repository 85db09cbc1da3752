"""`elan import`: brings a platform's export into the activity topic or into a flat file, or only counts it."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from pathlib import Path  # noqa: TC003 - Typer reads it at run time
from typing import TYPE_CHECKING, Annotated, Optional, TypeVar

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from pipeline.clock import now_seconds
from pipeline.errors import ElanError, SettingsError
from pipeline.sources.flat_writer import STANDARD_OUTPUT, write_flat
from pipeline.sources.ordering import in_time_order
from pipeline.sources.registry import SOURCES, source_named
from pipeline.sources.report import ImportReport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pipeline.model import Activity

T = TypeVar("T")
INTERRUPTED = 130
CLOSE_SECONDS = 5.0
PROGRESS_EVERY = 1_000
"""Activities between two moves of the bar."""
REASONS_SHOWN = 20
SOURCES_HELP = "; ".join(f"{source.name}: {source.description}" for source in SOURCES.values())


def import_activities(
    source: Annotated[str, typer.Argument(help=f"What was exported. {SOURCES_HELP}.", metavar="SOURCE")],
    path: Annotated[
        Path, typer.Argument(help="The export; - reads lines from standard input.", allow_dash=True, metavar="PATH")
    ],
    network: Annotated[
        Optional[str],  # noqa: UP045 - Typer reads it, on Python 3.10 too
        typer.Option(help="Name of the network; of a zip or folder, its own name unless given."),
    ] = None,
    to_topic: Annotated[bool, typer.Option("--to-topic", help="Write to the activity topic of the settings.")] = False,  # noqa: FBT002
    to_file: Annotated[
        Optional[str],  # noqa: UP045 - Typer reads it, on Python 3.10 too
        typer.Option(metavar="FILE", help="Write the flat form; gzipped if it ends in .gz, - for standard output."),
    ] = None,
) -> None:
    """Import an export in time order; with neither target it is only read and counted.

    What was imported to the topic before is not written again: the same export, or a later and larger one, can be
    imported at any time. Records that cannot be used are counted with reason and first places, and stop nothing.

    Example: elan import slack-export acme.zip --network acme --to-topic

    Exit codes: 0 done, 1 the reader of standard output has gone, 2 an option or a setting is wrong, 3 Kafka or Redis
    cannot be reached, 4 the export is damaged or of another platform, 130 ended by Ctrl-C.
    """
    console = Console(stderr=True)
    with _explained(console):
        if to_topic and to_file is not None:
            message = "--to-topic and --to-file exclude each other; choose one."
            raise SettingsError(message)
        report = ImportReport()
        activities = source_named(source).read(path, network, report)
        with _Bar(console) as bar:
            outcome = _deliver(bar, activities, report, to_topic=to_topic, to_file=to_file)
        _show(console, report)
        console.print(escape(outcome), highlight=False, soft_wrap=True)


def _deliver(
    bar: _Bar, activities: Iterable[Activity], report: ImportReport, *, to_topic: bool, to_file: str | None
) -> str:
    """Read and write; answers what was done, in one sentence."""
    read = bar.reading(activities)
    if to_topic:
        return _to_topic(bar, in_time_order(read), report)
    if to_file is not None:
        written = write_flat(bar.writing(in_time_order(read), report), to_file)
        where = "standard output" if to_file == STANDARD_OUTPUT else to_file
        return f"{written} activities written to {where}."
    for _ in read:
        pass
    return "Nothing was written: this was a dry run; add --to-topic or --to-file FILE."


def _to_topic(bar: _Bar, activities: Iterable[Activity], report: ImportReport) -> str:
    # Only this target needs settings and servers.
    from pipeline.kafka_clients import kafka_producer  # noqa: PLC0415
    from pipeline.redis_clients import redis_client  # noqa: PLC0415
    from pipeline.settings import load_settings  # noqa: PLC0415
    from pipeline.sources.ledger import RedisLedger  # noqa: PLC0415
    from pipeline.sources.topic_writer import DAY_SECONDS, Clock, TopicWriter  # noqa: PLC0415

    settings = load_settings()
    closing_seconds = settings.clock.allowed_lateness_seconds + DAY_SECONDS
    clock = Clock(limit=now_seconds(), closing_seconds=closing_seconds)
    producer = kafka_producer(settings)
    try:
        ledger = RedisLedger(redis_client(settings), settings.redis.namespace)
        writer = TopicWriter(producer, settings.kafka.activity_topic, ledger, clock)
        for _ in writer.write(bar.writing(activities, report)):
            pass
    finally:
        # All that counts is acknowledged by now; a broker that is away is not waited for.
        producer.close(timeout=CLOSE_SECONDS)
    return (
        f"{writer.written} activities written to {settings.kafka.activity_topic}, "
        f"{writer.already_imported} had been imported before."
    )


class _Bar:
    """Progress on stderr, only where that is a terminal."""

    def __init__(self, console: Console) -> None:
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        self._progress = Progress(*columns, console=console, disable=not console.is_terminal, transient=True)

    def __enter__(self) -> _Bar:  # noqa: PYI034 - Self is not in Python 3.10
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def reading(self, activities: Iterable[T]) -> Iterator[T]:
        """Pass them on; the total is not known yet."""
        return self._moved(activities, "reading", lambda: None)

    def writing(self, activities: Iterable[T], report: ImportReport) -> Iterator[T]:
        """Pass them on; the first one comes after everything was read, so the total is known."""
        return self._moved(activities, "writing", lambda: report.activities)

    def _moved(self, activities: Iterable[T], what: str, total: Callable[[], int | None]) -> Iterator[T]:
        task = None
        for number, activity in enumerate(activities, 1):
            if task is None:
                task = self._progress.add_task(what, total=total())
            if number % PROGRESS_EVERY == 0:
                self._progress.update(task, completed=number)
            yield activity


def _show(console: Console, report: ImportReport) -> None:
    table = Table("kind", "activities", title="Read", title_justify="left")
    table.columns[1].justify = "right"
    for kind, number in report.kinds.most_common():
        table.add_row(kind.value, str(number))
    table.add_section()
    table.add_row("all", str(report.activities))
    console.print(table)
    console.print(
        f"{len(report.communities)} communities, {len(report.members)} members, "
        f"{len(report.bots)} bots ({report.bot_activities} activities).",
        highlight=False,
        soft_wrap=True,
    )
    for reason, number in report.left_out.most_common(REASONS_SHOWN):
        console.print(f"left out: {number} {escape(reason)}", highlight=False, soft_wrap=True)
    for reason, number in report.rejected.most_common(REASONS_SHOWN):
        places = ", ".join(report.places[reason])
        console.print(
            f"[red]rejected[/red]: {number} {escape(f'{reason} ({places})')}", highlight=False, soft_wrap=True
        )


@contextmanager
def _explained(console: Console) -> Iterator[None]:
    """One line for whatever ends the command early, and its exit code."""
    try:
        yield
    except ElanError as error:
        console.print(f"[red]error[/red]: {escape(str(error))}", highlight=False, soft_wrap=True)
        raise typer.Exit(error.exit_code) from None
    except KeyboardInterrupt:
        console.print("Interrupted; a file is left as it was, and a topic import can be run again.", soft_wrap=True)
        raise typer.Exit(INTERRUPTED) from None
    except BrokenPipeError:
        # The reader of standard output has enough; Python must not try to flush it once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(1) from None
