"""Where in a recording the ticks of each symbol lie: what makes a seek quick. Synchronous.

The rows are cut into blocks. For each block and (origin, symbol) the index knows the row of the
last tick at or before the block's end. So the last tick of everybody at some row is found in one
block, beside what the index tells. It takes one scan of two columns.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, Final

import numpy as np

from ticker.records import Tick
from ticker.streams.sequence import Key

BLOCK: Final = 122_880
"""Rows in a block, and in a row group of the file, which is read at once anyway.

DuckDB's own default."""
_NONE: Final = -1

Ask = Callable[..., list[Any]]
"""A query and its bindings → rows."""


class RowIndex:
    """The index of `ticks` rows of `source`. `fetch` gives ticks by row number."""

    def __init__(
        self, ask: Ask, source: str, ticks: int, fetch: Callable[[Sequence[int]], dict[int, Tick]]
    ) -> None:
        found = ask(
            f"SELECT file_row_number // {BLOCK}, origin, symbol, max(file_row_number) "
            f"FROM {source} GROUP BY ALL"
        )
        self._keys: dict[Key, int] = {}
        blocks = -(-ticks // BLOCK)
        for _, origin, symbol, _ in found:
            self._keys.setdefault((origin, symbol), len(self._keys))
        last = np.full((blocks, len(self._keys)), _NONE, np.int64)
        for block, origin, symbol, row in found:
            last[block, self._keys[origin, symbol]] = row
        self._is_in = last != _NONE
        self._last = np.maximum.accumulate(last, axis=0)
        self._rare = fetch(self._rare_rows())

    def _rare_rows(self) -> list[int]:
        """The last ticks before a symbol falls silent for a block.

        They lie scattered, so they are fetched once.
        """
        falls_silent = self._is_in[:-1] & ~self._is_in[1:]
        return [int(row) for row in self._last[:-1][falls_silent]]

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
