"""The stage in data order: decode, check, drop duplicates, place in time, replace actors by pseudonyms.

Pure: no client, no wall clock; the result follows from the log alone, however it was cut into batches.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import msgspec

from pipeline.cloudevents import Event
from pipeline.errors import Reject
from pipeline.ingest.checks import UNIX_MS, EventCheck
from pipeline.ingest.decode import CLOCK, KIND_OF_TYPE, decode_batch
from pipeline.ingest.duplicates import MARK_SHIFT, NO_MARK, DuplicateMemory, restart_offset
from pipeline.ingest.known_names import STRANGER, KnownNames
from pipeline.ingest.tally import Tally
from pipeline.ingest.watermark import Watermark  # noqa: TC001 - msgspec reads the annotations
from pipeline.model import LATEST_SECONDS, Details, TimePrecision, trusted_activity

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.cloudevents import ActivityData
    from pipeline.ingest.record_batch import RecordBatch
    from pipeline.ingest.trusted import TrustedBatch
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
        rules = self._rules
        tally = Tally(
            batch,
            state.fence,
            state.watermark,
            allowed_lateness_seconds=rules.allowed_lateness_seconds,
            remembered_seconds=rules.remembered_seconds,
        )
        self._take_records(batch, state, tally)
        state.watermark = tally.watermark
        return tally.batch() if batch.next_offset > state.fence else None

    def _take_records(self, batch: RecordBatch, state: _Partition, tally: Tally) -> None:
        """The loop that a worker spends most of its time in.

        What is plain, as nearly all of a log is, is decided here; `_take_one` decides about any record, and the same.
        """
        # Bound to names of this function: each look into an object counts in millions.
        sources, kinds, tolerance = self._known.sources, KIND_OF_TYPE, self._rules.future_tolerance_seconds
        latest = LATEST_SECONDS
        fence, memory, add = state.fence, state.memory, tally.activities.append
        plain_from, present, plain_to, remember = tally.plain_from, memory.present, memory.ends_at, tally.marks.append
        events = decode_batch(batch, self._rules.largest_record_bytes)
        # As a rule the source is that of the record before.
        last_source, (network, salt, members, names) = None, STRANGER
        for offset, event, timestamp_ms in zip(batch.offsets, events, batch.timestamps_ms, strict=True):
            if type(event) is Event and (data := event.data) is not None:
                if event.source != last_source:
                    last_source = event.source
                    network, salt, members, names = sources.get(last_source, STRANGER)
                member, community, name = members.get(data.actor), names.get(data.community), data.communityname
                if (member is None or community is None) and network and data.network == network:
                    member, community = self._known.meet(event.source, network, data.actor, data.community)
                    # What is known may have been emptied.
                    last_source = None
                kind, seconds, event_id = kinds[event.type], event.time.timestamp(), event.id
                if (
                    member is not None
                    and community is not None
                    and kind >= 0
                    and plain_from <= seconds <= timestamp_ms / UNIX_MS + tolerance
                    and seconds < latest
                    and data.network == network
                    and (name is None or name in names)
                    and event_id.isprintable()
                    and fence <= offset < plain_to
                ):
                    mark = (hash(event_id) ^ salt) >> MARK_SHIFT
                    if mark not in present:
                        present.add(mark)
                        remember(mark)
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
            if offset >= plain_to:
                # Before another generation of ids begins.
                tally.drop_known(memory)
            self._take_one(offset, event, timestamp_ms, state, tally)
            last_source = None
            plain_from, present, plain_to = tally.plain_from, memory.present, memory.ends_at
        tally.drop_known(memory)

    def _take_one(self, offset: int, event: Event | Reject, timestamp_ms: int, state: _Partition, tally: Tally) -> None:
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
            tally.marks.append(NO_MARK)

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
