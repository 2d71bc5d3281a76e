"""Records as Kafka messages and back: keys, headers, plain JSON values. Pure.

Keys: the symbol for ticks (so each symbol has its partition, and its order), origin and symbol for
quotes (which lie in the symbol's partition), the writer for heartbeats, none for gaps. Headers:
`content-type` and `schema-version`; a record of another version than ours is newer, and not read.

A log's own ticks, which several writers may number at once, carry a third header, `at`: the offset
that the writer saw as the end. A message that came to lie elsewhere lost the race to another and is
void: no reader shows it, and its writer knows from the broker's answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar

import msgspec

from ticker import wire
from ticker.errors import InvalidRecord
from ticker.records import Gap, Heartbeat, Quote, Record, Tick

Headers = list[tuple[str, bytes]]
_R = TypeVar("_R", Tick, Quote, Gap, Heartbeat)

HEADERS: Final[Headers] = [
    ("content-type", b"application/json"),
    ("schema-version", str(wire.VERSION).encode()),
]
_USUAL: Final = tuple(HEADERS)
_AT: Final = "at"


def headers_at(offset: int) -> Headers:
    """The headers of a message that is void unless it lies at `offset`."""
    return [*HEADERS, (_AT, str(offset).encode())]


def key(record: Record) -> bytes | None:
    """The message's key; raises `InvalidRecord` for half a character."""
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
    """Messages of one topic as records, with the offset of each; what was no record is counted."""

    records: list[Any]
    offsets: list[int]
    broken: int = 0


def decode(messages: Iterable[Any], kind: type[_R]) -> Decoded:
    """The records of `kind` in `messages` (aiokafka's), in their order."""
    records: list[Any] = []
    offsets: list[int] = []
    broken = 0
    parse: Any = wire.decode
    keys: Callable[[Any], bytes | None] = _Keys().of if kind is Tick else key
    for message in messages:
        if message.headers != _USUAL:
            verdict = _judge(message)
            if verdict is not True:
                broken += verdict is False
                continue
        try:
            record = parse(message.value)
            if type(record) is not kind or message.key != keys(record):
                broken += 1
                continue
        except (InvalidRecord, TypeError):  # a TypeError: the value is null
            broken += 1
            continue
        records.append(record)
        offsets.append(message.offset)
    return Decoded(records, offsets, broken)


class _Keys(dict[str, bytes]):
    """Symbol → key, each encoded once: ticks come by the million."""

    def of(self, tick: Tick) -> bytes:
        return self[tick.symbol]

    def __missing__(self, symbol: str) -> bytes:
        self[symbol] = found = symbol.encode()
        return found


def _judge(message: Any) -> bool | None:
    """Whether unusual headers allow to read the message; `None` if it is void: ours, but late."""
    headers = dict(message.headers)
    version = headers.get("schema-version")
    if version is not None and (not version.isdigit() or int(version) > wire.VERSION):
        return False
    at = headers.get(_AT)
    return None if at is not None and at != str(message.offset).encode() else True
