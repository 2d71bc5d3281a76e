# ruff: noqa: S608, T201, ASYNC110, ASYNC240 - a query over our own columns; a bench prints its
# figures, and looks at a player now and then
"""The player: pace, seeks, steps, rate and memory. `pytest -m bench -s`."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from tests.played import Clock, playing, write
from ticker.play import MAX, Player, Span, load
from ticker.play.cursor import Cursor
from ticker.records import MAX_TIME, Tick
from ticker.streams.recording import Recorder, RecordingStream
from ticker.streams.recording.layout import VALUES
from ticker.streams.recording.reading import RecordingReader
from ticker.system_clock import monotonic
from ticker.units import MINUTE, SECOND

pytestmark = pytest.mark.bench

START = 1_795_447_805_000_000
ROWS = 1_000_000
SYMBOLS = 200


@pytest.fixture(scope="module")
def hour(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An hour of 200 symbols, twenty of them rare."""
    path = tmp_path_factory.mktemp("recording") / "hour.parquet"
    with Recorder(path) as recorder:
        recorder.connection.execute(
            f"""
            INSERT INTO staged
            SELECT 'SYM' || s, 'exchange', 'k3v9xq2m',
                row_number() OVER (PARTITION BY s ORDER BY n),
                make_timestamptz(a), make_timestamptz(a + 300), price, price - 0.01,
                round(price - 100, 2), round(price - 100, 3), n * 7, price - 0.01, price + 0.01,
                'USD', 'regular', NULL, true, n
            FROM (SELECT n, {START} + n * 3_600 AS a,
                         CASE WHEN n % 2_000 = 0 THEN 180 + n // 2_000 % 20 ELSE n % 180 END AS s,
                         round(100 + n % 180 + sin(n / 5_000.0), 2) AS price
                  FROM range({ROWS}) t(n)) u
            """
        )
        recorder.ticks = ROWS
        recorder.finish()
    return path


def uneven(length: int) -> list[Tick]:
    """Ticks over `length` µs: bursts of 50 in a moment, single ones, and silences."""
    choose = random.Random(7)  # noqa: S311
    ticks: list[Tick] = []
    at = START
    while at < START + length:
        for _ in range(choose.choice([1, 1, 1, 50])):
            n = len(ticks) + 1
            ticks.append(Tick("A", "test", "o", n, at, at + choose.randrange(300), 100.0 + n))
        at += choose.choice([2_000, 50_000, 400_000, 8 * SECOND])
    return ticks


def spread(errors: Sequence[float]) -> str:
    """p50, p99 and the largest (ms)."""
    found = sorted(errors)
    p50, p99 = found[len(found) // 2], found[len(found) * 99 // 100]
    return f"p50 {p50 / 1000:.2f} ms, p99 {p99 / 1000:.2f} ms, largest {found[-1] / 1000:.2f} ms"


def errors_of(player: Player, elapsed: int, began: int, speed: float) -> float:
    """How late what is shown now was shown (µs)."""
    assert player.board.received is not None
    return elapsed - began - (player.board.received - player.start) / speed


@pytest.mark.parametrize("speed", [1.0, 10.0, 100.0])
async def test_ten_minutes_keep_their_pace(tmp_path: Path, speed: float) -> None:
    clock, errors = Clock(), []
    tape = write(tmp_path / "uneven.parquet", uneven(10 * MINUTE))
    async with playing(tape, clock, speed=speed) as player:
        seen = player.board.ticks
        while not player.has_ended:
            await clock.advance(round(SECOND / 200))
            if player.board.ticks != seen:
                seen = player.board.ticks
                errors.append(errors_of(player, clock.elapsed, 0, speed))
    # A burst is shown when it is whole: up to a millisecond late, and as late as the test looks.
    print(f"\n×{speed:g}: {spread(errors)}, of which 5 ms are the test's own")
    assert max(errors) <= 6_100


async def test_ten_seconds_keep_their_pace_on_a_true_clock(tmp_path: Path) -> None:
    errors: list[float] = []
    async with write(tmp_path / "true.parquet", uneven(10 * SECOND)) as tape:
        player = Player(await load(tape, Span()), 1.0)
        seen = began = 0

        def note() -> None:
            nonlocal seen, began
            if not began and player.board.ticks:
                began = monotonic()
            elif player.board.ticks != seen:
                errors.append(errors_of(player, monotonic(), began, 1.0))
            seen = player.board.ticks

        running = asyncio.create_task(player.run(note))
        while not player.has_ended:
            await asyncio.sleep(0.1)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
    print(f"\ntrue clock: {spread(errors)}")
    assert sorted(errors)[len(errors) // 2] < 20_000  # a busy machine is late at times


async def test_a_seek_is_quick_and_memory_is_flat(hour: Path) -> None:
    async with RecordingStream(hour) as tape:
        begin = time.perf_counter()
        player = Player(await load(tape, Span()), 1.0, is_paused=True)
        changed = asyncio.Event()
        running = asyncio.create_task(player.run(changed.set))

        async def until(time_: int) -> None:
            while (
                player.time != time_ or player.clock() != time_ or player._deck._target is not None
            ):
                changed.clear()
                await changed.wait()

        await until(player.start)
        print(f"\nfirst frame after {time.perf_counter() - begin:.2f} s")
        while not player.marks:
            await asyncio.sleep(0.05)
        seeks = []
        choose = random.Random(7)  # noqa: S311
        for _ in range(40):
            target = choose.randrange(player.start, player.end)
            begin = time.perf_counter()
            player.seek(target)
            await until(target)
            seeks.append((time.perf_counter() - begin) * SECOND)
        print(f"seek: {spread(seeks)}")
        player.seek(player.start)
        await until(player.start)
        player.toggle()
        player.set_speed(MAX)
        sizes = []
        while not player.has_ended:
            await asyncio.sleep(0.5)
            sizes.append(int(Path("/proc/self/statm").read_text().split()[1]) * 4_096 / 1e6)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
    print(f"memory at max: {sizes[0]:.0f} MB at first, {max(sizes):.0f} MB at most")
    assert max(sizes) < sizes[0] + 80


async def test_ticks_are_read_nearly_as_quickly_as_rows_are_fetched(hour: Path) -> None:
    def bare() -> float:
        begin = time.process_time()
        with RecordingReader(hour) as reader:
            rows = len(reader.ask(f"SELECT {VALUES} FROM {reader.source}"))
        return rows / (time.process_time() - begin)

    async def ours() -> float:
        begin, ticks = time.process_time(), 0
        async with RecordingStream(hour) as tape:
            cursor = Cursor(await load(tape, Span()))
            await cursor.seek(START - 1)
            while not cursor.is_at_end:
                await cursor.fill()
                ticks += len(cursor.take(MAX_TIME).ticks)
            await cursor.close()
        return ticks / (time.process_time() - begin)

    pairs = [(bare(), await ours()) for _ in range(3)]
    theirs, mine = (max(column) for column in zip(*pairs, strict=True))
    print(f"\nto nowhere: {mine:,.0f} ticks/s; bare rows: {theirs:,.0f}/s")
    assert mine >= 0.4 * theirs
