"""Where in a recording the ticks of each symbol lie: what makes a seek quick. Synchronous.

The rows are cut into blocks. For each block and (origin, symbol) the index knows the row of the
last tick at or before the block's end, and for each block when its last row is due. So a moment,
and the last tick of everybody then, are found in one block, beside what the index tells. It takes
one scan of three columns.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, Final

import numpy as np

from ticker.records import Tick
from ticker.streams.sequence import Key

BLOCK: Final = 40_960
"""Rows in a block, and in a row group of the file, which is decoded at once anyway.

Of DuckDB's own size, 122,880, the decoding alone would take half of the time that a seek may."""
_NONE: Final = -1

Ask = Callable[..., list[Any]]
"""A query and its bindings → rows."""


class RowIndex:
    """The index of `ticks` rows of `source`. `fetch` gives ticks by row number."""

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
        self._rare = fetch(self._rare_rows())

    def _rare_rows(self) -> list[int]:
        """The last ticks before a symbol falls silent for a block.

        They lie scattered, so they are fetched once.
        """
        falls_silent = self._is_in[:-1] & ~self._is_in[1:]
        return [int(row) for row in self._last[:-1][falls_silent]]

    def block_at(self, when: int) -> int:
        """The block of the first row that is due at `when` (µs, UTC) or later.

        The number of blocks if there is none.
        """
        return int(np.searchsorted(self._dues, when))

    def due_before(self, block: int) -> int:
        """When the last row before `block` is due (µs, UTC); 0 before the first."""
        return int(self._dues[block - 1]) if block else 0

    def before(self, block: int) -> tuple[dict[Key, int], dict[int, Tick]]:
        """(origin, symbol) → row of its last tick before `block`, and those ticks known already."""
        if block == 0:
            return {}, {}
        rows = self._last[block - 1]
        return {k: int(rows[at]) for k, at in self._keys.items() if rows[at] != _NONE}, self._rare

    def blocks_with(self, symbols: Collection[str]) -> list[int]:
        """The blocks in which one of `symbols` has a tick, in order."""
        chosen = [at for (_, symbol), at in self._keys.items() if symbol in symbols]
        return [int(block) for block in np.flatnonzero(self._is_in[:, chosen].any(axis=1))]
