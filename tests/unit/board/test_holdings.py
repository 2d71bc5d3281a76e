from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from ticker.board import Board, Sort
from ticker.board.columns import BY_KEY, DEFAULTS, OWNER_DEFAULTS
from ticker.board.freshness import Age
from ticker.board.holdings import Portfolio
from ticker.board.owner_columns import OWNED
from ticker.board.rates import rate_of
from ticker.config.holdings_and_alerts import Holdings, Lot
from ticker.health.reasons import Reason
from ticker.records import Batch, Position, Quote, Tick

NOW = 1_795_447_805_000_000
"""23 November 2026, 15:30:05 UTC."""


def quote(symbol: str, price: float, currency: str = "USD", **facts: Any) -> Quote:
    told = {"day_change": 1.0, "volume": 10} | facts
    return Quote(
        symbol, "yahoo", NOW, NOW, price, origin="one", sequence=1, currency=currency, **told
    )


def lot(symbol: str, quantity: str, price: str | None = None, **facts: Any) -> Lot:
    cost = None if price is None else Decimal(price)
    return Lot(symbol=symbol, quantity=Decimal(quantity), price=cost, **facts)


def owned(*lots: Lot, currency: str = "USD", **cash: str) -> Portfolio:
    return Portfolio(Holdings({c: Decimal(amount) for c, amount in cash.items()}, lots), currency)


def board(portfolio: Portfolio, *quotes: Quote, symbols: list[str] | None = None) -> Board:
    found = Board(symbols, beside=[quote.symbol for quote in quotes])
    found.own(portfolio)
    found.fold(Batch(Position(""), quotes=quotes), 0)
    found.revalue()
    return found


def text(found: Board, symbol: str, key: str) -> str:
    return BY_KEY[key].text(found.row(symbol), Age(0, Reason.FRESH))


def test_holdings_that_change_are_valued_at_once() -> None:
    found = board(owned(lot("AAPL", "10", "182.50")), quote("AAPL", 250.0))
    found.own(owned(lot("AAPL", "2", "182.50")))
    assert found.valuation is not None
    assert found.valuation.total.value == 500


def test_a_row_shows_its_holding_in_its_own_currency() -> None:
    lots = [lot("AAPL", "10", "182.50", fees=Decimal("4.95")), lot("AAPL", "5", "200")]
    found = board(owned(*lots, EUR="100"), quote("AAPL", 250.0), quote("EURUSD=X", 1.25))
    told = {column.key: text(found, "AAPL", column.key) for column in OWNED}
    assert told == {
        "quantity": "15",
        "cost": "2,829.95",
        "value": "3,750.00",
        "day_gain": "+15.00",
        "gain": "+920.05",
        "gain_percent": "+32.51%",
        "weight": "96.8%",
    }
    valuation = found.valuation
    assert valuation is not None
    assert (valuation.total.value, valuation.cash) == (Decimal(3875), Decimal(125))


def test_a_tick_changes_its_rows_value_at_once_and_weights_later() -> None:
    found = board(owned(lot("A", "1", "1"), lot("B", "1", "1")), quote("A", 10.0), quote("B", 10.0),
                  symbols=["A", "B"])  # fmt: skip
    found.take_changed()
    found.fold(Batch(Position(""), ticks=[Tick("A", "yahoo", "one", 2, NOW, NOW, 30.0)]), 0)
    assert text(found, "A", "value") == "30.00"
    assert text(found, "A", "weight") == "50.0%"
    assert found.take_changed() == {"A"}
    found.revalue()
    assert (text(found, "A", "weight"), text(found, "B", "weight")) == ("75.0%", "25.0%")
    assert found.take_changed() == {"A", "B"}
    found.revalue()
    assert not found.take_changed()


def test_pence_count_as_pounds_and_a_lot_may_be_paid_in_pounds() -> None:
    lots = [lot("VOD.L", "100", "0.71", currency="GBP"), lot("VOD.L", "100", "80")]
    found = board(owned(*lots, currency="GBP"), quote("VOD.L", 90.0, "GBp"))
    assert text(found, "VOD.L", "value") == "18,000.00"
    assert text(found, "VOD.L", "cost") == "15,100.00"
    valuation = found.valuation
    assert valuation is not None
    assert valuation.total.value == 180
    assert valuation.total.gain == 29
    assert valuation.rates == ()


@pytest.mark.parametrize(
    ("prices", "path", "value"),
    [
        ({"GBPEUR=X": 1.2, "EURGBP=X": 9, "GBPUSD=X": 9, "EURUSD=X": 9}, "GBPEUR=X", "1.2"),
        ({"EURGBP=X": 0.8, "GBPUSD=X": 9, "EURUSD=X": 9}, "1 / EURGBP=X", "1.25"),
        ({"GBPUSD=X": 1.5, "EURUSD=X": 1.25}, "GBPUSD=X / EURUSD=X", "1.2"),
        ({"GBPUSD=X": 1.5, "USDEUR=X": 0.8}, "GBPUSD=X x USDEUR=X", "1.2"),
    ],
)
def test_a_rate_names_the_pairs_that_it_came_from(
    prices: dict[str, float], path: str, value: str
) -> None:
    rate = rate_of("GBP", "EUR", prices.get)
    assert rate is not None
    assert (rate.path, rate.value) == (path, Decimal(value))
    pence = rate_of("GBp", "EUR", prices.get)
    assert pence is not None
    assert pence.value == rate.value / 100


def test_without_a_rate_or_price_there_is_no_total_but_the_reason() -> None:
    lots = [lot("A", "1", "1"), lot("B", "1", "1"), lot("C", "1", "1")]
    found = board(owned(*lots, CHF="5"), quote("A", 10.0), quote("B", 10.0, "JPY"))
    valuation = found.valuation
    assert valuation is not None
    assert valuation.total.value is None
    assert valuation.total.gain is None
    problems = tuple(map(str, valuation.total.problems))
    assert problems == ("no rate CHF to USD", "no rate JPY to USD", "no price of C")
    assert text(found, "A", "weight") == ""
    assert found.total_of(["Z"]) is None
    assert found.total_of(["A"]) is not None
    assert found.total_of(["A"]).value == 10  # type: ignore[union-attr]  # said above


def test_the_total_gain_excludes_lots_without_a_purchase_price_and_names_them() -> None:
    found = board(owned(lot("A", "2", "1"), lot("B", "1")), quote("A", 10.0), quote("B", 10.0))
    assert (text(found, "B", "value"), text(found, "B", "gain")) == ("10.00", "")
    valuation = found.valuation
    assert valuation is not None
    assert valuation.total.value == 30
    assert valuation.total.gain == 18
    assert (valuation.total.without, valuation.total.problems) == (("B",), ())


def test_the_days_gain_of_a_lot_bought_today_counts_from_its_purchase_price() -> None:
    today, before = dt.date(2026, 11, 23), dt.date(2026, 11, 20)
    lots = [lot("A", "1", "8", date=before), lot("A", "1", "8", date=today)]
    found = board(owned(*lots), quote("A", 10.0))
    assert text(found, "A", "day_gain") == "+3.00"


def test_a_frozen_board_keeps_its_values() -> None:
    found = board(owned(lot("A", "1", "1")), quote("A", 10.0), symbols=["A"])
    found.hold(NOW, 0)
    found.fold(Batch(Position(""), ticks=[Tick("A", "yahoo", "one", 2, NOW, NOW, 30.0)]), 0)
    found.revalue()
    valuation, total = found.valuation, found.total_of(["A"])
    assert valuation is not None
    assert total is not None
    assert valuation.total.value == 10
    assert total.value == 10
    assert text(found, "A", "value") == "10.00"
    found.release()
    found.revalue()
    assert found.valuation is not None
    assert found.valuation.total.value == 30


def test_rows_sorted_by_a_holdings_column_put_others_last() -> None:
    quotes = [quote("A", 10.0), quote("B", 30.0), quote("C", 20.0)]
    found = board(owned(lot("A", "9"), lot("C", "1")), *quotes, symbols=["A", "B", "C"])
    rows = found.rows(Sort("value", reverse=True))
    assert [row.symbol for row in rows] == ["A", "C", "B"]


def test_holdings_columns_appear_only_if_something_is_owned() -> None:
    assert not set(OWNED) & set(DEFAULTS)
    assert set(OWNED) <= set(OWNER_DEFAULTS)


def test_extra_symbols_are_folded_in_without_a_row() -> None:
    found = board(owned(lot("A", "1")), quote("A", 10.0), quote("EURUSD=X", 1.2), symbols=["A"])
    assert found.symbols == ["A"]
    assert found.trade("EURUSD=X") is not None
    everything = Board(beside=["EURUSD=X"])
    everything.fold(Batch(Position(""), quotes=[quote("A", 1.0), quote("EURUSD=X", 1.2)]), 0)
    assert (everything.symbols, everything.size) == (["A"], 1)
    assert everything.take_changed() == {"A"}
