"""The limits of a record's fields, and the errors for values beyond them.

This file does no input or output, reads no clock and knows no record.
"""

from __future__ import annotations

import math
from typing import Annotated, Final

import msgspec

from ticker.errors import InvalidRecord

MAX_SYMBOL: Final = 64
"""The longest symbol, in characters; Yahoo's longest (options) have 21."""
MAX_NAME: Final = 256
"""The longest free text kept (names, reasons), in characters. Longer ones are cut on receipt."""
MAX_TEXT: Final = 1_000
"""The longest text in any record, in characters. A longer one makes the record invalid."""
MAX_BYTES: Final = 900_000
"""The longest record, as JSON (bytes). A Kafka broker takes 1 MB, overhead included."""
MAX_NUMBER: Final = 2**63 - 1
"""The largest whole number: a SQLite integer has 64 bits, with sign."""

MAX_TIME: Final = 253_402_214_399_999_999
"""The last microsecond of 9999-12-30 (µs, UTC). In some time zones, a later time is in the year
10000, and Python's calendar ends before that year.
"""

Symbol = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_SYMBOL)]
Text = Annotated[str, msgspec.Meta(max_length=MAX_TEXT)]
Price = Annotated[float, msgspec.Meta(extra_json_schema={"not": {"const": 0}})]
"""May be negative (oil in April 2020, yields, spreads), but not 0. An unknown price is absent."""
Time = Annotated[int, msgspec.Meta(ge=0, le=MAX_TIME)]
Count = Annotated[int, msgspec.Meta(ge=0, le=MAX_NUMBER)]
SequenceNumber = Annotated[int, msgspec.Meta(ge=1, le=MAX_NUMBER)]

INFINITY: Final = math.inf
symbols_seen: set[str] = set()
"""A cache of symbols that passed `check_symbol`: millions of ticks share a few symbols."""
_SYMBOLS_REMEMBERED: Final = 100_000
_FEW: Final = 50
"""A record with at most this many symbols and refusals is never too long."""


def check_symbol(symbol: object) -> None:
    """Raise `InvalidRecord` unless `symbol` is 1 to 64 visible characters without a space.

    Visible is what `str.isprintable` accepts: no controls, escape sequences, direction marks or
    lone surrogates. So a symbol can be printed unchanged anywhere, except as markup.
    """
    if not isinstance(symbol, str):
        raise InvalidRecord("symbol", f"not a text: {symbol!r:.40}")
    if not symbol:
        raise InvalidRecord("symbol", "empty")
    if len(symbol) > MAX_SYMBOL:
        raise InvalidRecord("symbol", f"longer than {MAX_SYMBOL} characters: {symbol[:16]!a}…")
    if not symbol.isprintable() or " " in symbol:
        raise InvalidRecord("symbol", f"has a control, hidden or space character: {symbol!a}")
    # Without the bound, a hostile feed that keeps sending new names would fill the memory.
    if len(symbols_seen) >= _SYMBOLS_REMEMBERED:
        symbols_seen.clear()
    symbols_seen.add(symbol)


def check_price(field: str, price: float | None) -> None:
    """Raise `InvalidRecord` unless `price` is `None`, or finite and not 0 (currency)."""
    if price is not None and not (0.0 < price < INFINITY or -INFINITY < price < 0.0):
        raise InvalidRecord(field, f"not a finite number other than 0: {price!r}")


def check_time(field: str, time: int | None) -> None:
    """Raise `InvalidRecord` unless `time` is `None`, or 0 to `MAX_TIME`, inclusive (µs, UTC)."""
    if time is not None and not 0 <= time <= MAX_TIME:
        raise InvalidRecord(field, f"before 1970 or after 9999: {time!r}")


def check_finite(field: str, number: float | None) -> None:
    """Raise `InvalidRecord` if `number` is infinite or NaN."""
    if number is not None and not math.isfinite(number):
        raise InvalidRecord(field, f"not a finite number: {number!r}")


def check_amount(field: str, number: float | None) -> None:
    """Raise `InvalidRecord` unless `number` is `None`, or from 0 to `MAX_NUMBER`, inclusive."""
    if number is not None and not 0.0 <= number <= MAX_NUMBER:
        raise InvalidRecord(field, f"negative, not finite or beyond 64 bits: {number!r:.40}")


def check_texts(record: msgspec.Struct, *fields: str) -> None:
    """Raise `InvalidRecord` if a text in one of `fields` is too long."""
    for field in fields:
        check_text(field, getattr(record, field))


def check_text(field: str, text: str | None) -> None:
    """Raise `InvalidRecord` if `text` is too long."""
    if text is not None and len(text) > MAX_TEXT:
        raise InvalidRecord(field, f"longer than {MAX_TEXT:,} characters: {text[:16]!a}…")


def check_length(record: msgspec.Struct, listed: int) -> None:
    """Raise `InvalidRecord` if `record` is too long as JSON.

    `listed` is the number of its symbols and refusals. If they are few, nothing is measured.
    """
    if listed > _FEW and len(msgspec.json.encode(record)) > MAX_BYTES:
        raise InvalidRecord("record", f"longer than {MAX_BYTES:,} bytes")
