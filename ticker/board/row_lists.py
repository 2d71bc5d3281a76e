"""The lists of a board's rows: each watchlist, each kind, gainers and losers. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ticker.board.order import Sort
from ticker.board.row import Row

_KINDS: Final = (
    ("stocks", ("equity",)),
    ("funds", ("etf", "mutualfund")),
    ("indices", ("index",)),
    ("futures", ("future",)),
    ("currencies", ("currency",)),
    ("coins", ("cryptocurrency",)),
)
_PERCENT: Final = "day_change_percent"


@dataclass(frozen=True, slots=True)
class RowList:
    """A list of some rows. The list without a name has all rows."""

    name: str = ""
    holds: Callable[[Row], bool] = lambda _row: True
    sort: Sort | None = None
    """The order of the list, if the user chose none."""
    symbols: Sequence[str] = ()
    """The symbols of a watchlist, in its order; empty for other lists."""

    def choose(self, rows: Iterable[Row], *, is_sorted: bool) -> list[Row]:
        """Return the rows of this list. A watchlist's rows are in its order unless `is_sorted`."""
        chosen = [row for row in rows if self.holds(row)]
        if self.symbols and not is_sorted:
            place = {symbol: at for at, symbol in enumerate(self.symbols)}
            chosen.sort(key=lambda row: place[row.symbol])
        return chosen


ALL: Final = RowList()
_GAINERS: Final = RowList(
    "gainers", lambda row: (row.day_change or 0) > 0, Sort(_PERCENT, reverse=True)
)
_LOSERS: Final = RowList("losers", lambda row: (row.day_change or 0) < 0, Sort(_PERCENT))

LIST_NAMES: Final = (*(name for name, _ in _KINDS), _GAINERS.name, _LOSERS.name)
"""The names of the lists that exist without a watchlist."""


def watchlist(name: str, symbols: Sequence[str]) -> RowList:
    """Return the list of the rows of `symbols`."""
    chosen = frozenset(symbols)
    return RowList(name, lambda row: row.symbol in chosen, symbols=tuple(symbols))


def lists_of(rows: Sequence[Row], watchlists: Mapping[str, Sequence[str]]) -> list[RowList]:
    """Return the lists to choose from.

    These are: all rows; each watchlist and each kind that has some of `rows`, but not all; gainers
    and losers, if there are any. A watchlist replaces another list of the same name.
    """
    lists = [watchlist(name, symbols) for name, symbols in watchlists.items()]
    lists += [
        RowList(name, lambda row, k=kinds: row.kind in k)  # type: ignore[misc]
        for name, kinds in _KINDS
        if name not in watchlists
    ]
    found = [each for each in lists if 0 < sum(map(each.holds, rows)) < len(rows)]
    others = [each for each in (_GAINERS, _LOSERS) if each.name not in watchlists]
    moves = [each for each in others if any(map(each.holds, rows))]
    return [ALL, *found, *moves]


def next_list(
    rows: Sequence[Row], watchlists: Mapping[str, Sequence[str]], shown: RowList, step: int
) -> RowList:
    """Return the list after `shown` (`step` 1) or before it (-1). The first follows the last."""
    lists = lists_of(rows, watchlists)
    names = [each.name for each in lists]
    at = names.index(shown.name) + step if shown.name in names else 0
    return lists[at % len(lists)]


def counts(rows: Iterable[Row]) -> tuple[int, int, int]:
    """Count the rows that are up, down and unchanged today, without those of unknown change."""
    changes = [row.day_change for row in rows if row.day_change is not None]
    up, down = sum(change > 0 for change in changes), sum(change < 0 for change in changes)
    return up, down, len(changes) - up - down
