"""Columns are what the ticks of the same messages are, without the ticks."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from ticker import wire
from ticker.records import TICK_FIELDS, Tick
from ticker.streams.kafka import columns
from ticker.streams.kafka.columns import ColumnDecoder
from ticker.streams.kafka.messages import HEADERS, decode
from ticker.streams.reader import ColumnRequest

NOW = 1_795_447_805_000_000


@dataclass
class Message:
    value: Any
    key: bytes | None = b"GC=F"
    headers: tuple[Any, ...] = tuple(HEADERS)
    offset: int = 5
    timestamp: int = NOW // 1_000
    timestamp_type: int = 1


def tick(sequence: int, **facts: Any) -> Tick:
    at = NOW + sequence
    return Tick("GC=F", "test", "o", sequence, at, at, 1.0 + sequence, **facts)


def changed(**facts: Any) -> bytes:
    return json.dumps({**json.loads(wire.encode(tick(2))), **facts}).encode()


WELL = [Message(wire.encode(each)) for each in (tick(1, volume=3), tick(3, bid=2.5, size=0.5))]
BROKEN = [
    *(Message(changed(price=price)) for price in (0, -0.0, None, "1", 1e308 * 10)),
    *(Message(changed(**{name: 0})) for name in ("bid", "ask", "previous_price", "sequence")),
    *(Message(changed(**{name: -1})) for name in ("volume", "size", "time", "received")),
    *(Message(changed(**{name: 2**70})) for name in ("volume", "size", "time", "received")),
    *(Message(changed(**{name: NOW + 90_000_000_000})) for name in ("time", "received")),
    *(Message(changed(**{name: "x" * 1_001})) for name in ("origin", "source", "currency")),
    Message(changed(symbol="GC=F\x1b"), key=b"GC=F\x1b"),
    Message(changed(type="quote")),
    Message(changed(type="bar")),
    Message(changed(), key=b"AAPL"),
    Message(changed(), headers=(("schema-version", b"2"),)),
    Message(changed(), headers=()),  # not ours, and well
    Message(None),
    Message(b""),
    Message(b"\xff"),
    Message(b"[" * 5_000),
]


@pytest.mark.parametrize("message", BROKEN, ids=lambda message: str(message.value)[-40:])
def test_columns_hold_the_ticks_that_a_reading_brings(message: Message) -> None:
    messages = [WELL[0], message, WELL[1]]
    (chunk,) = [ColumnDecoder(ColumnRequest()).chunk(messages)]
    assert chunk == ColumnRequest().chunk(decode(messages, Tick).records)


@pytest.mark.parametrize("field", TICK_FIELDS)
def test_a_field_alone_is_decoded_without_a_tick(
    field: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = ColumnRequest(fields=(field,)).chunk(decode(WELL, Tick).records)
    monkeypatch.setattr(columns, "decode", lambda *_: pytest.fail("ticks were made"))
    assert ColumnDecoder(ColumnRequest(fields=(field,))).chunk(WELL) == expected


def test_a_tick_that_lies_there_twice_comes_once() -> None:
    decoder = ColumnDecoder(ColumnRequest(fields=("sequence",)))
    first, second = WELL
    assert decoder.chunk([first, first]) == {"sequence": (1,)}
    assert decoder.chunk([first, second, first]) == {"sequence": (3,)}
    assert decoder.chunk([first, second]) is None


@pytest.mark.parametrize(
    ("request_", "sequences"),
    [
        (ColumnRequest(symbols=frozenset(["GC=F"])), (1, 3)),
        (ColumnRequest(symbols=frozenset(["AAPL"])), ()),
        (ColumnRequest(since=NOW + 1, until=NOW + 3), (1,)),
        (ColumnRequest(since=NOW + 2), (3,)),
        (ColumnRequest(until=NOW + 1), ()),
    ],
)
def test_only_what_is_wanted_comes(request_: ColumnRequest, sequences: tuple[int, ...]) -> None:
    chunk = ColumnDecoder(request_).chunk(WELL)
    assert (chunk or {"sequence": ()})["sequence"] == sequences
