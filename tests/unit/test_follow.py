from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from msgspec.structs import replace

from tests.waiting import until
from ticker.errors import StreamMissing, StreamUnreachable, StreamUnusable
from ticker.follow import Follow
from ticker.health import Health, StreamState
from ticker.health.reasons import Reason
from ticker.read_loop import QUIET_AFTER
from ticker.records import Batch, Heartbeat, Position, Quote, Tick

NOW = 1_795_447_805_000_000
URL = "sqlite:stand-in.sqlite"

MakeStream = Callable[..., Any]


def quote(symbol: str, sequence: int, price: float) -> Quote:
    return Quote(symbol, "yahoo", NOW, NOW, price, origin="one", sequence=sequence)


BEAT = Heartbeat("one", "w", "yahoo", NOW, NOW, 1_000_000, "ok", 1, 1)


def tick(symbol: str, sequence: int, price: float) -> Tick:
    return Tick(symbol, "yahoo", "one", sequence, NOW, NOW, price)


class Pauses:
    """Returns immediately from each pause, and notes its length."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
        await asyncio.sleep(0)


class Running:
    """A watch that runs, and a way to wait for what it comes to."""

    def __init__(self, watch: Follow) -> None:
        self.watch = watch
        self.seen: list[tuple[StreamState, str | None]] = []

    def on_change(self) -> None:
        self.seen.append((self.watch.state, self.watch.problem))


@asynccontextmanager
async def running(watch: Follow) -> AsyncIterator[Running]:
    run = Running(watch)
    task = asyncio.create_task(watch.run(run.on_change))
    try:
        yield run
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


def make(stream: Any, symbols: list[str] | None = None, pauses: Pauses | None = None) -> Follow:
    return Follow(stream, symbols, clock=lambda: NOW, pause=pauses or Pauses())


async def test_a_late_reader_takes_a_snapshot_and_then_follows(
    stream_in_memory: MakeStream,
) -> None:
    stream = stream_in_memory(Batch(Position("7"), quotes=[quote("AAPL", 4, 10.0)]))
    watch = make(stream)
    async with running(watch):
        stream.put(Batch(Position("8"), ticks=[tick("AAPL", 5, 11.0)]))
        await until(lambda: watch.board.ticks == 1)
    assert stream.read_after == ["7"]
    assert watch.board.row("AAPL").price == 11.0
    assert watch.state is StreamState.OK


async def test_a_missing_stream_is_waited_for_and_checked_often(
    stream_in_memory: MakeStream,
) -> None:
    stream = stream_in_memory(StreamMissing(URL, "no such file"))
    pauses = Pauses()
    watch = make(stream, pauses=pauses)
    async with running(watch):
        await until(lambda: len(pauses.seconds) >= 20)
        assert (watch.state, watch.problem) == (StreamState.MISSING, None)
        stream.told = Batch(Position("1"), quotes=[quote("AAPL", 1, 10.0)])
        await until(lambda: watch.state is StreamState.OK)
    assert set(pauses.seconds) == {0.2}


async def test_reading_resumes_at_its_position_when_the_stream_returns(
    stream_in_memory: MakeStream,
) -> None:
    stream = stream_in_memory(Batch(Position("7"), quotes=[quote("AAPL", 4, 10.0)]))
    watch = make(stream)
    async with running(watch) as run:
        await until(lambda: watch.state is StreamState.OK)
        stream.put(Batch(Position("8"), ticks=[tick("AAPL", 5, 11.0)]))
        stream.put(StreamUnreachable(URL, "does not answer"))
        await until(lambda: (StreamState.UNREACHABLE, "does not answer") in run.seen)
        stream.put(Batch(Position("9"), ticks=[tick("AAPL", 6, 12.0)]))
        await until(lambda: watch.board.ticks == 2)
        assert (watch.state, watch.problem, watch.next_try) == (StreamState.OK, None, None)
    assert stream.read_after == ["7", "8"]


async def test_a_stream_that_is_back_is_healthy_before_new_ticks_come(
    stream_in_memory: MakeStream,
) -> None:
    stream = stream_in_memory(Batch(Position("7"), quotes=[quote("AAPL", 4, 10.0)]))
    watch = Follow(stream, clock=lambda: NOW, elapsed=lambda: 0, pause=Pauses())
    async with running(watch):
        await until(lambda: watch.state is StreamState.OK)
        stream.put(StreamUnreachable(URL, "does not answer"))
        await until(lambda: watch.state is StreamState.UNREACHABLE)
        stream.put(Batch(Position("7")))
        await until(lambda: watch.state is StreamState.OK)


async def test_the_snapshots_sequences_are_passed_to_each_reading_until_one_advances(
    stream_in_memory: MakeStream,
) -> None:
    known = {("one", "AAPL"): 4}
    stream = stream_in_memory(Batch(Position("7"), last_seen=known))
    watch = make(stream)
    async with running(watch):
        await until(lambda: len(stream.read_after) == 1)
        stream.put(Batch(Position("7")))  # silence
        stream.put(StreamUnreachable(URL, "does not answer"))
        await until(lambda: len(stream.read_after) == 2)
        stream.put(Batch(Position("8"), ticks=[tick("AAPL", 5, 11.0)]))
        stream.put(StreamUnreachable(URL, "does not answer"))
        await until(lambda: len(stream.read_after) == 3)
    assert stream.read_after == ["7", "7", "8"]
    assert stream.read_last_seen == [known, known, {}]


async def test_a_reading_that_cannot_resume_starts_from_a_new_snapshot(
    stream_in_memory: MakeStream,
) -> None:
    stream = stream_in_memory(Batch(Position("7"), quotes=[quote("AAPL", 4, 10.0)]))
    watch = make(stream)
    async with running(watch):
        await until(lambda: watch.state is StreamState.OK)
        stream.told = Batch(Position("1"), quotes=[quote("MSFT", 1, 5.0)])
        stream.put(StreamUnreachable(URL, "gone"))
        stream.put(StreamUnusable(URL, "another log"))
        await until(lambda: "MSFT" in watch.board.symbols)
    assert stream.read_after[:2] == ["7", "7"]
    assert stream.read_after[-1] == "1"


async def test_the_pauses_between_attempts_grow_and_are_bounded(
    stream_in_memory: MakeStream,
) -> None:
    stream = stream_in_memory(StreamUnreachable(URL, "does not answer"))
    pauses = Pauses()
    watch = make(stream, pauses=pauses)
    async with running(watch):
        await until(lambda: len(pauses.seconds) >= 8)
        assert watch.next_try == NOW + 15_000_000
    assert pauses.seconds[:7] == [0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0]


async def test_no_next_try_is_shown_while_the_stream_is_being_asked(
    stream_in_memory: MakeStream,
) -> None:
    stream = stream_in_memory(StreamUnreachable(URL, "does not answer"))
    watch = make(stream)
    told: list[int | None] = []
    ask = stream.snapshot

    async def snapshot() -> Any:
        told.append(watch.next_try)
        return await ask()

    stream.snapshot = snapshot
    async with running(watch):
        await until(lambda: len(told) >= 3)
        assert (watch.state, set(told)) == (StreamState.UNREACHABLE, {None})


async def test_an_unreadable_stream_is_called_unreadable(stream_in_memory: MakeStream) -> None:
    watch = make(stream_in_memory(StreamUnusable(URL, "not a log of ticker")))
    async with running(watch):
        await until(lambda: watch.state is StreamState.UNUSABLE)
        assert watch.problem == "not a log of ticker"


async def test_a_stream_is_empty_until_something_is_in_it(
    stream_in_memory: MakeStream,
) -> None:
    stream = stream_in_memory()
    watch = make(stream)
    async with running(watch):
        await until(lambda: watch.state is StreamState.EMPTY)
        stream.put(Batch(Position("1"), ticks=[tick("AAPL", 1, 10.0)]))
        await until(lambda: watch.state is StreamState.OK)


async def test_the_health_of_a_silent_stream_is_checked(
    stream_in_memory: MakeStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ticker.follow._HEALTH_EVERY", 0.001)
    stream = stream_in_memory(Batch(Position("7"), quotes=[quote("AAPL", 4, 10.0)]))
    now = NOW
    watch = Follow(stream, clock=lambda: NOW - now, elapsed=lambda: now)
    async with running(watch):
        await until(lambda: watch.state is StreamState.OK)
        now += QUIET_AFTER
        stream.state = Health(URL, StreamState.UNREACHABLE, problem="the broker is away")
        await until(lambda: watch.state is StreamState.UNREACHABLE)
        assert watch.problem == "the broker is away"
        stream.put(Batch(Position("7")))  # "still here" is no news of the broker
        stream.state = Health(URL, StreamState.OK)
        await until(lambda: watch.state is StreamState.OK)
        assert watch.problem is None


async def test_a_stream_is_away_while_its_health_check_gets_no_answer(
    stream_in_memory: MakeStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ticker.follow._HEALTH_EVERY", 0.001)
    monkeypatch.setattr("ticker.follow._AT_ONCE", 0.001)
    stream = stream_in_memory(Batch(Position("7"), heartbeats=[BEAT]))
    now = NOW
    watch = Follow(stream, clock=lambda: NOW, elapsed=lambda: now)
    answers = asyncio.Event()
    health = stream.health

    async def ask() -> Health:
        await answers.wait()
        found: Health = await health()
        return found

    monkeypatch.setattr(stream, "health", ask)
    async with running(watch):
        await until(lambda: watch.state is StreamState.OK)
        now += QUIET_AFTER
        stream.state = Health(URL, StreamState.UNREACHABLE, problem="does not answer")
        await until(lambda: watch.state is StreamState.UNREACHABLE)
        assert watch.problem == "does not answer"
        now += 60_000_000
        stream.state = Health(URL, StreamState.OK)
        answers.set()
        await until(lambda: watch.state is StreamState.OK)
        # Nothing was read. That does not make a writer gone.
        [writer] = watch.board.writers.at(now)
        assert writer.reason is Reason.STREAM_AWAY


async def test_changed_symbols_are_read_from_the_streams_present_position(
    stream_in_memory: MakeStream,
) -> None:
    both = [quote("AAPL", 4, 10.0), quote("MSFT", 9, 5.0)]
    stream = stream_in_memory(Batch(Position("7"), quotes=both))
    watch = make(stream, ["AAPL"])
    async with running(watch):
        await until(lambda: watch.state is StreamState.OK)
        watch.choose(["MSFT", "AAPL"])
        stream.put(Batch(Position("8")))
        await until(lambda: watch.board.row("MSFT").price == 5.0)
        stream.put(Batch(Position("9"), ticks=[tick("AAPL", 5, 11.0), tick("MSFT", 9, 5.0)]))
        await until(lambda: watch.board.ticks == 1)
    assert stream.read_after == ["7", "8"]
    assert stream.read_symbols == [["AAPL"], ["MSFT", "AAPL"]]
    assert [row.symbol for row in watch.board.rows()] == ["MSFT", "AAPL"]


async def test_a_single_read_gives_the_rows_and_does_not_wait(stream_in_memory: MakeStream) -> None:
    stream = stream_in_memory(Batch(Position("7"), quotes=[quote("AAPL", 4, 10.0)]))
    board = await make(stream).snapshot()
    assert [row.price for row in board.rows()] == [10.0]
    with pytest.raises(StreamMissing):
        await make(stream_in_memory(StreamMissing(URL, "no such file"))).snapshot()


async def test_a_heartbeat_alone_fills_an_empty_stream(stream_in_memory: MakeStream) -> None:
    beat = Heartbeat("one", "w", "yahoo", NOW, NOW, 1_000_000, "ok", 1, 0, {"ADH": "no price"})
    watch = make(stream_in_memory(Batch(Position("1"), heartbeats=[beat])), ["ADH"])
    await watch.snapshot()
    assert watch.state is StreamState.OK
    assert watch.board.age(watch.board.row("ADH"), NOW).detail == "no price"


def test_board_and_follow_load_neither_the_screen_nor_a_source() -> None:
    code = (
        "import sys, ticker.board, ticker.follow, ticker.figures, ticker.escape;"
        "heavy = {'textual', 'rich', 'yfinance', 'pandas', 'apsw', 'aiohttp'} & set(sys.modules);"
        "sys.exit(repr(heavy) if heavy else 0)"
    )
    ended = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize("step", [-3_600_000_000, 3_600_000_000])
async def test_a_clock_that_steps_neither_kills_a_poller_nor_revives_one(
    stream_in_memory: MakeStream, step: int
) -> None:
    wall, elapsed = NOW, 0
    stream = stream_in_memory(Batch(Position("7"), heartbeats=[BEAT]))
    watch = Follow(stream, clock=lambda: wall, elapsed=lambda: elapsed)

    def reason() -> Reason:
        [writer] = watch.board.writers.at(elapsed)
        return writer.reason

    async with running(watch):
        await until(lambda: watch.state is StreamState.OK)
        wall += step
        elapsed += 4_000_000
        assert reason() is Reason.FRESH
        elapsed += 1_000_000
        assert reason() is Reason.POLLER_STOPPED
        stream.put(Batch(Position("8"), heartbeats=[replace(BEAT, received=NOW - 7_200_000_000)]))
        await until(lambda: reason() is Reason.FRESH)


async def test_a_heartbeat_ahead_of_the_clock_in_a_snapshot_proves_no_poller(
    stream_in_memory: MakeStream,
) -> None:
    later = replace(BEAT, received=NOW + 3_600_000_000)
    watch = make(stream_in_memory(Batch(Position("7"), heartbeats=[later])))
    await watch.snapshot()
    [writer] = watch.board.writers.at(watch.elapsed())
    assert writer.reason is Reason.UNKNOWN
