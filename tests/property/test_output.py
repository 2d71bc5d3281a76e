from __future__ import annotations

from datetime import UTC

from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from ticker.figures import change_text, decimals, percent_text, price_text
from ticker.records import Quote
from ticker.tables import facts_table, quote_table, render

NOW = 1_795_447_805_000_000
PRICES = st.floats(min_value=0.0001, max_value=1e7)
CHANGES = PRICES | st.floats(min_value=-1e6, max_value=-0.0001)
QUOTES = st.builds(
    lambda symbol, name, price, change, percent: Quote(
        symbol,
        "yahoo",
        NOW,
        NOW,
        price,
        name=name,
        day_change=change,
        day_change_percent=percent,
        currency="USD",
        session="regular",
    ),
    symbol=st.text("ABCDEFGH=^-.", min_size=1, max_size=20),
    name=st.text(max_size=40),
    price=PRICES,
    change=CHANGES,
    percent=st.floats(min_value=-1e5, max_value=1e5),
)


@settings(deadline=None)  # the first table imports half of Rich
@given(st.lists(QUOTES, min_size=1, max_size=5), st.integers(20, 200), st.booleans())
def test_a_number_is_shown_whole_or_its_column_is_hidden(
    quotes: list[Quote], width: int, is_aged: bool
) -> None:
    ages = {quote.symbol: "12m delayed 10m" for quote in quotes} if is_aged else None
    table = quote_table(quotes, UTC, NOW, ages, width=width)
    heading, *lines = render(table, width=width, colour=False).splitlines()
    assert len(lines) == len(quotes)
    assert all(cell_len(line) <= width for line in (heading, *lines))
    for quote, line in zip(quotes, lines, strict=True):
        places = decimals(quote.price, quote.price_hint)
        for column, text in (
            ("Price", price_text(quote.price, places)),
            ("Change", change_text(quote.day_change, places)),
            ("%", percent_text(quote.day_change_percent)),
            ("Time", "15:30:05"),
        ):
            assert (column in heading.split()) <= (text in line.split()), (column, text)
    assert "Price" in heading.split()


@settings(deadline=None)
@given(st.integers(20, 200), st.integers(0, 10**12), st.text("abcdef-", max_size=40))
def test_a_number_among_facts_is_shown_whole(width: int, ticks: int, writer: str) -> None:
    facts = [("ticks", f"{ticks:,}"), (f"writer {writer}", "asked 12:00:01, 9 of 9 answered")]
    printed = render(facts_table(facts, width=width), width=width, colour=False)
    assert f"{ticks:,}" in printed.split()
