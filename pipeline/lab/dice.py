"""Random draws that are the same for a seed on every Python: only `Random.random` is promised to stay as it is."""

from __future__ import annotations

import math
from bisect import bisect
from itertools import accumulate
from random import Random
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")
LARGEST_POISSON_STEP = 30.0
"""Beyond this mean the product of uniforms below gets too small for floats; a sum of Poissons is a Poisson."""


class Dice:
    """Seeded draws; the name keeps the streams of different things apart."""

    def __init__(self, seed: int, name: str) -> None:
        self.uniform = Random(f"{seed} {name}").random  # noqa: S311 - made-up activity needs no cryptography

    def between(self, low: float, high: float) -> float:
        """A number of [low, high)."""
        return low + (high - low) * self.uniform()

    def below(self, limit: int) -> int:
        """A whole number of 0 … limit - 1."""
        return int(self.uniform() * limit)

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self.uniform() < probability

    def one_of(self, values: Sequence[T]) -> T:
        """Any of them, all alike."""
        return values[self.below(len(values))]

    def shuffled(self, values: Sequence[T]) -> list[T]:
        """The same values in another order (Fisher and Yates)."""
        found = list(values)
        for last in range(len(found) - 1, 0, -1):
            other = self.below(last + 1)
            found[last], found[other] = found[other], found[last]
        return found

    def poisson(self, mean: float) -> int:
        """A count with this mean (Knuth's product of uniforms)."""
        count = 0
        while mean > LARGEST_POISSON_STEP:
            count += self.poisson(LARGEST_POISSON_STEP)
            mean -= LARGEST_POISSON_STEP
        product, limit = self.uniform(), math.exp(-mean)
        while product > limit:
            count += 1
            product *= self.uniform()
        return count

    def negative_binomial(self, mean: float, size: float) -> int:
        """A count with this mean and variance mean + mean squared / size: a Poisson of a gamma."""
        return self.poisson(mean * self._gamma(size) / size) if mean > 0 else 0

    def _gamma(self, shape: float) -> float:
        """A gamma of scale 1 (Marsaglia and Tsang 2000; shapes below 1 by their boost)."""
        if shape < 1:
            return self._gamma(shape + 1) * float((1 - self.uniform()) ** (1 / shape))
        d = shape - 1 / 3
        c = 1 / math.sqrt(9 * d)
        while True:
            x = self.normal()
            v = (1 + c * x) ** 3
            if v > 0 and math.log(1 - self.uniform()) < x * x / 2 + d - d * v + d * math.log(v):
                return d * v

    def normal(self) -> float:
        """A standard normal (Box and Muller)."""
        radius = math.sqrt(-2 * math.log(1 - self.uniform()))
        return radius * math.cos(2 * math.pi * self.uniform())


class Weighted(Generic[T]):
    """Values to draw from in proportion to their weights."""

    def __init__(self, values: Sequence[T], weights: Sequence[float]) -> None:
        self._values = list(values)
        self._sums = list(accumulate(weights))
        self.total = self._sums[-1] if self._sums else 0.0

    def draw(self, dice: Dice) -> T:
        """One of the values."""
        return self._values[min(bisect(self._sums, dice.uniform() * self.total), len(self._values) - 1)]
