"""Every genuine answer of Yahoo with one field broken: no exception, and never a wrong price.

All fields and all ways to break them are tried, in answers to polls and in messages of the socket.
"""

from __future__ import annotations

import asyncio
import json
import math
import struct
from base64 import b64decode, b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosedOK
from yfinance.pricing_pb2 import PricingData

from tests.examples import examples
from ticker.changes import changes
from ticker.exchange.pricing import message
from ticker.records import Quote
from ticker.sources.link import Link
from ticker.sources.pricing import updated
from ticker.sources.reading import Context, read_answer

FOLDER = Path(__file__).parents[2] / ".." / "shared" / "yahoo"
FILES = sorted((FOLDER / "quotes").glob("*.json")) if FOLDER.is_dir() else []
NOW: Final = 1_739_800_000_000_000
CONTEXT: Final = Context("yahoo", "Yahoo", NOW, simulated=False)
TRADES: Final = ("regularMarket", "preMarket", "postMarket")

pytestmark = pytest.mark.skipif(not FILES, reason="no saved answers beside the checkout")


def entries() -> dict[str, dict[str, Any]]:
    """The genuine entries by symbol, of several the first."""
    found: dict[str, dict[str, Any]] = {}
    for path in FILES:
        for entry in json.loads(path.read_bytes())["quoteResponse"]["result"]:
            found.setdefault(entry["symbol"], entry)
    return found


ENTRIES: Final = entries()
KNOWN: Final = {
    quote.symbol: quote for quote in read_answer([*ENTRIES.values()], [*ENTRIES], CONTEXT)[0]
}


def broken(value: Any) -> Iterator[Any]:
    """What may stand in the place of `value`: null, another type, another size, another unit."""
    yield from (None, True, "", str(value), "\x1b[2J\ud800", [value], {"raw": value}, 0, -1)
    yield from (math.nan, math.inf, -math.inf, 1e300, 10**400, -(10**400), 2**63)
    if isinstance(value, int | float):
        yield from (-value, value * 100, value / 100, value * 1_000, value * 1_000_000)


def mutations(entry: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, told in entry.items():
        if name != "symbol":
            yield name, {other: value for other, value in entry.items() if other != name}
            for value in broken(told):
                yield name, entry | {name: value}


def ticks_of(quotes: list[Quote]) -> list[Any]:
    return [*changes({}, quotes, origin="o", now=NOW).ticks]


@pytest.mark.parametrize("symbol", ENTRIES)
def test_an_answer_with_a_broken_field_is_read_correctly_or_refused(symbol: str) -> None:
    known = KNOWN.get(symbol)
    for name, entry in mutations(ENTRIES[symbol]):
        quotes, refused = read_answer([entry], [symbol], CONTEXT)
        assert len(quotes) + len(refused) == 1
        assert all(reason.isprintable() for reason in refused.values())
        for quote in quotes:  # it can be written down
            assert msgspec.json.decode(msgspec.json.encode(quote), type=Quote) == quote
        for tick in ticks_of(quotes):
            told = [
                (entry.get(f"{trade}Price"), round(time * 1_000_000))
                for trade in TRADES
                if isinstance(time := entry.get(f"{trade}Time"), int | float) and abs(time) < 1e11
            ]
            assert (tick.price, tick.time) in told, (name, entry.get(name))
            assert math.isfinite(tick.price)
            assert tick.price
        if not any(name in (f"{trade}Price", f"{trade}Time") for trade in TRADES):
            assert [(q.price, q.time) for q in quotes] == (
                [(known.price, known.time)] if known else []
            ), (name, entry.get(name))


def numbers_of(text: str) -> Any:
    return PricingData.FromString(b64decode(json.loads(text)["message"]))


def is_same(number: float, single: float) -> bool:
    """Whether it is the number that a 32-bit float means, give or take its last bits."""
    return struct.pack("f", number) == struct.pack("f", single) or math.isclose(
        number, single, rel_tol=2.0**-21
    )


def single(value: float) -> float:
    """What a 32-bit field keeps of it."""
    try:
        return float(struct.unpack("f", struct.pack("f", value))[0])
    except OverflowError:
        return math.copysign(math.inf, value)


@pytest.mark.parametrize("symbol", KNOWN)
def test_a_message_with_a_broken_field_is_read_correctly_or_skipped(symbol: str) -> None:
    known, told = KNOWN[symbol], numbers_of(message(ENTRIES[symbol]))
    told.price, told.time = known.price, known.time // 1_000 + 1_000
    for field in PricingData.DESCRIPTOR.fields:
        for value in broken(getattr(told, field.name)):
            broken_one = PricingData()
            broken_one.CopyFrom(told)
            try:
                number = single(value) if isinstance(value, float) else value
                setattr(broken_one, field.name, number)
            except (TypeError, ValueError, OverflowError, UnicodeError):
                continue  # no message can carry that
            found = updated(known, broken_one, received=NOW)
            if field.name not in ("price", "time"):
                assert found is not None
                assert found.price == known.price, field.name
            if found is None:
                continue
            assert found.time == broken_one.time * 1_000 >= known.time
            assert is_same(found.price, broken_one.price), (field.name, value)
            assert msgspec.json.decode(msgspec.json.encode(found), type=Quote) == found
            for tick in changes({}, [found], origin="o", now=NOW).ticks:
                assert (tick.price, tick.time) == (found.price, found.time)


class Socket:
    """A socket that says some words and is closed."""

    def __init__(self, *words: Any) -> None:
        self._words = [*words]

    async def recv(self) -> Any:
        if not self._words:
            raise ConnectionClosedOK(None, None)
        return self._words.pop(0)


def read(*words: Any) -> tuple[list[Any], int]:
    """The messages that can be read of these words, and how many of them cannot."""
    heard: list[Any] = []
    link = Link("yahoo-live", None, within=1, on_message=heard.append, on_end=lambda _: None)
    asyncio.run(link._read(Socket(*words)))  # type: ignore[arg-type]
    readable = [message for message in heard if message is not None]
    return readable, len(heard) - len(readable)


nonsense = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=4,
)
payloads = st.one_of(
    nonsense,
    st.binary(max_size=40).map(lambda data: b64encode(data).decode()),
    st.text(max_size=20),
)
texts: st.SearchStrategy[Any] = st.one_of(
    st.text(max_size=30),
    st.binary(max_size=30),
    nonsense.map(json.dumps),
    payloads.map(lambda told: json.dumps({"type": "pricing", "message": told})),
)


@settings(max_examples=examples(200), deadline=None)
@given(words=st.lists(texts, max_size=4))
def test_a_broken_socket_message_does_not_stop_the_next_one(
    words: list[Any],
) -> None:
    genuine = message(ENTRIES["AAPL"])
    heard, broken = read(*words, genuine)
    assert len(heard) + broken == len(words) + 1
    assert heard[-1] == numbers_of(genuine)
    for each in heard:
        for known in (KNOWN["AAPL"], KNOWN["BTC-USD"]):
            found = updated(known, each, received=NOW)
            assert found is None or is_same(found.price, each.price)
