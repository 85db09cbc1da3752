"""What is due to be judged, and what is judged together. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.scoring.life import SURVEY_DAYS, survey_day

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.kafka_topics import ActivityTopic
    from pipeline.windows.redis_progress import Standing

COMMUNITIES_AT_ONCE = 3_200
"""Judged together: what one call costs whatever it judges is little against so many, and they take 25 MB."""
BOUNDARIES_A_STEP = 7
"""Boundaries judged on one reading of the windows; a crash repeats at most these."""


@dataclass(frozen=True, slots=True)
class Due:
    """Boundaries `first_day` … `last_day` of these shards of a network."""

    network: str
    shards: tuple[int, ...]
    first_day: int
    last_day: int


def low_watermark(standings: dict[str, Standing], topic: ActivityTopic) -> float | None:
    """The event time that every partition of the topic has passed, None while one has not told yet.

    `standings` are named topic:partition. What is kept of a topic of the same name that was there before, which may
    have had more partitions, says nothing any more.
    """
    told = [
        standing.watermark_seconds
        for name, standing in standings.items()
        if standing.watermark_seconds is not None
        and standing.topic_id == topic.identity
        and int(name.rpartition(":")[2]) < topic.partitions
    ]
    return min(told) if len(told) == topic.partitions else None


def groups_of(shards: int, communities: int) -> list[range]:
    """Shards that are judged together, in order, so that about `COMMUNITIES_AT_ONCE` of these communities are.

    Groups of another number of communities have these within them, or lie within these: whoever has counted earlier
    takes leases for the same ones.
    """
    size = 1
    while size < shards and 2 * size * communities <= COMMUNITIES_AT_ONCE * shards:
        size *= 2
    return [range(start, min(start + size, shards)) for start in range(0, shards, size)]


def due_survey(first_day: int, slowest_day: int, taught_day: int | None) -> int | None:
    """The survey day that is to be learnt from: all shards stand there or later, and its profile is not kept yet."""
    day = survey_day(slowest_day)
    return day if day >= first_day and (taught_day is None or taught_day < day) else None


def due_boundaries(  # noqa: PLR0917 - where a network, its shards and its survey stand
    network: str, first_day: int, passed_day: int, judged: dict[int, int], shards: Sequence[int], taught_day: int | None
) -> list[Due]:
    """What a group of shards has to judge, shards that stand at the same day together.

    `first_day` is the network's first, `passed_day` the last day that the watermark has left behind, `taught_day` the
    survey day of the profile that is kept. Shards on a survey day wait for the others, and for what it teaches.
    """
    standing_at: dict[int, list[int]] = {}
    for shard in shards:
        standing_at.setdefault(judged.get(shard, first_day - 1), []).append(shard)
    return [
        Due(network, tuple(together), day + 1, min(passed_day, day + BOUNDARIES_A_STEP, survey_day(day) + SURVEY_DAYS))
        for day, together in sorted(standing_at.items())
        if day < passed_day and due_survey(first_day, day, taught_day) is None
    ]
