"""`elan dead-letters`: what could not be used, and putting it back after the cause is mended."""

from __future__ import annotations

from collections import Counter, deque
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.model import Reason  # noqa: TC001 - Typer reads it at run time

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.cli.dead_letter_log import Letter
    from pipeline.settings import Settings

dead_letters = typer.Typer(help="Records that could not be used: look at them, put them back.", no_args_is_help=True)

REASON_HELP = "Only letters of this reason."
ContentOption = Annotated[
    bool, typer.Option("--show-content", help="Show key and value too; they may hold personal data and private text.")
]


@dead_letters.command("list")
def list_letters(
    limit: Annotated[int, typer.Option(min=1, help="Show so many, the newest ones.")] = 20,
    reason: Annotated[Reason | None, typer.Option(help=REASON_HELP)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,  # noqa: FBT002 - an option
    show_content: ContentOption = False,  # noqa: FBT002
) -> None:
    """List dead letters: why each was refused, where it came from, how large it is, and when it was refused.

    Nothing of a record's content is shown unless asked for: it is what a platform sent, untouched.

    Example: elan dead-letters list --reason bad_time --limit 5

    Exit codes: 0 listed, 2 a setting or option is wrong, 3 Kafka cannot be reached or has no such topic.
    """
    from pipeline.settings import load_settings  # noqa: PLC0415 - quick --help

    counts: Counter[str] = Counter()
    newest: deque[Letter] = deque(maxlen=limit)
    for letter in _letters(load_settings()):
        counts[letter.reason] += 1
        if reason is None or letter.reason == reason.value:
            newest.append(letter)
    rows = [_row(letter, show_content=show_content) for letter in newest]
    if as_json:
        for row in rows:
            typer.echo(orjson.dumps(row))
        return
    if rows:
        Console().print(_table(rows))
    total = ", ".join(f"{number} {name}" for name, number in counts.most_common())
    typer.echo(f"{sum(counts.values())} dead letters{': ' if total else ''}{total}.")


@dead_letters.command()
def replay(
    reason: Annotated[Reason | None, typer.Option(help=REASON_HELP)] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be put back; write nothing.")] = False,  # noqa: FBT002 - an option
) -> None:
    """Put dead letters back to the topic and partition they came from, key and value untouched, each once.

    Do it after the cause is mended; what is still wrong comes back as a new letter. Only letters that are there at the
    start are put back. What was done is kept in Redis, under redis.namespace, so a second run puts nothing back twice.

    Example: elan dead-letters replay --reason too_large --dry-run

    Exit codes: 0 done, 2 a setting or option is wrong, 3 Kafka or Redis cannot be reached or refuses, or Kafka has no
    such topic.
    """
    from pipeline.cli.dead_letter_progress import Progress  # noqa: PLC0415
    from pipeline.cli.dead_letter_replay import ALL_REASONS, Replay  # noqa: PLC0415
    from pipeline.kafka_clients import kafka_consumer, kafka_producer  # noqa: PLC0415 - quick --help
    from pipeline.kafka_topics import asking_kafka  # noqa: PLC0415
    from pipeline.redis_clients import redis_client  # noqa: PLC0415
    from pipeline.settings import load_settings  # noqa: PLC0415

    settings = load_settings()
    reasons = ALL_REASONS if reason is None else frozenset({reason.value})
    with ExitStack() as clients:
        consumer = clients.enter_context(closing(kafka_consumer(settings)))
        progress = Progress(clients.enter_context(closing(redis_client(settings))), settings)
        producer = None if dry_run else clients.enter_context(closing(kafka_producer(settings)))
        with asking_kafka(settings):
            outcomes = Replay(consumer, producer, progress, reasons).run(settings.kafka.dead_letter_topic)
    for outcome, number in outcomes.most_common():
        typer.echo(f"{number} {outcome}")
    if not outcomes:
        typer.echo("There is nothing to put back.")
    elif dry_run:
        typer.echo("Nothing was written: this was a dry run.")


def _letters(settings: Settings) -> Iterator[Letter]:
    from pipeline.cli.dead_letter_log import partitions_of_topic, read_letter, records  # noqa: PLC0415
    from pipeline.kafka_clients import kafka_consumer  # noqa: PLC0415 - quick --help
    from pipeline.kafka_topics import asking_kafka  # noqa: PLC0415

    consumer = kafka_consumer(settings)
    try:
        with asking_kafka(settings):
            places = partitions_of_topic(consumer, settings.kafka.dead_letter_topic)
            for record in records(consumer, dict.fromkeys(places, 0)):
                letter = read_letter(record)
                if letter is not None:
                    yield letter
    finally:
        consumer.close()


def _row(letter: Letter, *, show_content: bool) -> dict[str, Any]:
    from pipeline.clock import rfc3339  # noqa: PLC0415 - quick --help

    row: dict[str, Any] = {
        "offset": letter.offset,
        "refused": rfc3339(letter.milliseconds // 1000),
        "reason": letter.reason,
        "detail": letter.detail,
        "origin": f"{letter.origin_topic}:{letter.origin_partition}:{letter.origin_offset}",
        "bytes": len(letter.value),
    }
    if show_content:
        row["key"] = None if letter.key is None else letter.key.decode(errors="replace")
        row["value"] = letter.value.decode(errors="replace")
    return row


def _table(rows: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in rows[0]:
        table.add_column(name, overflow="fold", no_wrap=name == "refused")
    for row in rows:
        table.add_row(*(Text("" if value is None else str(value)) for value in row.values()))
    return table
