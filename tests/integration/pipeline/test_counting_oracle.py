"""Import -> Kafka -> two workers -> Redis, against a plain computation over the same file."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections import Counter, defaultdict
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest
import redis.asyncio

from pipeline.history import WINDOW_DAYS
from pipeline.windows.day_columns import Windows
from pipeline.windows.redis_store import RedisStore
from tests.integration.pipeline.deployment import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.pipeline.deployment import Deployment

DAY_SECONDS, HOUR_SECONDS = 86_400, 3_600


class PlainCount:
    """What the file says, read line by line with the standard library: no code of the pipeline takes part."""

    def __init__(self, path: Path) -> None:
        self.kinds: dict[str, Counter[tuple[int, str]]] = defaultdict(Counter)
        self.bots: dict[str, Counter[int]] = defaultdict(Counter)
        self.active: dict[str, set[tuple[int, str]]] = defaultdict(set)
        self.hours: dict[str, list[tuple[int, str, str]]] = defaultdict(list)
        self.last_hours: dict[str, int] = defaultdict(int)
        self.last_day = 0
        with gzip.open(path, "rt") as lines:
            for line in lines:
                self._add(json.loads(line))

    def _add(self, activity: dict[str, str]) -> None:
        moment = datetime.strptime(activity["time"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
        day, community = int(moment.timestamp()) // DAY_SECONDS, activity["community"]
        hour = int(moment.timestamp()) // HOUR_SECONDS
        self.last_day, self.last_hours[community] = max(self.last_day, day), max(self.last_hours[community], hour)
        if activity.get("bot"):
            self.bots[community][day] += 1
            self.kinds[community].update()
            return
        self.kinds[community][day, activity["kind"]] += 1
        self.hours[community].append((hour, activity["kind"], activity.get("actor", "")))
        if activity["kind"] != "view":
            self.active[community].add((day, activity["actor"]))

    def window(self, community: str, last: int, days: int) -> tuple[dict[str, int], int, int]:
        """(activities by kind, activities of bots, distinct active members) of the `days` days up to `last`."""
        kinds: Counter[str] = Counter()
        for (day, kind), number in self.kinds[community].items():
            if last - days < day <= last:
                kinds[kind] += number
        bots = sum(number for day, number in self.bots[community].items() if last - days < day <= last)
        return dict(kinds), bots, len({actor for day, actor in self.active[community] if last - days < day <= last})

    def hour_window(self, community: str, end_hour: int, hours: int) -> tuple[dict[str, int], int]:
        """(activities by kind, distinct active members) of the `hours` hours before `end_hour`."""
        found = [row for row in self.hours[community] if end_hour - hours <= row[0] < end_hour]
        return dict(Counter(kind for _, kind, _ in found)), len({actor for _, kind, actor in found if kind != "view"})


async def assert_counts_are_exact(deployment: Deployment, network: str, plain: PlainCount) -> int:
    """Compare every community, window and several boundaries; returns the number of comparisons."""
    client = redis.asyncio.Redis.from_url(deployment.redis_url)
    compared = 0
    try:
        store = RedisStore(client, deployment.name, deployment.shards)
        for boundary in (plain.last_day, plain.last_day + 1, plain.last_day - 1, plain.last_day - 20):
            days = await store.read_days(network, range(deployment.shards), boundary, boundary)
            history = Windows(days).as_of(boundary)
            assert set(history.communities) == set(plain.kinds)
            for row, community in enumerate(history.communities):
                for width in WINDOW_DAYS:
                    # The series of kinds hold 52 weeks; a year has a day more.
                    span = min(width, 364)
                    kinds, bots, _ = plain.window(community, boundary, span)
                    _, _, active = plain.window(community, boundary, width)
                    got = {
                        k.value: int(v[row, -span:].sum())
                        for k, v in history.activities.items()
                        if v[row, -span:].any()
                    }
                    assert (community, width, got) == (community, width, kinds)
                    assert int(history.bot_activities[row, -span:].sum()) == bots
                    assert (community, width, int(history.active_members[width][row])) == (community, width, active)
                    compared += 1
        for community, last_hour in plain.last_hours.items():
            for end_hour in (last_hour + 1, last_hour - 30):
                for width, window in (await store.hours(network, community, end_hour)).items():
                    expected = plain.hour_window(community, end_hour, width)
                    assert (community, dict(window.activities), window.active_members) == (community, *expected)
    finally:
        await client.aclose()
    return compared


@pytest.mark.timeout(400)
@pytest.mark.parametrize("archive", ["houston", "ncar", "urho3d", "rust"])
def test_two_workers_count_a_real_archive_exactly(deployment: Deployment, data_folder: Path, archive: str) -> None:
    path = data_folder / f"{archive}.jsonl.gz"
    deployment.start_worker()
    deployment.start_worker()
    deployment.elan("import", "jsonl", str(path), "--to-topic")
    deployment.wait_until_counted()
    plain = PlainCount(path)
    assert asyncio.run(assert_counts_are_exact(deployment, archive, plain)) == 16 * len(plain.kinds)
    assert deployment.records("ELAN_KAFKA_DEAD_LETTER_TOPIC") == []


@pytest.mark.timeout(300)
def test_stopping_and_starting_workers_changes_no_count(deployment: Deployment, data_folder: Path) -> None:
    # import ....................... done
    # w1 ====x        w3 ============
    # w2 ========x         w4 =======
    path = data_folder / "urho3d.jsonl.gz"
    first, second = deployment.start_worker(), deployment.start_worker()
    deployment.elan("import", "jsonl", str(path), "--to-topic")
    total = sum(deployment.end_offsets().values())
    _wait_for(deployment, total // 4)
    first.terminate()
    assert first.wait(20) == 0
    _wait_for(deployment, total // 2)
    second.terminate()
    assert second.wait(20) == 0
    assert sum(deployment.standings().values()) < total, "everything was counted before the workers were stopped"
    deployment.start_worker()
    deployment.start_worker()
    deployment.wait_until_counted()
    plain = PlainCount(path)
    assert asyncio.run(assert_counts_are_exact(deployment, "urho3d", plain)) == 16 * len(plain.kinds)


@pytest.mark.timeout(300)
def test_importing_the_same_archive_twice_changes_no_count(deployment: Deployment, data_folder: Path) -> None:
    path = data_folder / "ncar.jsonl.gz"
    deployment.start_worker()
    deployment.elan("import", "jsonl", str(path), "--to-topic")
    again = deployment.elan("import", "jsonl", str(path), "--to-topic")
    assert "0 activities written" in again.stderr
    assert "6707 had been imported before" in again.stderr
    deployment.wait_until_counted()
    asyncio.run(assert_counts_are_exact(deployment, "ncar", PlainCount(path)))


def _wait_for(deployment: Deployment, records: int) -> None:
    wait_until(lambda: sum(deployment.standings().values()) >= records, f"{records} records to be counted", deployment)
