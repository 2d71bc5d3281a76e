from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from rich.cells import cell_len

from ticker.board import Age, Row
from ticker.board.columns import BY_KEY, COLUMNS, DEFAULTS, Column
from ticker.dashboard.columns import ColumnLayout, Measured, fit, placed
from ticker.health.reasons import Reason

FRESH = Age(0, Reason.FRESH)
ROWS = [
    (Row("AAPL", price=247.31, name="Apple Inc.", currency="USD", price_hint=2), FRESH),
    (Row("EURUSD=X", price=1.0461, name="EUR/USD", currency="USD", price_hint=4), FRESH),
    (Row("BTC-USD", price=95_773.38, name="Bitcoin", currency="USD", price_hint=2), FRESH),
]


def lay_out(
    rows: Iterable[tuple[Row, Age]], width: int, columns: Sequence[Column] = DEFAULTS
) -> ColumnLayout:
    measured = Measured(columns)
    for row, age in rows:
        measured.take(row, age)
    return placed(measured, width)


def fields(width: int) -> list[str]:
    return [place.column.key for place in lay_out(ROWS, width).places]


def test_less_important_columns_disappear_first_as_the_width_shrinks() -> None:
    assert fields(140)[:4] == ["symbol", "name", "price", "currency"]
    assert fields(40) == ["symbol", "price", "day_change_percent", "age"]
    assert fields(26) == ["symbol", "price"]
    assert fields(5) == ["symbol"]


def test_prices_are_aligned_at_their_decimal_points() -> None:
    (place,) = [p for p in lay_out(ROWS, 140).places if p.column.key == "price"]
    texts = [fit(place.column.text(row, age), place) for row, age in ROWS]
    assert {text.index(".") for text in texts} == {texts[0].index(".")}
    assert {len(text) for text in texts} == {place.width}


def test_a_number_that_does_not_fit_is_an_ellipsis_and_never_cut() -> None:
    (place,) = [p for p in lay_out(ROWS, 140).places if p.column.key == "price"]
    assert fit("123,456,789,012.00", place).strip() == "…"
    assert place.outgrown("123,456,789,012.00")
    assert not place.outgrown("1.0461")


def test_a_wide_name_is_cut_between_characters() -> None:
    (place,) = [p for p in lay_out(ROWS, 140).places if p.column.key == "name"]
    shown = fit("任天堂株式会社任天堂株式会社", place)
    assert cell_len(shown) == place.width
    assert shown.rstrip().endswith("…")


@given(
    st.text(max_size=40),
    st.floats(min_value=1e-9, max_value=1e300),
    st.integers(min_value=0, max_value=200),
)
def test_every_cell_stays_in_its_place_at_any_width(name: str, price: float, width: int) -> None:
    rows = [(Row("AAPL", price=price, name=name), FRESH)]
    layout = lay_out(rows, width)
    end = 0
    for place in layout.places:
        assert place.start >= end
        assert cell_len(fit(place.column.text(*rows[0]), place)) == place.width
        end = place.start + place.width
    assert len(layout.places) == 1 or end <= width
    assert len({place.column.key for place in layout.places}) <= len(COLUMNS)


CONTRACTS = ("AAPL261218C00250000", "AAPL261218C00255000", "AAPL261218P00250000", "X")


@given(st.integers(min_value=12, max_value=60))
def test_two_contracts_never_look_alike_and_no_number_is_cut(width: int) -> None:
    rows = [(Row(symbol, price=10.0 + n), FRESH) for n, symbol in enumerate(CONTRACTS)]
    layout = lay_out(rows, width)
    lines = {tuple(fit(p.column.text(*row), p) for p in layout.places[:1]) for row in rows}
    assert len(lines) == len(rows)
    shown = [p.column.key for p in layout.places]
    assert shown[0] == "symbol"
    if width >= 1 + 19 + 2 + 5 + 1:  # both fit
        assert "price" in shown
        assert not any("…" in text for (text,) in lines)


def test_nothing_is_cut_while_there_is_room() -> None:
    name = "Vanguard Total Stock Market Index Fund ETF Shares of an uncommonly long name"
    rows = [(Row("VTI", price=300.0, name=name, bid=299.9, ask=300.1, kind="etf"), FRESH)]
    layout = lay_out(rows, 220)
    texts = {p.column.key: fit(p.column.text(*rows[0]), p).strip() for p in layout.places}
    assert texts["name"] == name
    assert {"bid", "ask", "spread", "kind"} <= set(texts)
    assert "day_range" not in texts  # it would be empty
    assert "bid" not in fields(100)


def test_an_empty_name_column_leaves_its_room_to_others() -> None:
    nameless = [(structs.replace(row, name=None), age) for row, age in ROWS]
    (name,) = [p for p in lay_out(nameless, 80).places if p.column.key == "name"]
    assert name.width == len("Name") + 2
    assert name.outgrown("Apple Inc.")  # then the columns are laid out again


def test_a_chosen_width_is_kept_even_if_a_number_does_not_fit() -> None:
    columns = [
        BY_KEY["symbol"],
        replace(BY_KEY["price"], width=4),
        replace(BY_KEY["name"], width=6),
    ]
    layout = lay_out(ROWS, 140, columns=columns)
    assert [place.width for place in layout.places][1:] == [4, 6]
    assert fit("95,773.38", layout.places[1]) == "   …"
