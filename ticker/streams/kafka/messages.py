"""Converts records to Kafka messages and back: keys, headers, plain JSON values. Pure.

Keys: the symbol for ticks (so each symbol has one partition and keeps its order), origin and symbol
for quotes (in the symbol's partition), writer and source for heartbeats, none for gaps. Headers:
`content-type` and `schema-version`. A record of a newer version than ours counts as broken.

A record is valid at any offset, so topics may be copied and restored.

The broker's time of appending bounds all times. A record that is more than a day ahead of it counts
as broken. A heartbeat's times are cut to it, or a dead poller with a wrong clock would look alive.
"""

from __future__ import annotations

import contextlib
import operator
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from ticker import wire
from ticker.errors import InvalidRecord
from ticker.records import MAX_TIME, Gap, Heartbeat, Quote, Record, Tick
from ticker.units import DAY, MILLISECOND

TICKS, GAPS, QUOTES, BEATS = range(4)
"""The index of each of the four topics. Gaps are written before ticks."""
Kind = type[Tick] | type[Gap] | type[Quote] | type[Heartbeat]
KINDS: Final[tuple[Kind, ...]] = (Tick, Gap, Quote, Heartbeat)
"""The kind of record in each topic."""

Headers = list[tuple[str, bytes]]

HEADERS: Final[Headers] = [
    ("content-type", b"application/json"),
    ("schema-version", str(wire.VERSION).encode()),
]
_USUAL: Final = tuple(HEADERS)
_DIGITS: Final = 9  # enough digits for a version
_BY_BROKER: Final = 1  # Kafka's number for LogAppendTime

_headers: Final = operator.attrgetter("headers")
_offset: Final = operator.attrgetter("offset")
_key: Final = operator.attrgetter("key")
_value: Final = operator.attrgetter("value")
_symbol: Final = operator.attrgetter("symbol")
_time: Final = operator.attrgetter("time")
_received: Final = operator.attrgetter("received")


def key(record: Record) -> bytes | None:
    """Return the message's key. Raises `InvalidRecord` for text that is not valid Unicode."""
    try:
        match record:
            case Tick():
                return record.symbol.encode()
            case Quote():
                return f"{record.origin} {record.symbol}".encode()
            case Heartbeat():
                return f"{record.writer} {record.source}".encode()
            case Gap():
                return None
    except UnicodeEncodeError as error:
        raise InvalidRecord("key", str(error)) from error


class Decoded(msgspec.Struct):
    """The records in messages of one topic, the offset of each, and how many were not valid."""

    records: list[Any] = []
    offsets: list[int] = []
    broken: int = 0

    def plus(self, later: Decoded) -> Decoded:
        """Return this and `later` together, in this order."""
        records, offsets = self.records + later.records, self.offsets + later.offsets
        return Decoded(records, offsets, self.broken + later.broken)


def decode(messages: Sequence[Any], kind: Kind) -> Decoded:
    """Decode the records of `kind` in `messages` (aiokafka's), in their order."""
    # Nearly always all prices are valid: then they are decoded and checked together.
    is_usual = list(map(_headers, messages)).count(_USUAL) == len(messages)
    if is_usual and kind in (Tick, Quote):
        with contextlib.suppress(InvalidRecord, TypeError):
            records: list[Any] = list(map(wire.decode, map(_value, messages)))
            well = {*map(type, records)} <= {kind} and _have_keys(records, messages, kind)
            if well and _in_time(records, messages[0]):
                return Decoded(records, list(map(_offset, messages)))
    return _decode_each(messages, kind)


def _decode_each(messages: Sequence[Any], kind: Kind) -> Decoded:
    decoded = Decoded()
    for message in messages:
        well = False
        try:
            if message.headers == _USUAL or _readable(message.headers):
                record = wire.decode(message.value)
                well = type(record) is kind and key(record) == message.key
        except (InvalidRecord, TypeError):  # a TypeError: the value is null
            pass
        if well and message.timestamp_type == _BY_BROKER:
            appended = (message.timestamp + 1) * MILLISECOND
            if isinstance(record, Heartbeat):
                record = _cut(record, appended)
            well = max(record.received, getattr(record, "time", 0)) <= appended + DAY
        if well:
            decoded.records.append(record)
            decoded.offsets.append(message.offset)
        else:
            decoded.broken += 1
    return decoded


def _in_time(prices: Sequence[Any], first: Any) -> bool:
    """Tell whether no tick or quote is more than a day ahead of the first message."""
    is_known = first.timestamp_type == _BY_BROKER
    limit = first.timestamp * MILLISECOND + DAY if is_known else MAX_TIME
    return all(bool(max(map(time, prices)) <= limit) for time in (_received, _time))


def _cut(beat: Heartbeat, appended: int) -> Heartbeat:
    """Return `beat` with `received`, `time` and `last_good` cut to `appended` (µs, UTC)."""
    if max(beat.received, beat.time, beat.last_good or 0) <= appended:
        return beat
    return msgspec.structs.replace(
        beat,
        received=min(beat.received, appended),
        time=min(beat.time, appended),
        last_good=None if beat.last_good is None else min(beat.last_good, appended),
    )


def _have_keys(records: Sequence[Any], messages: Sequence[Any], kind: Kind) -> bool:
    """Tell whether each message has the key of its record. Raises what `key` raises."""
    if kind is Tick:
        symbols = [*map(_symbol, records)]
        keys = {symbol: symbol.encode() for symbol in {*symbols}}  # each once: ticks are many
        return [*map(keys.__getitem__, symbols)] == [*map(_key, messages)]
    return [key(record) for record in records] == [*map(_key, messages)]


def _readable(headers: Sequence[tuple[str, bytes | None]]) -> bool:
    """Tell whether `schema-version` is absent, ours or older.

    Its length is checked first, because Python converts no integer of 5,000 digits.
    """
    version = dict(headers).get("schema-version")
    if version is None:
        return True
    return version.isdigit() and len(version) <= _DIGITS and int(version) <= wire.VERSION
