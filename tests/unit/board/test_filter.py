from __future__ import annotations

import pytest

from ticker.board.filter import filter_of
from ticker.board.row import Row

ROWS = (
    Row("AAPL", 247.0, name="Apple Inc.", kind="equity", session="pre", day_change_percent=2.5),
    Row("SPY", 601.0, name="SPDR S&P 500", kind="etf", session="regular", day_change_percent=-1.0),
    Row("EURUSD=X", 1.05, name="EUR/USD", kind="currency", currency="USD"),
    Row("LATER"),
)


@pytest.mark.parametrize(
    ("text", "symbols"),
    [
        ("apple", ["AAPL"]),
        ("INC apple", ["AAPL"]),
        (">2%", ["AAPL"]),
        (">=2.5%", ["AAPL"]),
        ("<0%", ["SPY"]),
        ("<-0.5%", ["SPY"]),
        (">200", ["AAPL", "SPY"]),
        (">200 kind:etf", ["SPY"]),
        ("kind:E", ["AAPL", "SPY", "EURUSD=X"]),
        ("session:pre", ["AAPL"]),
        ("currency:usd", ["EURUSD=X"]),
        ("usd", ["EURUSD=X"]),
        ("zzz", []),
        ("price:5", []),
    ],
)
def test_a_row_passes_the_filter_if_all_words_are_true(text: str, symbols: list[str]) -> None:
    assert [row.symbol for row in filter(filter_of(text), ROWS)] == symbols


@pytest.mark.parametrize("text", ["", " ", ">", "<", ">=", ">-", ">%", "kind:"])
def test_an_unfinished_word_hides_no_possible_match(text: str) -> None:
    assert len(list(filter(filter_of(text), ROWS))) == len(ROWS)
