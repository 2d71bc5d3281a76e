from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from ticker.records import Quote
from ticker.sources.reading import Context, read_answer

CONTEXT = Context("yahoo", "Yahoo", received=1_739_800_000_000_000, simulated=False)
FIELDS = (
    "quoteType",
    "marketState",
    "currency",
    "longName",
    "shortName",
    "fullExchangeName",
    "priceHint",
    "bid",
    "ask",
    "regularMarketPrice",
    "regularMarketTime",
    "preMarketPrice",
    "preMarketTime",
    "postMarketPrice",
    "postMarketTime",
    "regularMarketPreviousClose",
    "regularMarketChange",
    "regularMarketChangePercent",
    "regularMarketVolume",
    "regularMarketOpen",
    "regularMarketDayHigh",
    "fiftyTwoWeekLow",
    "marketCap",
    "exchangeDataDelayedBy",
)
SYMBOLS = ("AAPL", "GC=F", "BTC-USD")

numbers = st.one_of(
    st.integers(),
    st.floats(),
    st.floats(min_value=1e-6, max_value=1e9),
    st.integers(min_value=1_700_000_000, max_value=1_800_000_000),
)
words = st.one_of(
    st.text(),
    st.sampled_from(
        ["EQUITY", "CRYPTOCURRENCY", "CURRENCY", "PRE", "REGULAR", "POST", "CLOSED", "GBp"]
    ),
)
anything = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, words),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
entries = st.builds(
    lambda symbol, rest: {"symbol": symbol, **rest},
    st.sampled_from([*SYMBOLS, "OTHER"]),
    st.dictionaries(st.sampled_from(FIELDS), anything),
)
answers = st.lists(st.one_of(entries, anything), max_size=5)


@given(results=answers, asked=st.lists(st.sampled_from(SYMBOLS), max_size=4))
def test_any_answer_gives_each_symbol_once_with_plausible_values(
    results: list[Any], asked: list[str]
) -> None:
    quotes, refused = read_answer(results, asked, CONTEXT)
    told = [quote.symbol for quote in quotes]
    assert sorted([*told, *refused]) == sorted(set(asked))
    for reason in refused.values():
        assert reason
        assert reason.isprintable()
    for quote in quotes:
        entry = next(
            entry
            for entry in results
            if isinstance(entry, dict) and entry.get("symbol") == quote.symbol
        )
        _is_no_lie(quote, entry)
        # What was read can be sent and read again.
        assert msgspec.json.decode(msgspec.json.encode(quote), type=Quote) == quote


def _is_no_lie(quote: Quote, entry: dict[str, Any]) -> None:
    assert any(
        isinstance(price, int | float)
        and isinstance(time, int | float)
        and price == quote.price
        and math.isclose(time * 1e6, quote.time, abs_tol=1)
        for market in ("regularMarket", "preMarket", "postMarket")
        for price, time in [(entry.get(f"{market}Price"), entry.get(f"{market}Time"))]
    )
    for value, names in (
        (quote.bid, ["bid"]),
        (quote.ask, ["ask"]),
        (quote.volume, ["regularMarketVolume"]),
        (quote.open, ["regularMarketOpen"]),
        (quote.market_cap, ["marketCap"]),
        (quote.previous_close, ["regularMarketPrice", "regularMarketPreviousClose"]),
    ):
        assert value is None or value in [entry.get(name) for name in names]
    if quote.bid is not None and quote.ask is not None:
        assert quote.bid <= quote.ask
    if quote.kind != "cryptocurrency" and quote.day_change is not None:
        assert quote.previous_close is not None
        exact = Decimal(repr(quote.price)) - Decimal(repr(quote.previous_close))
        assert quote.day_change == float(exact)
