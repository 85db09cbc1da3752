"""A deployment for a test: own topics and namespace on the servers of the run, workers as the processes users start."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import orjson
import redis
from kafka import KafkaConsumer, TopicPartition

from pipeline.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from kafka.consumer.fetcher import ConsumerRecord

    from pipeline.settings import Settings

ELAN = [sys.executable, "-m", "pipeline"]
PATIENCE_SECONDS = 240.0


@dataclass
class Deployment:
    """Settings by environment; call `prepare` first, `stop` at the end."""

    kafka: str
    redis_url: str
    name: str
    folder: Path
    shards: int = 4
    partitions: int = 4
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "ELAN_MODE": "development",
            "ELAN_KAFKA_BOOTSTRAP_SERVERS": self.kafka,
            "ELAN_KAFKA_ACTIVITY_TOPIC": f"activity.{self.name}",
            "ELAN_KAFKA_DEAD_LETTER_TOPIC": f"activity.{self.name}.dead",
            "ELAN_KAFKA_ALERTS_TOPIC": f"alerts.{self.name}",
            "ELAN_KAFKA_GROUP": f"elan-{self.name}",
            "ELAN_KAFKA_PARTITIONS": str(self.partitions),
            "ELAN_KAFKA_SESSION_TIMEOUT_SECONDS": "6",
            "ELAN_KAFKA_HEARTBEAT_INTERVAL_SECONDS": "1",
            "ELAN_REDIS_URL": self.redis_url,
            "ELAN_REDIS_NAMESPACE": self.name,
            "ELAN_REDIS_SHARDS": str(self.shards),
            "ELAN_CLOCK_SOURCE": "log",
            "ELAN_WORKER_METRICS_PORT": "0",
            "ELAN_SERVE_PORT": "0",
        }

    @property
    def settings(self) -> Settings:
        return load_settings(environ=self.environment)

    def elan(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command of the user to its end."""
        return subprocess.run(
            [*ELAN, *arguments],
            env=os.environ | self.environment,
            capture_output=True,
            text=True,
            check=check,
            cwd=self.folder,
            timeout=PATIENCE_SECONDS,
        )

    def prepare(self) -> Deployment:
        self.elan("topics", "create")
        return self

    def start_worker(self) -> subprocess.Popen[bytes]:
        log = self.folder / f"worker-{len(self.workers)}.log"
        with log.open("wb") as output:
            worker = subprocess.Popen(
                [*ELAN, "worker"],
                env=os.environ | self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
            )
        self.workers.append(worker)
        return worker

    def url_of(self, worker: subprocess.Popen[bytes]) -> str:
        """Where a worker exposes its metrics; its log says so."""
        log = self.folder / f"worker-{self.workers.index(worker)}.log"
        wait_until(lambda: re.search(rb"http://[\d.]+:\d+", log.read_bytes()) is not None, f"a URL in {log}")
        found = re.search(rb"http://[\d.]+:\d+", log.read_bytes())
        assert found is not None
        return found.group().decode()

    def stop(self) -> None:
        for worker in self.workers:
            if worker.poll() is None:
                worker.send_signal(signal.SIGTERM)
        for worker in self.workers:
            worker.wait(30)

    def end_offsets(self) -> dict[int, int]:
        topic = self.environment["ELAN_KAFKA_ACTIVITY_TOPIC"]
        consumer = KafkaConsumer(bootstrap_servers=self.kafka)
        try:
            found = consumer.end_offsets([TopicPartition(topic, n) for n in range(self.partitions)])
            return {tp.partition: offset for tp, offset in found.items()}
        finally:
            consumer.close()

    def redis(self) -> redis.Redis | redis.RedisCluster:
        """A client of the server, or of the Cluster."""
        if "+cluster" in self.redis_url:
            return redis.RedisCluster.from_url(self.redis_url.replace("+cluster", ""))
        return redis.Redis.from_url(self.redis_url)

    def standings(self) -> dict[int, int]:
        with self.redis() as client:
            found = client.hgetall(f"{self.name}:partitions")
        return {int(key.rpartition(b":")[2]): orjson.loads(value)["next_offset"] for key, value in found.items()}

    def judged(self, network: str) -> set[int]:
        with self.redis() as client:
            keys = [f"{self.name}:{{{self.name}-{shard}}}:judged" for shard in range(self.shards)]
            return {int(client.hget(key, network) or -1) for key in keys}

    def wait_until_counted(self) -> None:
        """Until every record that is in the topic now has been counted."""
        ends = self.end_offsets()
        wait_until(
            lambda: self.standings() == {p: end for p, end in ends.items() if end}, "all records to be counted", self
        )

    def wait_until_told(self, network: str, day: int) -> None:
        """Until every shard is judged up to a day and its alerts are relayed."""
        wait_until(lambda: self.judged(network) == {day}, f"day {day} to be judged", self)
        with self.redis() as client:
            keys = [f"{self.name}:{{{self.name}-{shard}}}:outbox" for shard in range(self.shards)]
            wait_until(lambda: not any(client.xlen(key) for key in keys), "the outbox to be relayed", self)

    def records(self, topic_variable: str) -> list[ConsumerRecord]:
        """All records of a topic, to its present end."""
        topic = self.environment[topic_variable]
        consumer = KafkaConsumer(bootstrap_servers=self.kafka, auto_offset_reset="earliest", enable_auto_commit=False)
        try:
            partitions = [TopicPartition(topic, n) for n in sorted(consumer.partitions_for_topic(topic) or ())]
            ends = consumer.end_offsets(partitions)
            consumer.assign(partitions)
            consumer.seek_to_beginning(*partitions)
            found = []
            deadline = time.monotonic() + 30
            while any(consumer.position(p) < ends[p] for p in partitions) and time.monotonic() < deadline:
                for batch in consumer.poll(timeout_ms=500).values():
                    found.extend(batch)
            return found
        finally:
            consumer.close()


def wait_until(true: Callable[[], bool], what: str, deployment: Deployment | None = None) -> None:
    """Wait, and fail with what the workers said if it takes too long or one of them ended badly."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true():
        ended = (
            [w.returncode for w in deployment.workers if w.poll() not in (None, 0, -signal.SIGTERM)]
            if deployment
            else []
        )
        if ended or time.monotonic() > deadline:
            logs = (
                "\n".join(p.read_text()[-3000:] for p in deployment.folder.glob("worker-*.log")) if deployment else ""
            )
            raise AssertionError(f"waited for {what}; workers ended with {ended}\n{logs}")
        time.sleep(0.1)
