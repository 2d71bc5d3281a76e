from dataclasses import dataclass
from typing import Any

import pytest
from msgspec.structs import replace

from ticker import wire
from ticker.errors import InvalidRecord
from ticker.records import Gap, Heartbeat, Quote, Tick
from ticker.streams.kafka.messages import HEADERS, decode, key

NOW = 1_795_447_805_000_000
TICK = Tick("GC=F", "test", "o", 7, NOW, NOW, 1.0)


@dataclass
class Message:
    value: Any
    key: bytes | None = b"GC=F"
    headers: tuple[Any, ...] = tuple(HEADERS)
    offset: int = 5
    timestamp: int = NOW // 1_000
    timestamp_type: int = 1


def test_keys_decide_what_keeps_its_order_and_what_compaction_keeps() -> None:
    quote = Quote("GC=F", "test", NOW, NOW, 1.0, "o", 7)
    beat = Heartbeat("o", "w1", "test", NOW, NOW, 1, "ok", 1, 1)
    gap = Gap("test", "o", "w1", NOW, "stopped", from_=1, until=2)
    assert [key(record) for record in (TICK, quote, beat, gap)] == [
        b"GC=F",
        b"o GC=F",
        b"w1 test",
        None,
    ]


def test_an_invalid_character_is_not_a_key() -> None:
    with pytest.raises(InvalidRecord):
        key(Heartbeat("o", "\ud800", "test", NOW, NOW, 1, "ok", 1, 1))


@pytest.mark.parametrize(
    ("message", "read", "broken"),
    [
        (Message(wire.encode(TICK)), 1, 0),
        (Message(wire.encode(TICK), headers=()), 1, 0),
        (Message(wire.encode(TICK), headers=(*HEADERS, ("trace", b"1"))), 1, 0),
        (Message(wire.encode(TICK), headers=(("schema-version", b"2"),)), 0, 1),
        (Message(wire.encode(TICK), headers=(("schema-version", b"9" * 5_000),)), 0, 1),
        (Message(wire.encode(TICK), headers=(("schema-version", None),)), 1, 0),
        (Message(wire.encode(TICK), headers=(*HEADERS, ("at", b"4"))), 1, 0),
        (Message(wire.encode(TICK), key=b"AAPL"), 0, 1),
        (Message(wire.encode(TICK), key=None), 0, 1),
        (Message(None), 0, 1),
        (Message(b""), 0, 1),
        (Message(b"\xff"), 0, 1),
    ],
)
def test_a_message_is_a_record_or_broken_in_every_topic(
    message: Message, read: int, broken: int
) -> None:
    decoded = decode([message], Tick)
    assert decoded.records == [TICK] * read
    assert decoded.offsets == [5] * read
    assert decoded.broken == broken


@pytest.mark.parametrize("field", ["time", "received"])
@pytest.mark.parametrize(("kind", "read"), [(1, 0), (0, 1)])
def test_a_price_more_than_a_day_ahead_of_its_append_is_no_record(
    field: str, kind: int, read: int
) -> None:
    late = replace(TICK, **{field: NOW + 86_400_000_000 + 2_000})
    decoded = decode([Message(wire.encode(late), timestamp_type=kind)], Tick)
    assert (len(decoded.records), decoded.broken) == (read, 1 - read)
    near = replace(TICK, **{field: NOW + 86_000_000_000})
    assert decode([Message(wire.encode(near))], Tick).records == [near]


def test_a_clock_that_runs_ahead_keeps_no_poller_alive() -> None:
    ahead = NOW + 80_000_000_000
    beat = Heartbeat("o", "w1", "test", ahead, ahead, 1, "ok", 1, 1, last_good=ahead)
    [read] = decode([Message(wire.encode(beat), b"w1 test")], Heartbeat).records
    assert max(read.time, read.received, read.last_good) == NOW + 1_000
    well = Heartbeat("o", "w1", "test", NOW, NOW, 1, "ok", 1, 1)
    assert decode([Message(wire.encode(well), b"w1 test")], Heartbeat).records == [well]
