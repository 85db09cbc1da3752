"""What lanes need of others: a handler of batches, and whoever fetches them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.ingest.record_batch import RecordBatch

Partition = tuple[str, int]
"""(topic, partition)."""
Work = TypeVar("Work")
EARLIEST = -1


class NotYet(Exception):
    """The work goes beyond what may be counted now; it is tried again in a moment."""


class BatchHandler(Protocol[Work]):
    """What the worker does with batches."""

    async def start_positions(self, partitions: set[Partition]) -> Mapping[Partition, int]:
        """Where to start reading each partition; `EARLIEST` or absent: where its log begins.

        Called after every assignment and rewind while nothing is in flight: the moment to drop what is remembered of
        these partitions. May raise RetryLater.
        """

    def take(self, batch: RecordBatch) -> Work | None:
        """Turn a batch into work, once and in order; None when there is nothing to apply."""

    async def apply(self, work: Work) -> None:
        """Do the work. After RetryLater and NotYet it is called again with the same work until it succeeds.

        After Rewind all partitions start again from `start_positions`. Any other exception ends the worker.
        """

    def revoked(self, partitions: set[Partition]) -> None:
        """These partitions are somebody else's now."""


class Fetching(Protocol):
    """Whoever fetches the batches: a partition that is early must not keep the others from being read."""

    def hold(self, partition: Partition) -> None:
        """Fetch no more of this partition; what is on its way still comes."""

    def release(self, partition: Partition) -> None:
        """Fetch it again."""
