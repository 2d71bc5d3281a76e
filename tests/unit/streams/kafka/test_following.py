"""What was read is handed over, even if its consumer has ended."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from ticker.address import parse_address
from ticker.errors import StreamUnreachable
from ticker.records import Batch, Gap, Position, Tick
from ticker.streams.kafka.address import secured
from ticker.streams.kafka.following import KafkaRead
from ticker.streams.kafka.missing import HoleLookup
from ticker.streams.reader import EMPTY_BATCH_AFTER, ReadRequest

NOW = 1_795_447_805_000_000
ADDRESS = secured(parse_address("kafka://127.0.0.1:1/ticks"))
TOPICS: Any = None  # passed on, and not used here


def batch(sequence: int) -> Batch:
    return Batch(Position(str(sequence)), ticks=[Tick("A", "s", "o", sequence, NOW, NOW, 1.0)])


def reading(silence: float = EMPTY_BATCH_AFTER) -> KafkaRead:
    return KafkaRead(ADDRESS, ReadRequest(Position("0"), limit=10, silence=silence))


async def test_a_slow_readers_batch_survives_the_end_of_its_consumer() -> None:
    slow = reading()
    for sequence in (1, 2, 3):
        slow._ready.append((batch(sequence), []))
    handing = asyncio.create_task(slow._hand_over(TOPICS))
    while not slow._queue.full():  # noqa: ASYNC110 - the queue sends no notification
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    handing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await handing
    read = [slow._queue.get_nowait(), slow._queue.get_nowait()]
    await slow._hand_over(TOPICS)
    assert [*read, slow._queue.get_nowait()] == [batch(1), batch(2), batch(3)]
    assert slow._queue.empty()


async def test_a_batch_survives_a_broker_that_fails_while_its_hole_is_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hole = Gap("s", "o", "r", NOW, "ticks missing", symbol="A", first_sequence=2, last_sequence=4)
    cut = reading()
    cut._ready.append((batch(5), [hole]))

    async def away(*_: object) -> list[Gap]:
        raise StreamUnreachable(ADDRESS.url, "does not answer")

    async def back(*_: object) -> list[Gap]:
        return [hole]

    cut._lookup = HoleLookup(cut._cluster, {}, {})
    monkeypatch.setattr(cut._lookup, "_untold", away)
    with pytest.raises(StreamUnreachable):
        await cut._hand_over(TOPICS)
    assert cut._queue.empty()
    monkeypatch.setattr(cut._lookup, "_untold", back)
    await cut._hand_over(TOPICS)
    handed = cut._queue.get_nowait()
    assert isinstance(handed, Batch)
    assert (list(handed.ticks), list(handed.gaps)) == (list(batch(5).ticks), [hole])


async def test_a_batch_that_arrives_as_silence_ends_comes_before_an_empty_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # An end at once, so that it falls into the turn of the loop in which the batch is put.
    late = reading(silence=0)
    late._ready.append((batch(1), []))
    monkeypatch.setattr(late, "_run", lambda: late._hand_over(TOPICS))
    monkeypatch.setattr(late, "_position", lambda: batch(1).position)
    batches = late.batches()
    assert await anext(batches) == batch(1)
    assert await anext(batches) == Batch(batch(1).position)
    await batches.aclose()
