"""The last day of a stream, where it holds more ticks than are read."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.played import write
from ticker.records import Batch, Tick
from ticker.streams.history import last_day
from ticker.streams.memory import MemoryLog
from ticker.streams.protocol import Stream
from ticker.streams.recording import RecordingStream
from ticker.units import HOUR

NOW = 1_795_447_805_000_000


def tick(symbol: str, sequence: int, hours: float) -> Tick:
    """A tick of so many hours ago."""
    at = NOW - round(hours * HOUR)
    return Tick(symbol, "test", "o", sequence, at, at, 1.0)


def a_day() -> list[Tick]:
    """A each two hours, from 30 hours ago to now; B at 30, 20, 10 and 1 hours ago."""
    often = [tick("A", n + 1, 30 - 2 * n) for n in range(16)]
    rare = [tick("B", n + 1, hours) for n, hours in enumerate((30, 20, 10, 1))]
    return sorted([*often, *rare], key=lambda one: one.received)


async def told(stream: Stream, symbol: str, most: int, time: int = NOW) -> list[int]:
    found = last_day(stream, time, [symbol], most=most)
    return [tick.sequence async for batch in found for tick in batch.ticks]


@pytest.mark.parametrize("is_tape", [False, True])
async def test_only_the_chosen_symbols_count_and_nothing_is_older_than_a_day(
    tmp_path: Path, is_tape: bool
) -> None:
    if is_tape:
        stream: Stream = write(tmp_path / "a.parquet", a_day())
    else:
        async with MemoryLog("memory:history") as log:
            await log.append(Batch(ticks=a_day()))
        stream = log
    async with stream:
        assert await told(stream, "A", 99) == list(range(4, 17))
        assert await told(stream, "A", 5) == list(range(12, 17))
        # A busy neighbour takes nothing from it, and its few ticks do not reach back further.
        assert await told(stream, "B", 4) == [2, 3, 4]
        assert await told(stream, "B", 2) == [3, 4]


async def test_on_a_tape_the_newest_ticks_are_those_before_the_moment(tmp_path: Path) -> None:
    tape: RecordingStream = write(tmp_path / "a.parquet", a_day())
    async with tape:
        then = NOW - 9 * HOUR
        assert await told(tape, "B", 2, then) == [2, 3]
        assert await told(tape, "A", 3, then) == [9, 10, 11]
        assert await told(tape, "A", 99, then) == list(range(1, 12))
