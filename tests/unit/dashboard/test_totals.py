from __future__ import annotations

from decimal import Decimal

import pytest

from ticker.board.holdings import Owner, Portfolio, Total
from ticker.board.row import Row
from ticker.config.holdings_and_alerts import Holdings, Lot
from ticker.dashboard.palette import DARK
from ticker.dashboard.totals import rate_lines, totals_text

ROWS = {
    "AAPL": Row("AAPL", 250.0, currency="USD", day_change=2.0, simulated=True),
    "ENI.MI": Row("ENI.MI", 16.0, currency="EUR", day_change=-0.1),
}
LOTS = (
    Lot(symbol="AAPL", quantity=Decimal(10), price=Decimal(200)),
    Lot(symbol="ENI.MI", quantity=Decimal(100)),
)
HOLDINGS = Holdings({"EUR": Decimal(400)}, LOTS)
PAIRS = {"EURUSD=X": 1.25}


def owner(pairs: dict[str, float] = PAIRS) -> Owner:
    known = ROWS | {symbol: Row(symbol, price) for symbol, price in pairs.items()}
    return Owner(Portfolio(HOLDINGS, "EUR"), known.get)


def line(width: int, shown: Total | None = None, pairs: dict[str, float] = PAIRS) -> str:
    return totals_text(DARK, owner(pairs).value(), shown, "stocks", width).plain


def test_the_line_shows_value_and_gain_and_cash() -> None:
    assert line(130) == (
        "SIMULATED  total 4,000.00 EUR  day +6.00  gain +400.00 (+25.00%)  cash 400.00 (10.0%)  "
        "gain without ENI.MI: cost not known"
    )


@pytest.mark.parametrize("width", range(10, 130, 7))
def test_a_narrow_line_drops_whole_parts(width: int) -> None:
    whole, short = line(200), line(width)
    assert whole.startswith(short)
    assert whole[len(short) : len(short) + 2] in ("", "  ")


def test_the_total_of_a_list_precedes_the_overall_total() -> None:
    shown = owner().total(["AAPL"])
    assert line(200, shown).startswith(
        "SIMULATED  stocks 2,000.00 EUR  day +16.00  gain +400.00 (+25.00%)  all 4,000.00 EUR"
    )


def test_a_missing_rate_is_named_instead_of_a_total() -> None:
    assert line(120, pairs={}).startswith("SIMULATED  no total in EUR: no rate USD to EUR")


def test_the_health_page_shows_how_each_rate_was_found() -> None:
    assert rate_lines(owner().value()) == ["USD to EUR: 0.8 by 1 / EURUSD=X"]
    assert rate_lines(owner({}).value()) == ["USD to EUR: no rate", "no rate USD to EUR"]
