from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path

import pytest

from ticker.config import reading as config
from ticker.config.holdings_and_alerts import AlertEntry, Lot

PATH = Path("config.toml")
LOTS = """
[holdings]
cash = { EUR = 4250, USD = 300.10 }
lots = [
  { symbol = "aapl", quantity = 10, price = 182.50, fees = 4.95, date = 2024-03-01 },
  { symbol = "ENI.MI", quantity = 0.1 },
  %s
]
"""
LINE = "config.toml:7: holdings.lots[2]"


def test_holdings_keep_every_digit() -> None:
    owned = config.parse(LOTS % "", PATH).holdings
    assert owned.cash == {"EUR": Decimal(4250), "USD": Decimal("300.10")}
    assert owned.lots == (
        Lot(
            symbol="AAPL",
            quantity=Decimal(10),
            price=Decimal("182.5"),
            fees=Decimal("4.95"),
            date=dt.date(2024, 3, 1),
        ),
        Lot(symbol="ENI.MI", quantity=Decimal("0.1")),
    )
    assert owned.symbols == ("AAPL", "ENI.MI")


def test_a_currency_in_lower_case_is_accepted_and_pence_stay_pence() -> None:
    lot = '{ symbol = "X", quantity = 1, price = 1, currency = "usd" }'
    text = (LOTS % lot).replace("EUR = 4250", "eur = 4250, GBp = 3")
    owned = config.parse(text, PATH).holdings
    assert list(owned.cash) == ["EUR", "GBp", "USD"]
    assert owned.lots[-1].currency == "USD"


@pytest.mark.parametrize(
    ("lot", "words"),
    [
        (
            '{ symbol = "X", quantity = 1, unit_cost = 3 }',
            f'{LINE}: unknown key "unit_cost". Did you mean "price"?',
        ),
        (
            '{ symbol = "X", quantity = 1, quantiti = 3 }',
            f'{LINE}: unknown key "quantiti". Did you mean "quantity"?',
        ),
        ('{ symbol = "X" }', f'{LINE}: "quantity" is missing'),
        ('{ symbol = "X", quantity = 0 }', f"{LINE}.quantity: 0 units are no lot"),
        ('{ symbol = "X", quantity = "1" }', f"{LINE}.quantity: expected a number without"),
        ('{ symbol = "X", quantity = inf }', f"{LINE}.quantity: expected a finite number"),
        ('{ symbol = "X", quantity = true }', f"{LINE}.quantity: expected a number"),
        ('{ symbol = "X", quantity = 1, fees = 2 }', f"{LINE}.fees: are part of a cost"),
        ('{ symbol = "X", quantity = 1, date = "2024" }', f"{LINE}.date: expected a date"),
        ('{ symbol = "X", quantity = 1, currency = "euro" }', f"{LINE}.currency: expected"),
        ('{ symbol = "X Y", quantity = 1 }', f"{LINE}.symbol: has a control"),
        ('"X"', f"{LINE}: expected a table"),
    ],
)
def test_a_mistake_in_a_lot_is_reported_with_line_and_key(lot: str, words: str) -> None:
    _, (mistake,) = config.examine(LOTS % lot, PATH)
    assert words in str(mistake)


def test_a_mistake_in_a_lots_own_table_is_reported_with_its_line() -> None:
    text = '[[holdings.lots]]\nsymbol = "X"\nquantity = 1\nunit_cost = 3\n'
    _, (mistake,) = config.examine(text, PATH)
    assert str(mistake).startswith("config.toml:4: holdings.lots[0]: unknown key")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[holdings]\ncash = { EUR = 1, eur = 2 }\n", "holdings.cash.eur: EUR is listed twice"),
        ("[holdings]\ncash = 3\n", "config.toml:2: holdings.cash: expected amounts by currency"),
        ("[holdings]\ncash = { EUR = 'x' }\n", "config.toml:2: holdings.cash.EUR: expected a num"),
        ("[holdings]\nlots = 3\n", "config.toml:2: holdings.lots: expected a list"),
        ("holdings = 3\n", "config.toml:1: holdings: expected a table"),
        ("alerts = 3\n", "config.toml:1: alerts: expected one or more tables"),
        ("[[alerts]]\nrun = ['x']\n", "config.toml:1: alerts[0]: expected when ="),
        ("[[alerts]]\nwhen = 'A > 1'\nrun = 'x'\n", "config.toml:3: alerts[0].run: expected a pro"),
        ("[[alerts]]\nwhen = 'A > 1'\nrun = []\n", "config.toml:3: alerts[0].run: names no pr"),
        (
            "[[alerts]]\nwhen = 'A > 1'\nrun = ['x', '{value}']\n",
            "config.toml:3: alerts[0].run: unknown {value}. Known: {symbol}, {price}",
        ),
        (
            "[[alerts]]\nwhen = 'A > 1'\n[[alerts]]\nwhen = 'B < 1'\ndo = 3\n",
            'config.toml:5: alerts[1]: unknown key "do". There are: when, run',
        ),
    ],
)
def test_a_mistake_in_holdings_or_alerts_is_reported_with_line_and_key(
    text: str, words: str
) -> None:
    _, mistakes = config.examine(text, PATH)
    assert words in str(mistakes[0])


def test_an_alert_may_run_a_program() -> None:
    text = "[[alerts]]\nwhen = 'A > 1'\nrun = ['say', '{symbol} {price}', '{\"json\": 1}']\n"
    assert config.parse(text, PATH).alerts == (
        AlertEntry("A > 1", ("say", "{symbol} {price}", '{"json": 1}')),
    )
