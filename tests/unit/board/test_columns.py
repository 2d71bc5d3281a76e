from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from ticker.board import SORTS, Age, Board, Row
from ticker.board.columns import BY_KEY, COLUMNS, Style, age_text, reason_text
from ticker.board.order import first_sort
from ticker.board.owner_columns import with_units
from ticker.board.row import Holding as Owned
from ticker.health.reasons import Reason
from ticker.records import Batch, Position, Quote
from ticker.units import HOUR

NOW = 1_795_447_805_000_000
FRESH = Age(0, Reason.FRESH)
STALE = Age(0, Reason.POLLER_STOPPED)


def test_every_column_has_a_key_and_an_importance_of_its_own() -> None:
    assert len(BY_KEY) == len(COLUMNS)
    assert len({column.importance for column in COLUMNS}) == len(COLUMNS)


def test_rows_sort_by_their_fields_with_the_largest_numbers_first() -> None:
    assert set(SORTS) == set(BY_KEY) - {"reason", "sparkline"}
    words = {"symbol", "name", "currency", "session", "kind", "exchange", "source", "origin"}
    assert {key for key in SORTS if not first_sort(key).reverse} == words | {"age", "delay"}


@pytest.mark.parametrize(
    ("key", "text", "fresh", "stale"),
    [
        ("price", "1.00", Style.PRICE, Style.STALE_PRICE),
        ("day_change", "  +0.30", Style.UP, Style.DIM),
        ("day_change_percent", "-0.30%", Style.DOWN, Style.DIM),
        ("day_change", "0.00", Style.DIM, Style.DIM),
        ("age", "5s", Style.DIM, Style.WARNING),
        ("reason", "unchanged", Style.DIM, Style.WARNING),
        ("name", "Apple Inc.", Style.DIM, Style.DIM),
    ],
)
def test_a_cells_style_shows_its_meaning_and_freshness(
    key: str, text: str, fresh: Style, stale: Style
) -> None:
    column = BY_KEY[key]
    assert (column.style(text, FRESH), column.style(text, STALE)) == (fresh, stale)


def test_outside_names_are_escaped_and_unknown_values_are_empty() -> None:
    assert BY_KEY["name"].text(Row("A", name="\x1b[31mno"), FRESH) == "␛[31mno"
    empty = {column.key: column.text(Row("A"), FRESH) for column in COLUMNS}
    assert empty == dict.fromkeys(BY_KEY, "") | {"symbol": "A", "age": "now"}


@pytest.mark.parametrize(
    ("micros", "shown"),
    [(None, "–"), (0, "now"), (999_999, "now"), (59_000_000, "59s"), (3_599_000_000, "59m"),  # noqa: RUF001  a dash
     (7_200_000_000, "2h"), (200_000_000_000, "2d")],
)  # fmt: skip
def test_an_age_is_shown_in_its_largest_full_unit(micros: int | None, shown: str) -> None:
    assert age_text(Age(micros, Reason.FRESH)) == shown


def test_a_reason_from_outside_is_escaped() -> None:
    assert reason_text(Age(None, Reason.REFUSED, detail="\x1b[31mno")) == "␛[31mno"
    assert reason_text(Age(1, Reason.DELAYED, delay=600_000_000)) == "delayed 10m"


def test_every_field_of_a_quote_can_be_a_column() -> None:
    unseen = {"simulated", "price_hint"}  # shown as a badge, and by the decimals of prices
    assert set(Quote.__struct_fields__) - unseen <= set(BY_KEY)


@pytest.mark.parametrize(
    ("price", "bar"),
    [(10.0, "●──────────"), (15.0, "─────●─────"), (20.0, "──────────●"), (99.0, "──────────●")],
)
def test_a_range_is_a_bar_with_the_price_on_it(price: float, bar: str) -> None:
    row = Row("A", price=price, day_low=10.0, day_high=20.0)
    assert BY_KEY["day_range"].text(row, FRESH) == bar
    assert BY_KEY["day_range"].text(Row("A", price=price, day_low=10.0), FRESH) == ""


@pytest.mark.parametrize(
    ("facts", "shown"),
    [
        ({"volume": 5}, "0.00"),  # traded, and where it was
        ({"volume": 0}, ""),
        ({"volume": None}, "0.00"),
        ({"volume": 5, "session": "pre"}, ""),
        ({"volume": 5, "day_change": 1.5, "time": NOW - 17 * HOUR}, ""),
        ({"volume": 5, "day_change": 1.5, "time": NOW - 17 * HOUR, "session": "closed"}, "+1.50"),
        ({"day_change": 1.5, "time": NOW - 17 * HOUR, "kind": "mutualfund"}, "+1.50"),
    ],
)
def test_a_day_change_without_a_trade_today_is_absent(facts: dict[str, Any], shown: str) -> None:
    told: dict[str, Any] = {"session": "regular", "time": NOW, "day_change": 0.0, "origin": "o"}
    quote = Quote("A", "yahoo", received=NOW, price=10.0, sequence=1, **(told | facts))
    board = Board()
    board.fold(Batch(Position("1"), quotes=[quote]), NOW)
    assert BY_KEY["day_change"].text(board.row("A"), FRESH) == shown
    assert BY_KEY["day_change"].text(quote, FRESH) == shown
    assert (board.row("A").day_change is not None) is bool(shown)


def test_bids_finer_than_the_price_are_not_rounded_away() -> None:
    row = Row("A", price=10.0, price_hint=2, bid=9.99, ask=9.9925)
    assert BY_KEY["spread"].text(row, FRESH) == "0.00250"


def test_amounts_name_their_currency_only_where_there_are_several() -> None:
    value = Owned(quantity=Decimal(10), value=Decimal("1234.50"), gain=Decimal(-3))
    rows = [
        Row("AAPL", 123.45, currency="USD", holding=value),
        Row("ENI.MI", 123.45, currency="EUR", holding=value),
        Row("7203.T", 3_000.0, currency="JPY"),  # is not owned
    ]
    columns = [BY_KEY["price"], BY_KEY["value"], BY_KEY["gain"]]
    _, one, _ = with_units(columns, rows[:1] + rows[2:])
    assert one.text(rows[0], FRESH) == "1,234.50"
    price, several, gain = with_units(columns, rows)
    assert [several.text(row, FRESH) for row in rows] == ["1,234.50 USD", "1,234.50 EUR", ""]
    assert price.text(rows[0], FRESH) == "123.45"
    assert gain.text(rows[0], FRESH) == "-3.00 USD"
    assert with_units(columns, rows) == (price, several, gain)  # no reason to lay them out again
