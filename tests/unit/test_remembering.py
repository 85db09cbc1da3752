"""What judging remembers of communities, while others begin between two boundaries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from pipeline.remembering import Remembered, unpack
from pipeline.scoring.phase import NEVER, NONE, PhaseStates

if TYPE_CHECKING:
    from collections.abc import Sequence


def remembered(communities: Sequence[str]) -> Remembered:
    """Of each community its own: a phase taken on day 100 and later, an alert, a champion."""
    places = np.arange(len(communities))
    return Remembered(
        network={"streak": 1},
        communities=list(communities),
        phases=PhaseStates(places, places + 100, places / 3, places + 90, places - 1, places + 7),
        alerts={place: {"detector": {"streak": place + 1}} for place in places.tolist()},
        champions={place: msgspec.Raw(msgspec.msgpack.encode({"reviewed": place})) for place in places.tolist()},
    )


def everything(found: Remembered) -> dict[str, object]:
    """By community, comparable."""
    return {
        name: (
            [getattr(found.phases, field)[place].item() for field in PhaseStates.__struct_fields__],
            found.alerts.get(place),
            found.champions[place].copy() if place in found.champions else None,
        )
        for place, name in enumerate(found.communities)
    }


def test_shards_that_were_kept_apart_are_read_together() -> None:
    before = remembered(["a", "b", "c", "d"])
    kept = [before.pack(np.array([2, 0])), None, before.pack(np.array([1, 3]))]
    after = unpack(kept)
    assert after.communities == ["c", "a", "b", "d"]
    assert everything(after) == {name: everything(before)[name] for name in after.communities}
    assert after.network == {"streak": 1}


def test_a_community_that_began_since_stands_among_the_others_as_at_first() -> None:
    # kept: a, c, d | read: a, b (new), c; d is not asked for
    before = unpack([remembered(["a", "c", "d"]).pack(np.arange(3))])
    after = before.of(["a", "b", "c"])
    known = everything(before)
    assert everything(after) == {"a": known["a"], "b": ([NONE, 0, 0.0, NEVER, NONE, 0], None, None), "c": known["c"]}
    assert after.detector_states() == [{"streak": 1}, {}, {"streak": 2}]


def test_nothing_is_remembered_at_first() -> None:
    after = unpack([None, None]).of(["a"])
    assert everything(after) == {"a": ([NONE, 0, 0.0, NEVER, NONE, 0], None, None)}
    assert after.network == {}
