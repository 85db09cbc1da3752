"""What is ordinary in a network: learnt on every survey day from the lives of all its communities."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from pipeline.scoring.abaque import Abaque, learn_abaque
from pipeline.scoring.survival import Survival, learn_survival
from pipeline.scoring.troughs import TroughAbaque, learn_troughs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.scoring.life import Life


class Profile(msgspec.Struct, frozen=True):
    """What one network's communities have shown up to `day`, a survey day; JSON values."""

    day: int
    communities: int
    abaque: Abaque
    troughs: TroughAbaque
    survival: Survival


def learn(lives: Sequence[Life], day: int) -> Profile:
    """The profile of a network as of a survey day; the order of the lives does not matter."""
    return Profile(day, len(lives), learn_abaque(lives, day), learn_troughs(lives, day), learn_survival(lives, day))
