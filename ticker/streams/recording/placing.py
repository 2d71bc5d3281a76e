"""Finds where gaps and facts belong in a sorted recording, and when they are due. Pure."""

from __future__ import annotations

from typing import Any

import numpy as np


class Placing:
    """The rows of a sorted file. An `ordinal` is a tick's index before the sorting, from 0."""

    def __init__(self, ordinals: Any, received: Any) -> None:
        count = len(ordinals)
        rows = np.full(count + 1, count)
        rows[ordinals] = np.arange(count)
        self._first = np.minimum.accumulate(rows[::-1])[::-1]
        self._due = np.maximum.accumulate(received)

    def row(self, ordinal: int) -> int:
        """Return the first row with this `ordinal` or a higher one; the row count if none has."""
        # Facts are saved before their ticks, and a crash may have lost these ticks.
        return int(self._first[min(ordinal, len(self._first) - 1)])

    def due_of(self, row: int) -> int:
        """Return when the tick in `row` is due (µs, UTC)."""
        return int(self._due[row])

    def due_before(self, row: int) -> int:
        """Return when the tick before `row` is due (µs, UTC); 0 for row 0."""
        return int(self._due[row - 1]) if row else 0

    def due(self, row: int, received: int) -> int:
        """Return when a record that belongs before `row` is due (µs, UTC).

        That is `received`, but not before the tick before `row`, and not after the tick in `row`.
        """
        due = max(received, self.due_before(row))
        return min(due, self.due_of(row)) if row < len(self._due) else due
