from __future__ import annotations

import math
from typing import Any

import pytest

from ticker import wire
from ticker.errors import InvalidRecord, TickerError
from ticker.records import MAX_BYTES, MAX_TIME, Batch, Gap, Heartbeat, Position, Quote, Tick

TICK: dict[str, Any] = {
    "symbol": "GC=F",
    "source": "yahoo",
    "origin": "k3v9xq2m",
    "sequence": 42,
    "time": 1_795_447_805_120_000,
    "received": 1_795_447_805_640_000,
    "price": 4101.3,
}
QUOTE = {name: value for name, value in TICK.items() if name not in ("origin", "sequence")}
SPAN: dict[str, Any] = {
    "source": "yahoo",
    "origin": "k3v9xq2m",
    "writer": "w",
    "received": 9,
    "reason": "poller stopped",
    "from_": 5,
    "until": 8,
}
BEAT: dict[str, Any] = {
    "origin": "k3v9xq2m",
    "writer": "w",
    "source": "yahoo",
    "time": 5,
    "received": 6,
    "interval": 15_000_000,
    "state": "ok",
    "asked": 9,
    "answered": 9,
}

WRONG_TRADES = [
    ("symbol", ""),
    ("symbol", "A" * 65),
    ("symbol", "A" * 10_000),
    ("symbol", "A\x00"),
    ("symbol", "\x1b]0;x\x07"),
    ("symbol", "AAPL\n"),
    ("symbol", "A B"),
    ("symbol", "\u202eLPAA"),
    ("symbol", "\ud800"),
    ("symbol", 7),
    ("price", 0.0),
    ("price", -math.inf),
    ("price", math.nan),
    ("price", math.inf),
    ("time", -1),
    ("time", MAX_TIME + 1),
    ("received", -1),
    ("bid", 0.0),
    ("bid", math.nan),
    ("ask", -math.inf),
    ("ask", math.inf),
    ("day_change", math.nan),
    ("day_change_percent", -math.inf),
    ("volume", -1),
    ("volume", math.nan),
    ("volume", 2**63),
    ("size", -1),
    ("size", 10**40),
    ("source", "s" * 1_001),
    ("origin", "o" * 1_001),
    ("currency", "c" * 1_001),
    ("session", "x" * 950_000),
    ("previous_price", 0.0),
    ("sequence", 0),
    ("sequence", -1),
]


@pytest.mark.parametrize(("field", "value"), WRONG_TRADES)
def test_a_tick_refuses_nonsense_and_names_the_field(field: str, value: object) -> None:
    Tick(**TICK)  # so that the symbol is a remembered one
    with pytest.raises(InvalidRecord) as refused:
        Tick(**{**TICK, field: value})
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *WRONG_TRADES,
        ("previous_close", 0.0),
        ("day_high", math.nan),
        ("delay", -1),
        ("delay", 2**63),
        ("price_hint", -1),
        ("market_cap", 10**40),
        ("name", "n" * 1_001),
        ("kind", "k" * 1_001),
        ("exchange", "e" * 1_001),
    ],
)
def test_a_quote_refuses_nonsense_and_names_the_field(field: str, value: object) -> None:
    with pytest.raises(InvalidRecord) as refused:
        Quote(**{**QUOTE, field: value})
    assert refused.value.field == field


def test_a_quote_from_a_source_has_no_sequence_yet() -> None:
    quote = Quote(**QUOTE)
    assert (quote.origin, quote.sequence) == (None, None)


@pytest.mark.parametrize("symbol", ["AAPL", "GC=F", "EURUSD=X", "^GSPC", "[bold]", "ÅÄÖ.ST"])
def test_every_visible_symbol_is_accepted(symbol: str) -> None:
    assert Tick(**{**TICK, "symbol": symbol}).symbol == symbol


def test_texts_of_the_maximum_length_are_accepted() -> None:
    assert Tick(**{**TICK, "session": "x" * 1_000}).session == "x" * 1_000
    assert Quote(**QUOTE, name="n" * 1_000).name == "n" * 1_000


def test_records_are_frozen() -> None:
    with pytest.raises(AttributeError):
        Tick(**TICK).price = 1.0  # type: ignore[misc]


@pytest.mark.parametrize(
    "change",
    [
        {"until": None},
        {"from_": 9},
        {"from_": -1},
        {"symbol": "AAPL"},
        {"symbols": ("",)},
        {"reason": "r" * 1_001},
        {"writer": "w" * 1_001},
        {"from_": None, "until": None},
        {"from_": None, "until": None, "symbol": "A", "first_sequence": 2, "last_sequence": 1},
        {"from_": None, "until": None, "symbol": "A", "first_sequence": 0, "last_sequence": 1},
    ],
)
def test_a_gap_is_either_a_span_or_missing_ticks(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidRecord):
        Gap(**{**SPAN, **change})


def test_a_gap_names_its_span_or_its_missing_ticks() -> None:
    assert Gap(**SPAN).until == 8
    ticks = {"from_": None, "until": None, "symbol": "A", "first_sequence": 3, "last_sequence": 3}
    assert Gap(**{**SPAN, **ticks}).last_sequence == 3


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("time", -1),
        ("interval", -1),
        ("asked", -1),
        ("asked", 2**63),
        ("speed", math.nan),
        ("state", "s" * 1_001),
        ("refused", {"A": "r" * 1_001}),
        ("refused", {"A" * 1_001: "r"}),
    ],
)
def test_a_heartbeat_refuses_nonsense(field: str, value: object) -> None:
    with pytest.raises(InvalidRecord) as refused:
        Heartbeat(**{**BEAT, field: value})
    assert refused.value.field == field


def test_a_heartbeat_refuses_what_cannot_be_a_symbol() -> None:
    assert Heartbeat(**BEAT, symbols=("AAPL", "GC=F")).symbols == ("AAPL", "GC=F")
    with pytest.raises(InvalidRecord):
        Heartbeat(**BEAT, symbols=("AAPL", "\x1b[2J"))


THOUSANDS = tuple(f"SYMBOL-{n}" for n in range(5_000))


def test_a_record_with_thousands_of_symbols_fits_into_a_broker_message() -> None:
    refused = dict.fromkeys(THOUSANDS, "the exchange knows no such symbol")
    assert Heartbeat(**BEAT, symbols=THOUSANDS, refused=refused).refused == refused
    assert Gap(**SPAN, symbols=THOUSANDS).symbols == THOUSANDS
    long = tuple("S" * 50 + name for name in THOUSANDS) * 4
    for kind, fields, lists in (
        (Gap, SPAN, {"symbols": long}),
        (Heartbeat, BEAT, {"symbols": long}),
        (Heartbeat, BEAT, {"refused": dict.fromkeys(THOUSANDS, "r" * 1_000)}),
    ):
        with pytest.raises(InvalidRecord, match="longer than 900,000 bytes"):
            kind(**fields, **lists)


def test_no_spelling_makes_a_record_too_long() -> None:
    for letter in ("\x01", "\U0001f4c8", '"'):
        text = letter * 1_000
        texts = ("source", "origin", "currency", "session", "name", "kind", "exchange")
        quote = Quote(**{**QUOTE, **dict.fromkeys(texts, text)})
        refused = {f"{text[:-2]}{n:02}": text for n in range(50)}
        beat = Heartbeat(
            **{**BEAT, **dict.fromkeys(("origin", "writer", "source", "state"), text)},
            refused=refused,
        )
        assert max(len(wire.encode(quote)), len(wire.encode(beat))) < MAX_BYTES


def test_a_refusal_is_both_a_ticker_error_and_a_value_error() -> None:
    assert issubclass(InvalidRecord, TickerError)
    assert issubclass(InvalidRecord, ValueError)


def test_a_batch_is_true_if_it_holds_anything() -> None:
    assert not Batch(Position("1"))
    assert Batch(Position("1"), heartbeats=[Heartbeat(**BEAT)])


@pytest.mark.parametrize("price", [-37.63, -0.105, -1e-9])
def test_a_negative_price_is_a_price(price: float) -> None:
    tick = Tick(**{**TICK, "price": price, "previous_price": price, "bid": price, "ask": price})
    assert wire.decode(wire.encode(tick)) == tick
    quote = Quote("^IRX", "yahoo", 5, 5, price, previous_close=price, open=price, day_low=price)
    assert wire.decode(wire.encode(quote)) == quote


@pytest.mark.parametrize("field", ["price", "previous_price", "bid", "ask"])
@pytest.mark.parametrize("value", [0.0, -0.0, math.nan, math.inf, -math.inf])
def test_a_price_of_zero_or_infinity_is_refused(field: str, value: float) -> None:
    with pytest.raises(InvalidRecord, match=field):
        Tick(**{**TICK, field: value})
