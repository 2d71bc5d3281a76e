# ruff: noqa: S608, T201, ASYNC110, ASYNC240 - a query over our own columns; a bench prints its
# figures, and looks at a player now and then
"""The player: pace, seeks, steps, rate and memory. `pytest -m bench -s`."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from tests.played import Clock, playing, write
from ticker.play import Player, Span, load
from ticker.play.cursor import Cursor
from ticker.play.schedule import MAX_SPEED
from ticker.records import MAX_TIME, TICK_FIELDS, Tick
from ticker.streams.recording import Recorder, RecordingStream
from ticker.streams.recording.layout import value
from ticker.streams.recording.reading import RecordingReader
from ticker.system_clock import monotonic
from ticker.units import MINUTE, SECOND

pytestmark = pytest.mark.bench

START = 1_795_447_805_000_000


@pytest.fixture(scope="module")
def hour(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An hour of 200 symbols, twenty of them rare: a million ticks."""
    return market(tmp_path_factory.mktemp("recording") / "hour.parquet", 1_000_000)


@pytest.fixture(scope="module")
def ten_hours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same for ten hours: ten million ticks."""
    return market(tmp_path_factory.mktemp("recording") / "ten_hours.parquet", 10_000_000)


def market(path: Path, rows: int) -> Path:
    """Write a recording of so many ticks."""
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
                  FROM range({rows}) t(n)) u
            """
        )
        recorder.ticks = rows
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


class Playing:
    """A player that runs in the background, with waits for what it shows."""

    def __init__(self, player: Player) -> None:
        self.player = player
        self._changed = asyncio.Event()
        self._running = asyncio.create_task(player.run(self._changed.set))

    async def until(self, is_there: Callable[[], bool]) -> None:
        """Wait until that is so and no seek is under way."""
        while not is_there() or self.player._deck._target is not None:
            self._changed.clear()
            await self._changed.wait()

    async def at(self, time_: int) -> None:
        """Wait until that time is shown (µs, UTC)."""
        await self.until(lambda: self.player.time == self.player.clock() == time_)

    async def end(self) -> None:
        self._running.cancel()
        with suppress(asyncio.CancelledError):
            await self._running


async def test_ten_million_ticks_open_within_a_second_and_a_seek_takes_a_moment(
    ten_hours: Path,
) -> None:
    async with RecordingStream(ten_hours) as tape:
        begin = time.perf_counter()
        player = Player(await load(tape, Span()), 1.0, is_paused=True)
        playing = Playing(player)
        await playing.at(player.start)
        first_frame = time.perf_counter() - begin
        print(f"\nfirst frame after {first_frame:.2f} s")
        while not player.marks:
            await asyncio.sleep(0.05)
        choose = random.Random(7)  # noqa: S311
        seeks, steps = [], []
        for _ in range(100):
            target = choose.randrange(player.start, player.end)
            begin = time.perf_counter()
            player.seek(target)
            await playing.at(target)
            seeks.append((time.perf_counter() - begin) * SECOND)
            before = player.time
            begin = time.perf_counter()
            player.step(["SYM1", "SYM190"], forward=True)  # a usual and a rare one
            await playing.until(lambda before=before: player.time > before)  # type: ignore[misc]  # mypy cannot infer it
            steps.append((time.perf_counter() - begin) * SECOND)
        await playing.end()
    print(f"seek: {spread(seeks)}; step: {spread(steps)}")
    assert first_frame < 1.0
    assert sorted(steps)[98] < 100_000
    assert sorted(seeks)[98] < 100_000


async def test_memory_is_flat_while_an_hour_plays(hour: Path) -> None:
    async with RecordingStream(hour) as tape:
        player = Player(await load(tape, Span()), MAX_SPEED)
        playing = Playing(player)
        sizes = []
        while not player.has_ended:
            await asyncio.sleep(0.5)
            sizes.append(int(Path("/proc/self/statm").read_text().split()[1]) * 4_096 / 1e6)
        await playing.end()
    print(f"memory at max: {sizes[0]:.0f} MB at first, {max(sizes):.0f} MB at most")
    assert max(sizes) < sizes[0] + 80


async def test_ticks_are_read_nearly_as_quickly_as_rows_are_fetched(hour: Path) -> None:
    values = ", ".join(map(value, TICK_FIELDS))

    def bare() -> float:
        begin = time.process_time()
        with RecordingReader(hour) as reader:
            rows = len(reader.ask(f"SELECT {values} FROM {reader.source}"))
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
