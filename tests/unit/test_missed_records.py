"""What was deleted from the log before it was counted is said with its number, and only that."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from unittest.mock import AsyncMock, Mock

import pytest

from pipeline.errors import Stop
from pipeline.ingest.trust import Trust
from pipeline.intake import Intake
from pipeline.kafka_topics import ActivityTopic
from pipeline.windows.redis_progress import Standing
from tests.unit.ingest.records import HOUR, RULES, activity, batch

if TYPE_CHECKING:
    from pipeline.ingest.record_batch import RecordBatch

PARTITION = ("esn", 3)


def missed(counted_to: int | None, *batches: RecordBatch, topic_id: str = "one", counted_id: str = "one") -> list[int]:
    """Numbers of offsets that were said to be missing; `counted_to` is None for a partition never read."""
    kept = {} if counted_to is None else {"esn:3": Standing(counted_to, None, None, None, counted_id)}
    metrics, progress = (
        Mock(),
        AsyncMock(standings=AsyncMock(return_value=kept), first_days=AsyncMock(return_value={}), go_on_from=Mock()),
    )
    store = Mock(fences=Mock(lost=AsyncMock(return_value={}), accept=AsyncMock()))
    ask = AsyncMock(return_value=ActivityTopic(topic_id, 4))
    trust = Trust(RULES, lambda _, actor: actor)
    intake = Intake(trust, Mock(), store, progress, AsyncMock(), metrics, HOUR, ask, AsyncMock())
    asyncio.run(_take(intake, batches))
    return [call.args[0] for call in metrics.missed.call_args_list]


async def _take(intake: Intake, batches: tuple[RecordBatch, ...]) -> None:
    await intake.start_positions({PARTITION})
    for each in batches:
        intake.take(each)


def at(start: int, records: int = 2) -> RecordBatch:
    return batch([activity(f"{start}-{place}") for place in range(records)], start=start)


def test_a_log_cut_beyond_what_was_counted_misses_what_lies_between(caplog: pytest.LogCaptureFixture) -> None:
    # counted to 10 | 10 .. 14 were deleted | the log begins at 15
    assert missed(10, at(15), at(17)) == [5]
    assert "Offsets 10 to 14 of topic esn, partition 3, were deleted before they were counted" in caplog.text


@pytest.mark.parametrize("start", [0, 6, 9, 10])
def test_a_log_cut_within_what_was_counted_misses_nothing(start: int) -> None:
    assert missed(10, at(start), at(start + 2)) == []


def test_a_partition_never_read_misses_nothing() -> None:
    assert missed(None, at(15)) == []


def test_a_topic_made_anew_is_missing_what_its_own_log_has_lost() -> None:
    assert missed(10, at(3), topic_id="another") == [3]


def test_a_broker_that_stops_or_begins_to_give_ids_ends_the_worker_before_anything_is_counted_twice() -> None:
    with pytest.raises(Stop, match="one of their ids when it was counted, and none now"):
        missed(10, at(10), topic_id="")
    with pytest.raises(Stop, match="none of their ids when it was counted, and one now"):
        missed(10, at(10), topic_id="one", counted_id="")
