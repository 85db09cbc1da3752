"""The demo's platform: a process of its own that simulates a company, or reads a file, and writes it to the topic."""

from __future__ import annotations

import math
import multiprocessing
import signal
from dataclasses import dataclass, field
from multiprocessing import resource_tracker
from typing import TYPE_CHECKING

from pipeline.clock import now_seconds
from pipeline.errors import ElanError, InputError, ServerError
from pipeline.kafka_clients import kafka_producer
from pipeline.lab.company import simulate
from pipeline.lab.replay_file import read_in_order
from pipeline.sources.report import ImportReport
from pipeline.sources.topic_writer import DAY_SECONDS, Clock, TopicWriter

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from multiprocessing.connection import Connection
    from pathlib import Path

    from pipeline.lab.company_plan import Decline
    from pipeline.model import Activity
    from pipeline.settings import Settings

CLOCK_SECONDS = 6 * 3600
"""Event time between two clock events: four a day are enough for boundaries of a day."""
JOIN_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What the user asked for. `events` replays a file instead of a simulated company."""

    seed: int = 7
    communities: int = 40
    members: int = 1500
    months: int = 24
    events: Path | None = None
    source: str = "jsonl"
    network: str | None = None


@dataclass(frozen=True, slots=True)
class Announced:
    """What will be written: activities, and what is declined on purpose (unknown for a file)."""

    activities: int
    truth: list[Decline] | None


@dataclass(frozen=True, slots=True)
class Written:
    """All is in the topic: records, clock events included."""

    records: int


class _NothingImported:
    """A ledger for a topic made a moment ago: everything in it is new."""

    def unseen(self, activities: Sequence[Activity]) -> list[Activity]:
        """All of them."""
        return list(activities)

    def remember(self, activities: Sequence[Activity]) -> None:
        """Nothing is imported twice here."""


@dataclass(slots=True)
class Feed:
    """The process; `poll` gives what it has said since."""

    settings: Settings
    options: DemoOptions
    _connection: Connection | None = None
    _process: multiprocessing.process.BaseProcess | None = field(default=None)
    _has_written: bool = False

    def start(self) -> None:
        """Start writing."""
        # Spawned: a fork of a process with an event loop and threads may hang.
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe(duplex=False)
        self._process = context.Process(target=write_all, args=(theirs, self.settings, self.options), daemon=True)
        # Ctrl-C reaches every process of the terminal; the demo hears it and ends this one. The tracker's start takes
        # the block away again, so it comes first.
        resource_tracker.ensure_running()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        self._process.start()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        theirs.close()

    def poll(self) -> list[Announced | Written]:
        """What the feed said since the last time.

        Raises:
            ElanError: what went wrong in the feed.
            ServerError: the feed is gone and has not written everything.
        """
        said: list[Announced | Written] = []
        try:
            while self._connection is not None and self._connection.poll():
                message = self._connection.recv()
                if isinstance(message, ElanError):
                    raise message
                self._has_written = self._has_written or isinstance(message, Written)
                said.append(message)
        except EOFError:
            self._connection = None
            if not self._has_written:
                # It was killed, or failed in a way that nobody foresaw: waiting for it would never end.
                raise ServerError("The process that writes the activities ended early: run the demo again.") from None
        return said

    def stop(self) -> None:
        """End the process if it still writes."""
        if self._process is not None:
            self._process.terminate()
            self._process.join(JOIN_SECONDS)


def write_all(connection: Connection, settings: Settings, options: DemoOptions) -> None:
    """Main of the process: announce, write, say how much was written."""
    try:
        activities, announced = _activities(options)
        connection.send(announced)
        # A simulated company may live after the present; a file that does has a wrong date in it.
        limit = math.inf if options.events is None else now_seconds()
        closing_seconds = settings.clock.allowed_lateness_seconds + DAY_SECONDS
        clock = Clock(limit=limit, boundary_seconds=CLOCK_SECONDS, closing_seconds=closing_seconds)
        producer = kafka_producer(settings)
        writer = TopicWriter(producer, settings.kafka.activity_topic, _NothingImported(), clock)
        for _ in writer.write(activities):
            pass
        producer.close()
        connection.send(Written(writer.written + writer.clock_events * settings.kafka.partitions))
    except ElanError as error:
        connection.send(error)


def _activities(options: DemoOptions) -> tuple[Iterable[Activity], Announced]:
    if options.events is not None:
        found = list(read_in_order(options.events, options.source, options.network, ImportReport()))
        if not found:
            raise InputError(f"{options.events} holds no activities.")
        return found, Announced(len(found), None)
    company = simulate(options.seed, options.communities, options.members, options.months)
    return company.activities, Announced(len(company.activities), company.truth)
