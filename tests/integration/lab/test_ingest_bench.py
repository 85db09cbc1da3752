"""`elan bench ingest` in small, on real Apache Kafka and a real Valkey."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import redis
from kafka import KafkaAdminClient
from typer.testing import CliRunner

from pipeline.cli.main import app
from pipeline.lab.bench_topic import MadeUpStream, past_start, write_stream
from pipeline.lab.bench_topic_servers import bench_place
from pipeline.lab.ingest_bench import measure_workers

if TYPE_CHECKING:
    from pathlib import Path


def topics_of_benches(kafka: str) -> set[str]:
    admin = KafkaAdminClient(bootstrap_servers=kafka)
    found = {topic for topic in admin.list_topics() if topic.startswith("elan-bench")}
    admin.close()
    return found


def test_ingest_is_measured_against_stock_faust_and_leaves_nothing_behind(
    kafka_bootstrap: str, valkey_url: str, tmp_path: Path
) -> None:
    topics_before = topics_of_benches(kafka_bootstrap)
    figures = tmp_path / "figures.json"
    servers = ["--kafka", kafka_bootstrap, "--redis", valkey_url]
    sizes = ["--events", "4000", "--stock-events", "400"]
    done = CliRunner().invoke(app, ["bench", "ingest", *servers, *sizes, "--json", str(figures)])
    assert done.exit_code == 0, done.output
    found = json.loads(figures.read_bytes())
    assert 0 < found["elan_cpu_seconds_per_million"] < found["stock_faust_cpu_seconds_per_million"]
    assert found["ratio"] > 1
    assert found["events_per_second"] > 1_000
    assert 50 < found["worker_rss_mb"] < 500
    assert found["redis_cpu_seconds_per_million"] > 0
    with redis.Redis.from_url(valkey_url) as client:
        assert client.dbsize() == 0
    assert topics_of_benches(kafka_bootstrap) == topics_before


def test_all_that_was_written_is_in_the_windows(kafka_bootstrap: str, valkey_url: str, tmp_path: Path) -> None:
    with bench_place(kafka_bootstrap, valkey_url) as place:
        stream = MadeUpStream(3_000, 8.0, 8, past_start(3_000, 8.0))
        ends = asyncio.run(write_stream(place.settings, stream.chunks()))
        assert sum(ends.values()) == 3_000 + 8, "one clock event in each partition"
        cost = asyncio.run(measure_workers(place, ends, tmp_path, workers=2))
        assert cost.records_per_second > 0
        namespace = place.settings.redis.namespace
        with redis.Redis.from_url(valkey_url) as client:
            communities = [key for key in client.scan_iter(f"{namespace}:*") if b"d:bench/c-" in key]
    assert len(communities) == len({record.key for chunk in stream.chunks() for record in chunk if record.key})
