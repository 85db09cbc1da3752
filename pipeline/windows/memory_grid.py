"""Counts of many communities a day, in the memory of one process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.windows.rolling import READ_BACK_DAYS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.windows.rolling import Counts


class Grid:
    """Growing (community, day) arrays, one a column that was ever counted."""

    def __init__(self) -> None:
        self.first_day: int | None = None
        self.last_day = 0
        self.columns: dict[int, Counts] = {}
        self._rows, self._days = 16, 512

    def bump(self, row: int, day: int, column: int, amount: int) -> None:
        """Add to one cell; makes room where there is none."""
        if self.first_day is None:
            self.first_day = day - READ_BACK_DAYS
        if day < self.first_day:
            self._grow_back(self.first_day - day + READ_BACK_DAYS)
        place = day - self.first_day
        if row >= self._rows or place >= self._days:
            self._grow(row, place)
        values = self.columns.get(column)
        if values is None:
            values = self.columns[column] = np.zeros((self._rows, self._days), dtype=np.int64)
        values[row, place] += amount
        self.last_day = max(self.last_day, day)

    def _grow(self, row: int, place: int) -> None:
        rows, days = self._rows, self._days
        while row >= self._rows:
            self._rows *= 2
        while place >= self._days:
            self._days *= 2
        room = ((0, self._rows - rows), (0, self._days - days))
        self.columns = {column: np.pad(values, room) for column, values in self.columns.items()}

    def _grow_back(self, days: int) -> None:
        self.columns = {column: np.pad(values, ((0, 0), (days, 0))) for column, values in self.columns.items()}
        self._days += days
        self.first_day = (self.first_day or 0) - days

    def read(self, rows: Sequence[int], first_day: int, last_day: int) -> dict[int, Counts]:
        """Columns of these rows from `first_day` to `last_day`, zeros where nothing was counted."""
        origin = self.first_day or 0
        while last_day - origin >= self._days:
            self._grow(0, last_day - origin)
        if first_day < origin:
            self._grow_back(origin - first_day)
            origin = self.first_day or 0
        span = slice(first_day - origin, last_day - origin + 1)
        everything = list(rows) == list(range(len(rows)))
        return {c: v[: len(rows), span] if everything else v[list(rows), span] for c, v in self.columns.items()}
