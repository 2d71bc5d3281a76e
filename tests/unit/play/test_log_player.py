"""What a replay writes into a log, and when. The test moves the clocks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from ticker.play import LogPlayer, NothingToPlay, Span, load, session_start
from ticker.play.schedule import MAX_SPEED
from ticker.records import Batch, Heartbeat, Quote, Tick
from ticker.streams.recording import Recorder, RecordingStream
from ticker.streams.sqlite import SqliteLog
from ticker.units import SECOND

TAPE = 1_795_447_805_000_000
NOW = TAPE + 86_400_000_000


def tick(sequence: int, received: int, symbol: str = "A") -> Tick:
    at = TAPE + received
    return Tick(symbol, "yahoo", "one", sequence, at, at, 100.0 + sequence, simulated=True)


def last_quote(sequence: int, received: int, symbol: str = "A") -> Quote:
    """Return the recorded stream's quote, with the last price."""
    at = TAPE + received
    return Quote(
        symbol,
        "yahoo",
        at,
        at,
        100.0 + sequence,
        "one",
        sequence,
        name="Apple",
        price_hint=3,
        day_high=999.0,
        previous_close=77.0,
        simulated=True,
    )


class Kept(SqliteLog):
    """A log that notes each append."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.appends: list[list[int]] = []
        self.quotes: list[Quote] = []
        self.beats: list[Heartbeat] = []

    async def append(self, batch: Batch) -> Any:
        if batch.ticks:
            self.appends.append([each.sequence for each in batch.ticks])
        self.quotes += batch.quotes
        self.beats += batch.heartbeats
        return await super().append(batch)


class Clock:
    """Moves when a task sleeps; `at` calls a function at its time (µs)."""

    def __init__(self) -> None:
        self.elapsed = 0
        self.calls: list[tuple[int, Callable[[], None]]] = []

    def at(self, when: int, call: Callable[[], None]) -> None:
        self.calls.append((when, call))

    async def rest(self, nudge: asyncio.Event, seconds: float) -> None:
        end = self.elapsed + max(1, round(seconds * SECOND))
        for when, call in [each for each in self.calls if each[0] <= end]:
            self.calls.remove((when, call))
            self.elapsed = max(self.elapsed, when)
            call()
            if nudge.is_set():
                return
        self.elapsed = end


class Replay:
    """A recording, and a player of it into a log that notes."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "source.parquet"
        self.log = Kept(folder / "log.sqlite")
        self.clock = Clock()
        self.times: list[int] = []

    @property
    def source(self) -> RecordingStream:
        return RecordingStream(self.path)

    def record(self, *ticks: Tick, quotes: tuple[Quote, ...] = ()) -> None:
        with Recorder(self.path) as recorder:
            recorder.tell(quotes, fixed_only=True)
            recorder.add(ticks)
            recorder.tell(quotes)
            recorder.finish()

    def stop(self) -> None:
        self.player.stop()

    async def play(self, speed: float = 1.0, span: Span | None = None) -> LogPlayer:
        async with self.source as source, self.log as log:
            player = self.player = LogPlayer(
                await load(source, span or Span()),
                log,
                speed,
                clock=lambda: NOW,
                elapsed=lambda: self.clock.elapsed,
                rest=self.clock.rest,
                on_change=lambda: self.times.append(self.clock.elapsed),
            )
            await player.run()
        return player


@pytest.fixture
def replay(tmp_path: Path) -> Replay:
    return Replay(tmp_path)


async def test_ticks_come_at_the_pace_at_which_they_were_received(replay: Replay) -> None:
    replay.record(tick(1, 0), tick(2, 3 * SECOND), tick(3, 4 * SECOND))
    player = await replay.play()
    assert replay.log.appends == [[1], [2], [3]]
    assert 4 * SECOND <= replay.clock.elapsed < 4.01 * SECOND
    assert (player.ticks, player.time) == (3, TAPE + 4 * SECOND)


async def test_ten_times_as_fast_takes_a_tenth_of_the_time(replay: Replay) -> None:
    replay.record(tick(1, 0), tick(2, 40 * SECOND))
    await replay.play(10.0)
    assert 4 * SECOND <= replay.clock.elapsed < 4.01 * SECOND


async def test_a_burst_stays_whole_across_read_boundaries(replay: Replay) -> None:
    burst = [tick(n, SECOND) for n in range(2, 12_002)]  # more than is read at once
    replay.record(tick(1, 0), *burst, tick(12_002, 2 * SECOND))
    await replay.play()
    assert [len(each) for each in replay.log.appends] == [1, 12_000, 1]


async def test_no_quote_reveals_later_facts(replay: Replay) -> None:
    replay.record(
        tick(1, 0), tick(2, SECOND), tick(3, 2 * SECOND), quotes=(last_quote(3, 2 * SECOND),)
    )
    await replay.play()
    told = [(q.sequence, q.price, q.name, q.price_hint) for q in replay.log.quotes]
    assert told == [(n, 100.0 + n, "Apple", 3) for n in (1, 2, 3)]
    assert [q.received for q in replay.log.quotes] == [TAPE, TAPE + SECOND, TAPE + 2 * SECOND]
    assert [q.day_high for q in replay.log.quotes] == [None, None, None]
    assert [q.previous_close for q in replay.log.quotes] == [None, None, 77.0]


async def test_the_last_price_before_the_span_is_known_from_the_start(
    replay: Replay,
) -> None:
    replay.record(
        tick(1, 0),
        tick(2, SECOND),
        tick(1, SECOND, "B"),
        tick(3, 5 * SECOND),
        quotes=(last_quote(3, 9 * SECOND),),
    )
    await replay.play(span=Span(since=TAPE + 2 * SECOND))
    known = {(q.symbol, q.sequence, q.price) for q in replay.log.quotes[:2]}
    assert known == {("A", 2, 102.0), ("B", 1, 101.0)}
    assert replay.log.appends == [[3]]


async def test_heartbeats_carry_the_tapes_time_and_speed(replay: Replay) -> None:
    replay.record(tick(1, 0), tick(2, 30 * SECOND))
    await replay.play(10.0)
    beats = replay.log.beats
    assert [beat.state for beat in beats] == ["replaying"] * (len(beats) - 1) + ["stopped"]
    assert {beat.speed for beat in beats} == {10.0}
    tape = [(beat.tape_time or 0) - TAPE for beat in beats]
    assert tape[0] == 0
    assert tape == sorted(tape)
    assert tape[-1] == 30 * SECOND
    steps = [later - sooner for sooner, later in pairwise(tape)]
    assert max(steps) <= 5.1 * SECOND  # half a second of ours each


async def test_a_stopped_replay_leaves_the_rest_unsent(replay: Replay) -> None:
    replay.record(tick(1, 0), tick(2, 3_600 * SECOND))
    replay.clock.at(SECOND, replay.stop)
    await replay.play()
    assert replay.log.appends == [[1]]
    assert replay.log.beats[-1].state == "stopped"


async def test_at_max_speed_everything_is_played_at_once(replay: Replay) -> None:
    replay.record(tick(1, 0), tick(2, 3_600 * SECOND))
    await replay.play(MAX_SPEED)
    assert replay.clock.elapsed == 0
    assert replay.log.beats[-1].speed == 0


async def test_a_span_without_a_tick_is_nothing_to_play(replay: Replay) -> None:
    replay.record(tick(1, 0))
    async with replay.source as source:
        with pytest.raises(NothingToPlay):
            await load(source, Span(since=TAPE + 1))


@pytest.mark.parametrize(
    ("received", "begins"),
    [
        ([0, 10], 0),
        ([0, 10, 1_800, 1_810], 0),  # half an hour less 10 s after the tick before
        ([0, 10, 1_810, 1_820], 1_810),
        ([0, 2_000, 4_000], 4_000),
        ([0, 90_000, 90_010], 90_000),  # more than a day before
        (list(range(0, 200_000, 1_000)), 0),  # one session of more than two days
    ],
)
async def test_the_last_session_begins_after_the_last_half_hour_of_silence(
    replay: Replay, received: list[int], begins: int
) -> None:
    replay.record(*[tick(n, at * SECOND) for n, at in enumerate(received, 1)])
    last = TAPE + received[-1] * SECOND
    assert session_start(replay.source, last, Span()) == TAPE + begins * SECOND
