"""`elan status`: how far the pipeline has come and how the communities stand."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from pipeline.settings import Settings

_EPOCH = date(1970, 1, 1)


def status(
    as_json: Annotated[bool, typer.Option("--json", help="The same as one JSON object.")] = False,  # noqa: FBT002 - an option
) -> None:
    """Show how far each partition is counted and each network judged, how the communities stand, and open alerts.

    Example: elan status --json | jq .partitions

    Exit codes: 0 shown, 2 a setting is wrong, 3 Kafka or Redis cannot be reached.
    """
    from pipeline.settings import load_settings  # noqa: PLC0415 - quick --help

    found = asyncio.run(_collect(load_settings()))
    if as_json:
        typer.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2))
    else:
        _show(found, Console())


async def _collect(settings: Settings) -> dict[str, Any]:
    from pipeline.errors import RetryLater, ServerError  # noqa: PLC0415
    from pipeline.kafka_clients import kafka_consumer  # noqa: PLC0415 - quick --help
    from pipeline.log_ends import log_ends  # noqa: PLC0415
    from pipeline.redis_clients import async_redis_client  # noqa: PLC0415 - quick --help

    ends = log_ends(kafka_consumer(settings), settings.kafka.activity_topic)
    async with async_redis_client(settings) as client:
        try:
            return {
                "partitions": await _partitions(settings, client, ends),
                "networks": await _networks(settings, client),
            }
        except RetryLater as error:
            raise ServerError(f"{error}. Run `elan check`.") from error


async def _partitions(settings: Settings, client: Any, ends: dict[int, int]) -> list[dict[str, Any]]:
    from pipeline.clock import rfc3339  # noqa: PLC0415 - quick --help
    from pipeline.windows.redis_progress import RedisProgress  # noqa: PLC0415

    standings = await RedisProgress(client, settings.redis.namespace).standings()
    rows = []
    for partition, end in sorted(ends.items()):
        standing = standings.get(f"{settings.kafka.activity_topic}:{partition}")
        fence = standing.next_offset if standing else 0
        watermark = standing.watermark_seconds if standing else None
        rows.append(
            {
                "partition": partition,
                "fence_offset": fence,
                "end_offset": end,
                "lag_records": max(0, end - fence),
                "watermark": rfc3339(watermark) if watermark is not None else None,
            }
        )
    return rows


async def _networks(settings: Settings, client: Any) -> list[dict[str, Any]]:
    from pipeline.windows.redis_store import RedisStore  # noqa: PLC0415 - quick --help
    from pipeline.windows.redis_verdicts import RedisVerdicts  # noqa: PLC0415

    namespace, shards = settings.redis.namespace, settings.redis.shards
    store, verdicts = RedisStore(client, namespace, shards), RedisVerdicts(client, namespace, shards)
    rows = []
    for network in await store.networks():
        readings = await verdicts.readings(network)
        judged = await verdicts.judged(network)
        days = [judged.get(shard) for shard in range(shards)]
        behind = min((day for day in days if day is not None), default=None)
        alerts = [orjson.loads(value) for value in await verdicts.open_alerts(network)]
        rows.append(
            {
                "network": network,
                "communities": len(readings),
                "verdicts": dict(Counter(reading.verdict for reading in readings)),
                "shards": shards,
                "shards_judged": sum(day is not None for day in days),
                "judged_to": None if behind is None else (_EPOCH + timedelta(days=behind)).isoformat(),
                "open_alerts": [
                    {key: alert[key] for key in ("id", "community", "alert", "stage", "severity", "since")}
                    for alert in sorted(alerts, key=lambda alert: alert["since"])
                ],
            }
        )
    return rows


def _show(found: dict[str, Any], console: Console) -> None:
    table = Table("partition", "fence", "end", "lag", "watermark", title="Intake", title_justify="left")
    for row in found["partitions"]:
        cells = ("partition", "fence_offset", "end_offset", "lag_records", "watermark")
        table.add_row(*("not read yet" if row[cell] is None else str(row[cell]) for cell in cells))
    console.print(table)
    if not found["networks"]:
        console.print("No communities yet: import something, or let a platform write to the activity topic.")
    for row in found["networks"]:
        verdicts = ", ".join(f"{number} {verdict}" for verdict, number in sorted(row["verdicts"].items()))
        console.print(
            f"[bold]{escape(row['network'])}[/bold]: {row['communities']} communities ({verdicts or 'none judged'}), "
            f"judged to {row['judged_to'] or 'nowhere yet'} in {row['shards_judged']} of {row['shards']} shards, "
            f"{len(row['open_alerts'])} open alerts",
            highlight=False,
        )
        for alert in row["open_alerts"]:
            what = alert["community"] or "the network"
            console.print(
                f"  {alert['severity']:8} {alert['stage']:9} {what} since {alert['since'][:10]}",
                highlight=False,
                markup=False,
            )
