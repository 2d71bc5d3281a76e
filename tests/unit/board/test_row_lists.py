from __future__ import annotations

import pytest

from ticker.board import Sort
from ticker.board.row import Row
from ticker.board.row_lists import ALL, counts, lists_of, next_list

ROWS = [
    Row("AAPL", 1.0, kind="equity", day_change=1.0),
    Row("MSFT", 1.0, kind="equity", day_change=-1.0),
    Row("SPY", 1.0, kind="etf", day_change=0.0),
    Row("GC=F", 1.0, kind="future"),
]
WATCHLISTS = {"mine": ["GC=F", "AAPL", "TSLA"], "all": ["AAPL", "MSFT", "SPY", "GC=F"], "no": ["X"]}


def test_a_list_is_offered_if_it_holds_some_but_not_all_rows() -> None:
    names = [each.name for each in lists_of(ROWS, WATCHLISTS)]
    assert names == ["", "mine", "stocks", "funds", "futures", "gainers", "losers"]
    assert [each.name for each in lists_of([], WATCHLISTS)] == [""]


def test_a_watchlist_has_its_own_order_unless_rows_are_sorted() -> None:
    (mine,) = [each for each in lists_of(ROWS, WATCHLISTS) if each.name == "mine"]
    assert [row.symbol for row in mine.choose(ROWS, is_sorted=False)] == ["GC=F", "AAPL"]
    assert [row.symbol for row in mine.choose(ROWS, is_sorted=True)] == ["AAPL", "GC=F"]


def test_lists_follow_each_other_in_a_circle() -> None:
    shown, names = ALL, []
    for _ in range(7):
        shown = next_list(ROWS, WATCHLISTS, shown, 1)
        names.append(shown.name)
    assert names[0] == "mine"
    assert names[-2:] == ["losers", ""]
    losers = next_list(ROWS, WATCHLISTS, ALL, -1)
    assert (losers.name, losers.sort) == ("losers", Sort("day_change_percent"))
    assert next_list([], {}, losers, 1) == ALL


@pytest.mark.parametrize("symbols", [["GC=F"], ["TSLA"]])
def test_a_watchlist_replaces_another_list_of_its_name(symbols: list[str]) -> None:
    mine = {"gainers": symbols, "stocks": symbols}
    shown, names = ALL, []
    for _ in range(8):
        shown = next_list(ROWS, mine, shown, 1)
        names.append(shown.name)
        assert [*shown.symbols] == mine.get(shown.name, [])
    assert {"funds", "futures", "losers", ""} <= set(names)


def test_an_unknown_change_counts_as_neither_gain_nor_loss() -> None:
    assert counts(ROWS) == (1, 1, 1)
