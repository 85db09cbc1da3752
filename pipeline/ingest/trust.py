"""The stage in data order: decode, check, drop duplicates, place in time, replace actors by pseudonyms.

Pure: no client, no wall clock; the result follows from the log alone, however it was cut into batches.
"""

from __future__ import annotations

from bisect import bisect_left
from math import inf
from typing import TYPE_CHECKING, cast

import msgspec

from pipeline.cloudevents import Event
from pipeline.errors import Reject
from pipeline.ingest.checks import EARLIEST_SECONDS, UNIX_MS, EventCheck
from pipeline.ingest.dead_letters import DeadLetter
from pipeline.ingest.decode import CLOCK, KIND_OF_TYPE, decode_batch
from pipeline.ingest.duplicates import MARK_SHIFT, DuplicateMemory, restart_offset
from pipeline.ingest.known_names import STRANGER, KnownNames
from pipeline.ingest.record_batch import TIMESTAMP_UNKNOWN
from pipeline.ingest.trusted import TrustedBatch
from pipeline.ingest.watermark import Watermark  # noqa: TC001 - msgspec reads the annotations
from pipeline.model import Details, Outcome, Reason, TimePrecision, trusted_activity

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.cloudevents import ActivityData
    from pipeline.ingest.record_batch import RecordBatch
    from pipeline.model import TrustedActivity

_OF_OBJECT = TimePrecision.OF_OBJECT


class TrustRules(msgspec.Struct, frozen=True):
    """The settings of this stage."""

    duplicate_horizon_records: int
    largest_record_bytes: int
    allowed_lateness_seconds: float
    future_tolerance_seconds: float
    remembered_seconds: float = 364 * 86_400.0
    """Activities older than this against their partition's time cannot be counted: no window remembers their day."""


class _Partition(msgspec.Struct):
    """What is known of one partition while this worker owns it."""

    fence: int
    watermark: Watermark
    memory: DuplicateMemory


class Trust:
    """Turns record batches into trusted ones. `pseudonym` is (network, actor) -> the member's keyed pseudonym."""

    def __init__(self, rules: TrustRules, pseudonym: Callable[[str, str], str]) -> None:
        self._rules = rules
        self._known = KnownNames(pseudonym)
        self._check = EventCheck(rules.future_tolerance_seconds)
        self._partitions: dict[tuple[str, int], _Partition] = {}

    def start(self, topic: str, partition: int, fence: int, watermark: Watermark) -> int:
        """Begin a partition, forgetting what was known of it; returns the offset to read from.

        `fence` is the next offset to count (0 for the first time) and `watermark` the one kept with it. What is read
        below the fence only fills the memory of ids.
        """
        horizon = self._rules.duplicate_horizon_records
        self._partitions[topic, partition] = _Partition(fence, watermark, DuplicateMemory(horizon))
        return restart_offset(fence, horizon)

    def forget(self, topic: str, partition: int) -> None:
        """The partition is somebody else's now."""
        self._partitions.pop((topic, partition), None)

    def take(self, batch: RecordBatch) -> TrustedBatch | None:
        """Judge every record of the partition's next batch; None when all of it lies below the fence.

        Batches of a partition must come in order and once, since ids are remembered.
        """
        state = self._partitions[batch.topic, batch.partition]
        tally = _Tally(batch, state, self._rules)
        self._take_records(batch, state, tally)
        state.watermark = tally.watermark
        return tally.batch() if batch.next_offset > state.fence else None

    def _take_records(self, batch: RecordBatch, state: _Partition, tally: _Tally) -> None:
        """The loop that a worker spends most of its time in.

        What is plain, as nearly all of a log is, is decided here; `_take_one` decides about any record, and the same.
        """
        # Bound to names of this function: each look into an object counts in millions.
        sources, kinds, tolerance = self._known.sources, KIND_OF_TYPE, self._rules.future_tolerance_seconds
        fence, memory, add = state.fence, state.memory, tally.activities.append
        plain_from, present, previous, plain_to = tally.plain_from, memory.present, memory.previous, memory.ends_at
        events = decode_batch(batch, self._rules.largest_record_bytes)
        # As a rule the source is that of the record before.
        last_source, (network, salt, members, names) = None, STRANGER
        for offset, event, timestamp_ms in zip(batch.offsets, events, batch.timestamps_ms, strict=True):
            if type(event) is Event and (data := event.data) is not None:
                if event.source != last_source:
                    last_source = event.source
                    network, salt, members, names = sources.get(last_source, STRANGER)
                member, community, name = members.get(data.actor), names.get(data.community), data.communityname
                kind, seconds, event_id = kinds[event.type], event.time.timestamp(), event.id
                if (
                    member is not None
                    and community is not None
                    and kind >= 0
                    and plain_from <= seconds <= timestamp_ms / UNIX_MS + tolerance
                    and data.network == network
                    and (name is None or name in names)
                    and event_id.isprintable()
                    and fence <= offset < plain_to
                ):
                    mark = (hash(event_id) ^ salt) >> MARK_SHIFT
                    if mark not in present and mark not in previous:
                        present.add(mark)
                        details = None
                        if not (
                            name is None
                            and data.department is None
                            and data.line is None
                            and data.count == 1
                            and not data.bot
                            and data.timeprecision is not _OF_OBJECT
                        ):
                            details = _details(data, name)
                        add((offset, seconds, kind, network, community, member, details))
                        continue
            self._take_one(offset, event, timestamp_ms, state, tally)
            last_source = None
            plain_from, present, previous, plain_to = tally.plain_from, memory.present, memory.previous, memory.ends_at

    def _take_one(
        self, offset: int, event: Event | Reject, timestamp_ms: int, state: _Partition, tally: _Tally
    ) -> None:
        """Decide about one record, whatever it is."""
        if isinstance(event, Reject):
            tally.add_dead(offset, event)
            return
        try:
            kind, seconds = self._check(event, timestamp_ms)
        except Reject as reject:
            tally.add_dead(offset, reject)
            return
        # A clock that is ahead, of a worker or a platform, moves time no further than to when the record was written.
        told_seconds = seconds if timestamp_ms < 0 else min(seconds, timestamp_ms / UNIX_MS)
        if kind == CLOCK:
            tally.add_clock(offset, told_seconds)
        elif state.memory.seen(offset, event.source, event.id):
            tally.duplicates += offset >= state.fence
        elif offset >= state.fence and (seconds >= tally.plain_from or tally.place(offset, seconds, told_seconds)):
            tally.activities.append(self._trusted(offset, event, kind, seconds))

    def _trusted(self, offset: int, event: Event, kind: int, seconds: float) -> TrustedActivity:
        data, known, source = cast("ActivityData", event.data), self._known, event.source
        network, name = data.network, data.communityname
        return trusted_activity(
            offset,
            seconds,
            kind,
            network,
            known.name(source, network, data.community),
            None if data.actor is None else known.member(source, network, data.actor),
            _details(data, None if name is None else known.name(source, network, name)),
        )


def _details(data: ActivityData, communityname: str | None) -> Details:
    of_object = data.timeprecision is _OF_OBJECT
    return Details(data.bot, data.count, of_object, communityname, data.line, data.department)


class _Tally:
    """What a batch turned out to hold, and the watermark as it moves through the batch, record by record."""

    def __init__(self, batch: RecordBatch, state: _Partition, rules: TrustRules) -> None:
        self._batch = batch
        self._fence = state.fence
        self._lateness = rules.allowed_lateness_seconds
        self._remembered = rules.remembered_seconds
        self.watermark = state.watermark
        self._set_limits()
        self.activities: list[TrustedActivity] = []
        self.duplicates = 0
        self._late = 0
        self._clocks: list[tuple[int, float]] = []
        self._dead: list[DeadLetter] = []

    def add_dead(self, offset: int, reject: Reject) -> None:
        if offset < self._fence:
            return
        batch, place = self._batch, bisect_left(self._batch.offsets, offset)
        self._dead.append(
            DeadLetter(
                reason=reject.reason,
                detail=reject.detail,
                topic=batch.topic,
                partition=batch.partition,
                offset=offset,
                key=batch.keys[place],
                value=batch.values[place],
                headers=() if batch.headers is None else tuple(batch.headers[place]),
            )
        )

    def add_clock(self, offset: int, seconds: float) -> None:
        if offset >= self._fence:
            self._clocks.append((offset, seconds))
            self._move(self.watermark.after_clock(seconds))

    def place(self, offset: int, seconds: float, told_seconds: float) -> bool:
        """Place an activity in time, which may have come as far as told: False if it is too old, then a dead letter."""
        limit = self._limit
        if limit is not None and seconds < limit:
            if seconds < limit - self._remembered:
                self.add_dead(offset, Reject(Reason.TOO_OLD, "time is before what the windows remember"))
                return False
            self._late += 1
        else:
            self._move(self.watermark.after_activity(told_seconds))
        return True

    def _move(self, watermark: Watermark) -> None:
        if watermark is not self.watermark:
            self.watermark = watermark
            self._set_limits()

    def _set_limits(self) -> None:
        self._limit = self.watermark.seconds(self._lateness)
        # Activities from this time on are neither late nor do they move the watermark.
        self.plain_from = (
            inf if self.watermark.clock_seconds is None else max(EARLIEST_SECONDS, cast("float", self._limit))
        )

    def batch(self) -> TrustedBatch:
        batch = self._batch
        return TrustedBatch(
            topic=batch.topic,
            partition=batch.partition,
            first_offset=max(batch.start_offset, self._fence),
            next_offset=batch.next_offset,
            activities=self.activities,
            dead=self._dead,
            outcomes={
                Outcome.COUNTED: len(self.activities) - self._late,
                Outcome.LATE: self._late,
                Outcome.DUPLICATE: self.duplicates,
                Outcome.CLOCK: len(self._clocks),
                Outcome.DEAD_LETTER: len(self._dead),
            },
            watermark=self.watermark,
            clocks=self._clocks,
            newest_timestamp_ms=batch.timestamps_ms[-1] if batch.timestamps_ms else TIMESTAMP_UNKNOWN,
            highwater=batch.highwater,
        )
