"""What must have been counted and told, from the content of the log at the end, and what Redis says instead.

Every valid event id of the committed log counts once. The undisturbed run is the backtest: the same windows, measures
and decisions in the memory of this process, fed in the order of time.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec
import orjson
import redis.asyncio
from kafka import KafkaConsumer, TopicPartition

from pipeline.cloudevents import ACTIVITY_TYPE_PREFIX, ACTIVITY_TYPE_SUFFIX, Event
from pipeline.history import HISTORY_DAYS
from pipeline.lab.backtest import Backtest
from pipeline.model import Activity, Kind
from pipeline.pseudonyms import Pseudonymiser
from pipeline.rules import rules_of
from pipeline.settings import require_pseudonym_key
from pipeline.windows.aggregate import local_day
from pipeline.windows.day_columns import Windows
from pipeline.windows.redis_store import RedisStore

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from zoneinfo import ZoneInfo

    from kafka.consumer.fetcher import ConsumerRecord

    from pipeline.history import History, MemberHistories
    from pipeline.settings import Settings
    from pipeline.windows.store import HourWindow, WindowStore

READ_SECONDS = 60.0
BOUNDARIES_BACK = (0, 1, 20)
_decode = msgspec.json.Decoder(Event).decode

Cells: TypeAlias = "Counter[tuple[object, ...]]"
"""What was counted, cell by cell: activities by community, kind and day; distinct members; their days; last hours."""


def read_log(bootstrap: str, topic: str) -> list[ConsumerRecord]:
    """Every committed record of a topic, to its present end, partition by partition."""
    consumer = KafkaConsumer(
        bootstrap_servers=bootstrap,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        isolation_level="read_committed",
        # In pure Python they cost a second for each megabyte of poison; workers check them.
        check_crcs=False,
        max_partition_fetch_bytes=16 * 1024 * 1024,
    )
    try:
        partitions = [TopicPartition(topic, n) for n in sorted(consumer.partitions_for_topic(topic) or ())]
        ends = consumer.end_offsets(partitions)
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        found: dict[int, list[ConsumerRecord]] = {p.partition: [] for p in partitions}
        deadline = time.monotonic() + READ_SECONDS
        while any(consumer.position(p) < ends[p] for p in partitions):
            assert time.monotonic() < deadline, f"topic {topic} was not read to its end in {READ_SECONDS} s"
            for partition, records in consumer.poll(timeout_ms=500).items():
                found[partition.partition].extend(records)
        return [record for n in sorted(found) for record in found[n]]
    finally:
        consumer.close()


def activity_of(value: bytes | None) -> Activity | None:
    """The activity that a record holds; None for clock events and for what is none."""
    try:
        event = _decode(value or b"")
    except (msgspec.MsgspecError, RecursionError):
        return None
    if event.data is None or not event.type.startswith(ACTIVITY_TYPE_PREFIX):
        return None
    kind = event.type.removeprefix(ACTIVITY_TYPE_PREFIX).removesuffix(ACTIVITY_TYPE_SUFFIX)
    if kind not in set(Kind):
        return None
    platform = event.source.split("/")[2]
    body = {name: getattr(event.data, name) for name in event.data.__struct_fields__}
    return Activity(id=event.id, time=event.time, kind=Kind(kind), platform=platform, **body)


def distinct_activities(records: Iterable[ConsumerRecord], not_counted: Collection[str]) -> list[Activity]:
    """The activities of a log in the order of time, each (source, id) once, without the ids that must not count."""
    found: dict[tuple[str, str, str], Activity] = {}
    for record in records:
        activity = activity_of(record.value)
        if activity is not None and activity.id not in not_counted:
            found.setdefault((activity.platform, activity.network, activity.id), activity)
    return sorted(found.values(), key=lambda activity: activity.time)


class Expected:
    """The undisturbed run over the activities of a log: `cells`, and `alerts` as alert id -> last step.

    `pseudonym` is (network, actor) -> the member's; by default under the key of the settings.
    """

    def __init__(
        self, activities: list[Activity], settings: Settings, pseudonym: Callable[[str, str], str] | None = None
    ) -> None:
        self.activities = activities
        self._rules = rules_of(settings)
        pseudonym = pseudonym or Pseudonymiser(require_pseudonym_key(settings))
        self._backtest = Backtest(self._rules, lambda network: settings.network(network).time_zone, pseudonym)
        self.alerts: dict[str, Any] = {}
        self.cells: Cells = Counter()

    def zone(self, network: str) -> ZoneInfo:
        """The time zone of a network."""
        return self._rules.of_network(network).zone

    def last_days(self) -> dict[str, int]:
        """Network -> day of its last activity."""
        days: dict[str, int] = {}
        for activity in self.activities:
            day = local_day(activity.time.timestamp(), self.zone(activity.network))
            days[activity.network] = max(days.get(activity.network, day), day)
        return days

    async def compute(self) -> None:
        """Count and judge everything."""
        async for _ in self._backtest.run(self.activities):
            pass
        self.alerts = last_steps((step["id"], step) for step in map(orjson.loads, self._backtest.verdicts.steps))
        self.cells = await cells_of(self._backtest.store, 1, self.last_days())


def last_steps(steps: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """What compaction leaves: the last value of each key."""
    return dict(steps)


async def redis_cells(url: str, namespace: str, shards: int, last_days: dict[str, int]) -> Cells:
    """What the windows in Redis hold."""
    make = redis.asyncio.RedisCluster if "+cluster" in url else redis.asyncio.Redis
    client = make.from_url(url.replace("+cluster", ""))
    try:
        return await cells_of(RedisStore(client, namespace, shards), shards, last_days)
    finally:
        await client.aclose()


async def cells_of(store: WindowStore, shards: int, last_days: dict[str, int]) -> Cells:
    """Everything the windows of a store remember, up to the last day of each network."""
    cells: Cells = Counter()
    assert set(await store.networks()) <= set(last_days), "a network was counted that nobody wrote about"
    for network, last_day in last_days.items():
        days = await store.read_days(network, range(shards), last_day - max(BOUNDARIES_BACK), last_day)
        windows = Windows(days)
        for back in BOUNDARIES_BACK:
            cells |= _distinct_members(windows.as_of(last_day - back))
        history = windows.as_of(last_day)
        cells |= _events(history)
        for community in history.communities:
            (members,) = await store.members(network, [community], last_day)
            cells |= _members(community, members.histories())
            for end_hour in (24 * last_day, 24 * (last_day + 1)):
                cells |= _hours(network, community, end_hour, await store.hours(network, community, end_hour))
    return cells


def _distinct_members(history: History) -> Cells:
    return Counter(
        {
            ("distinct", history.network, community, width, history.boundary_day): number
            for width, numbers in history.active_members.items()
            for community, number in zip(history.communities, numbers.tolist(), strict=True)
        }
    )


def _events(history: History) -> Cells:
    first_day = history.boundary_day - HISTORY_DAYS + 1
    return Counter(
        {
            ("events", history.network, history.communities[row], str(kind), first_day + place): int(series[row, place])
            for kind, series in (*history.activities.items(), ("bot", history.bot_activities))
            for row, place in zip(*(found.tolist() for found in series.nonzero()), strict=True)
        }
    )


def _hours(network: str, community: str, end_hour: int, windows: Mapping[int, HourWindow]) -> Cells:
    return Counter(
        {
            ("hours", network, community, end_hour, width, what): number
            for width, window in windows.items()
            for what, number in (*window.activities.items(), ("active", window.active_members))
        }
    )


def _members(community: str, histories: MemberHistories) -> Cells:
    return Counter(
        {
            ("member", community, member, found.day, what): number
            for member, days in histories.items()
            for found in days
            for what, number in (
                ("active", 1),
                ("conversational", found.conversational),
                ("relational", found.relational),
                ("participated", int(found.participated)),
            )
        }
    )
