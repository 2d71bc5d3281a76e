"""How messages of several topics are divided into parts."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from aiokafka import TopicPartition

from ticker import wire
from ticker.records import Gap, Record, Tick
from ticker.streams.kafka.gathering import in_order, split
from ticker.streams.kafka.messages import HEADERS, key

NAMES = ("t", "t.gaps", "t.quotes", "t.heartbeats")
TOPICS: Any = SimpleNamespace(names=NAMES)
TICKS, OTHERS, GAPS = (TopicPartition(*at) for at in (("t", 0), ("t", 1), ("t.gaps", 0)))


def tick(n: int, symbol: str = "A") -> Tick:
    return Tick(symbol, "s", "o", n, n, n, 1.0)


def gap(n: int) -> Gap:
    return Gap("s", "o", "w", n, "stopped", from_=0, until=n)


def message(record: Record, offset: int, at: int) -> Any:
    return SimpleNamespace(
        offset=offset,
        key=key(record),
        value=wire.encode(record),
        headers=tuple(HEADERS),
        timestamp=at,
        timestamp_type=0,
    )


def offsets(part: Any) -> dict[TopicPartition, list[int]]:
    return {where: [m.offset for m in messages] for where, messages in part.items()}


def test_a_gap_that_was_appended_after_a_tick_begins_another_part() -> None:
    found = {
        TICKS: [message(tick(n), n, 10 * n) for n in (1, 2, 3)],
        OTHERS: [message(tick(n, "B"), n, 10 * n + 1) for n in (1, 2, 3)],
        GAPS: [message(gap(at), n, at) for n, at in enumerate((5, 20, 25))],
    }
    assert [offsets(part) for part in in_order(TOPICS, found)] == [
        {TICKS: [1], OTHERS: [1], GAPS: [0]},
        {TICKS: [2], OTHERS: [2], GAPS: [1]},
        {TICKS: [3], OTHERS: [3], GAPS: [2]},
    ]


def test_gaps_before_all_ticks_need_no_parts() -> None:
    found = {
        TICKS: [message(tick(1), 1, 30)],
        GAPS: [message(gap(n), n, n) for n in (5, 20, 30)],
    }
    assert [*in_order(TOPICS, found)] == [found]
    assert [*in_order(TOPICS, {TICKS: found[TICKS]})] == [{TICKS: found[TICKS]}]


def test_records_before_a_tick_are_separated_from_the_rest() -> None:
    found = {
        TICKS: [message(tick(n), n, n) for n in (1, 2, 3)],
        OTHERS: [message(tick(n, "B"), n, n) for n in (1, 2)],
        GAPS: [message(gap(1), 1, 1)],
    }
    early, late = split(TOPICS, found, tick(3))
    assert (offsets(early), offsets(late)) == (
        {TICKS: [1, 2], GAPS: [1]},
        {TICKS: [3], OTHERS: [1, 2]},
    )
