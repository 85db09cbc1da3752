"""The readings of many communities at one boundary, column by column: how they are kept, and read one by one."""

from __future__ import annotations

from itertools import repeat
from typing import Any

import msgspec
import numpy as np  # noqa: TC002 - msgspec reads it at run time
from numpy.typing import NDArray  # noqa: TC002 - msgspec reads it at run time

from pipeline.history import WINDOW_DAYS, Reading
from pipeline.packing import Unpacker, pack

_WINDOW_NAMES = tuple(f"{days}d" for days in WINDOW_DAYS)


class Labels(msgspec.Struct, frozen=True, eq=False):
    """One of few words for each community: `codes` (C,) are places in `words`."""

    words: tuple[str | None, ...]
    codes: NDArray[np.int64]

    def tolist(self) -> list[Any]:
        """The word of each community."""
        return [self.words[code] for code in self.codes.tolist()]


class ReadingColumns(msgspec.Struct, frozen=True, eq=False):
    """See `Reading` for what each of them says; all (C,) unless said otherwise, NaN where a reading has None."""

    boundary_day: int
    communities: list[str]
    names: list[str | None]
    lines: list[str | None]
    verdicts: Labels
    phases: Labels
    alert_stages: Labels
    momentum_ratios: NDArray[np.float64]
    indices: NDArray[np.float64]
    """(C, 3): engagement, conversational, relational."""
    age_days: NDArray[np.int64]
    active_members: NDArray[np.int64]
    """(C, 4), one window of `WINDOW_DAYS` each."""
    weekly_active_members: NDArray[np.int64]
    """(C, 26), oldest first."""
    weekly_participants: NDArray[np.int64]
    activities_28_days: NDArray[np.int64]
    baselines: NDArray[np.float64]
    engagement_percentiles: NDArray[np.float64]
    early_recoveries: NDArray[np.int64]

    def take(self, rows: NDArray[np.int64]) -> ReadingColumns:
        """Those of some communities, in their order."""
        if len(rows) == len(self.communities):
            return self
        taken = {name: _taken(getattr(self, name), rows) for name in self.__struct_fields__}
        return ReadingColumns(**taken)

    def readings(self) -> list[Reading]:
        """One reading a community, in their order."""
        columns = zip(
            # In the order of the fields of a reading.
            self.communities,
            repeat(self.boundary_day, len(self.communities)),
            self.verdicts.tolist(),
            self.phases.tolist(),
            _known(self.momentum_ratios),
            *self.indices.T.tolist(),
            self.age_days.tolist(),
            [dict(zip(_WINDOW_NAMES, members, strict=True)) for members in self.active_members.tolist()],
            self.weekly_active_members.tolist(),
            self.weekly_participants.tolist(),
            self.activities_28_days.tolist(),
            [None if level is None else round(level, 2) for level in _known(self.baselines)],
            _known(self.engagement_percentiles),
            self.names,
            self.lines,
            self.alert_stages.tolist(),
            self.early_recoveries.tolist(),
            strict=True,
        )
        return [Reading(*reading) for reading in columns]


def _taken(column: Any, rows: NDArray[np.int64]) -> Any:
    if isinstance(column, int):
        return column
    if isinstance(column, Labels):
        return Labels(column.words, column.codes[rows])
    return [column[row] for row in rows.tolist()] if isinstance(column, list) else column[rows]


def _known(values: NDArray[np.float64]) -> list[float | None]:
    return [None if value != value else value for value in values.tolist()]  # noqa: PLR0124 - NaN


encode_readings = pack
decode_readings = Unpacker(ReadingColumns)
