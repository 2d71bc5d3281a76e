"""Knows where in a recording the ticks of each symbol lie, so that a seek is fast. Synchronous.

The rows are cut into blocks. For each block, the index knows when its last row is due, and the row
of the last tick of each (origin, symbol) before the block's end. So a search for a moment, and for
the last ticks before it, reads a block or two. Building the index takes one scan of three columns,
and reads some ticks of rare symbols.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, Final

import numpy as np

from ticker.records import Tick
from ticker.streams.sequence import Key

BLOCK: Final = 40_960
"""Rows in a block. A block is a row group of the file, because DuckDB decodes whole row groups.

With DuckDB's default size, 122,880, decoding alone would take half of the time of a seek.
"""
_NONE: Final = -1

Ask = Callable[..., list[Any]]
"""A query and its bindings → rows."""


class RowIndex:
    """The index of `source`, which has `ticks` rows. `fetch` returns row → tick."""

    def __init__(
        self, ask: Ask, source: str, ticks: int, fetch: Callable[[Sequence[int]], dict[int, Tick]]
    ) -> None:
        found = ask(
            f"SELECT file_row_number // {BLOCK}, origin, symbol, max(file_row_number), "
            f"epoch_us(max(received)) FROM {source} GROUP BY ALL"
        )
        self._keys: dict[Key, int] = {}
        blocks = -(-ticks // BLOCK)
        for _, origin, symbol, _, _ in found:
            self._keys.setdefault((origin, symbol), len(self._keys))
        last = np.full((blocks, len(self._keys)), _NONE, np.int64)
        dues = np.zeros(blocks, np.int64)
        for block, origin, symbol, row, received in found:
            last[block, self._keys[origin, symbol]] = row
            dues[block] = max(dues[block], received)
        self._is_in = last != _NONE
        self._last = np.maximum.accumulate(last, axis=0)
        self._dues = np.maximum.accumulate(dues)
        self.ticks = fetch(self._rare_rows())
        """Row → last tick of a symbol in a block: for rare symbols, and what searches add."""

    def _rare_rows(self) -> list[int]:
        """Return the rows of the last ticks before a symbol is silent for a whole block.

        They are scattered, so one query reads them all.
        """
        falls_silent = self._is_in[:-1] & ~self._is_in[1:]
        return [int(row) for row in self._last[:-1][falls_silent]]

    def block_at(self, when: int) -> int:
        """Return the block of the first row that is due at `when` (µs, UTC) or later.

        If there is none, returns the number of blocks.
        """
        return int(np.searchsorted(self._dues, when))

    def due_before(self, block: int) -> int:
        """Return when the last row before `block` is due (µs, UTC); 0 for block 0."""
        return int(self._dues[block - 1]) if block else 0

    def before(self, block: int) -> dict[Key, int]:
        """Return (origin, symbol) → row of its last tick before `block`."""
        if block == 0:
            return {}
        rows = self._last[block - 1]
        return {k: int(rows[at]) for k, at in self._keys.items() if rows[at] != _NONE}

    def blocks_with(self, symbols: Collection[str]) -> list[int]:
        """Return the blocks in which one of `symbols` has a tick, in order."""
        chosen = [at for (_, symbol), at in self._keys.items() if symbol in symbols]
        return [int(block) for block in np.flatnonzero(self._is_in[:, chosen].any(axis=1))]
