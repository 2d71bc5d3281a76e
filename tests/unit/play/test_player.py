"""What a player shows, and when. The test moves the clock."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.played import Clock, playing, shown, write
from tests.waiting import until
from ticker.board import Board
from ticker.board.alert_rules import parse_alert
from ticker.feed import MarkKind
from ticker.health import StreamState
from ticker.play import Player, Span, load
from ticker.play.cursor import Cursor
from ticker.play.marks import alerts_met
from ticker.play.schedule import MAX_SPEED
from ticker.records import Gap, Quote, Tick
from ticker.streams.recording import RecordingStream
from ticker.units import SECOND

NOW = 1_795_447_805_000_000


def tick(symbol: str, sequence: int, after: float, price: float = 0, **other: object) -> Tick:
    at = NOW + round(after * SECOND)
    before = None if sequence == 1 else price or 99.0 + sequence
    return Tick(
        symbol, "test", "o", sequence, at, at, price or 100.0 + sequence, before, **other  # type: ignore[arg-type]  # by name
    )  # fmt: skip


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tape(tmp_path: Path) -> RecordingStream:
    """A each second from 0 to 20; B at 5 and 15."""
    ticks = [tick("A", n + 1, n) for n in range(21)] + [tick("B", 1, 5), tick("B", 2, 15)]
    return write(tmp_path / "a.parquet", sorted(ticks, key=lambda one: one.received))


def price(player: Player, symbol: str = "A") -> float | None:
    return player.board.row(symbol).price


def at(player: Player) -> float:
    """Return the tape time (s since its start)."""
    return (player.time - NOW) / SECOND


async def test_ticks_appear_at_the_pace_at_which_they_were_received(
    tape: RecordingStream, clock: Clock
) -> None:
    async with playing(tape, clock) as player:
        assert (price(player), player.board.symbols, player.board.ticks) == (101.0, ["A"], 1)
        await clock.advance(2 * SECOND)
        assert price(player) == 103.0
        await clock.advance(SECOND - 1)
        assert price(player) == 103.0
        assert player.time == NOW + 3 * SECOND - 1
        await clock.advance(1)
        assert price(player) == 104.0
        assert player.clock() == NOW + 3 * SECOND


async def test_the_end_is_shown_and_space_plays_the_tape_again(
    tape: RecordingStream, clock: Clock
) -> None:
    async with playing(tape, clock, speed=10.0) as player:
        await clock.advance(3 * SECOND)
        assert (player.has_ended, at(player), player.board.ticks) == (True, 20, 23)
        assert player.tape is not None
        assert player.tape.has_ended
        player.toggle()
        await clock.settle()
        assert (player.has_ended, at(player), price(player)) == (False, 0, 101.0)


async def test_a_pause_stops_the_tape_and_a_new_speed_counts_from_now(
    tape: RecordingStream, clock: Clock
) -> None:
    async with playing(tape, clock, is_paused=True) as player:
        await clock.advance(9 * SECOND)
        assert (at(player), price(player), player.reached) == (0, 101.0, None)
        player.toggle()
        await clock.advance(2 * SECOND)
        player.set_speed(5.0)
        await clock.advance(SECOND)
        assert (at(player), price(player)) == (7, 108.0)
        assert player.reached == pytest.approx(5.0, rel=0.2)
        player.set_speed(MAX_SPEED)
        await clock.advance(1)
        assert player.has_ended


async def test_faster_and_slower_step_through_the_speeds(
    tape: RecordingStream, clock: Clock
) -> None:
    async with playing(tape, clock, is_paused=True) as player:

        def climb(begin: float, move: Callable[[], None], times: int) -> list[float]:
            player.set_speed(begin)
            found = []
            for _ in range(times):
                move()
                found.append(player.speed)
            return found

        assert climb(0.1, player.faster, 10) == [0.25, 0.5, 1, 2, 5, 10, 30, 60, 0, 0]
        assert climb(0, player.slower, 10) == [60, 30, 10, 5, 2, 1, 0.5, 0.25, 0.1, 0.1]
        assert climb(3, player.faster, 1) == [5]
        assert climb(1_000, player.slower, 1) == [60]


async def test_a_seek_shows_the_last_known_prices_of_that_time(
    tape: RecordingStream, clock: Clock
) -> None:
    async with playing(tape, clock) as player:
        await clock.advance(6 * SECOND)
        before = shown(player.board)
        player.seek(NOW + 17 * SECOND)
        assert at(player) == 17
        await clock.settle()
        assert (price(player), price(player, "B"), player.board.ticks) == (118.0, 102.0, 20)
        player.seek(NOW + 2 * SECOND)
        await clock.settle()
        assert (price(player), player.board.symbols, player.board.ticks) == (103.0, ["A"], 3)
        assert player.seeks == 2
        for _ in range(3):
            player.undo()
        assert player.seeks == 0
        await clock.settle()
        assert at(player) == 6
        assert shown(player.board) == before
        player.seek(0)
        await clock.settle()
        assert at(player) == 0
        player.seek(NOW + 99 * SECOND)
        await clock.settle()
        assert (at(player), player.board.ticks) == (20, 23)


async def test_steps_go_from_tick_to_tick_of_the_symbols_on_screen(
    tape: RecordingStream, clock: Clock
) -> None:
    async with playing(tape, clock) as player:
        missed: list[bool] = []

        async def step(symbols: list[str], *, forward: bool) -> float:
            player.step(symbols, forward=forward, on_none=lambda: missed.append(forward))
            await clock.settle()
            return at(player)

        assert player.to_come == {"B"}
        assert await step(["B"], forward=True) == 5
        assert not player.to_come
        assert player.is_paused
        assert (price(player), price(player, "B")) == (106.0, 101.0)
        assert await step(["A"], forward=True) == 6
        assert await step(["A"], forward=False) == 5
        assert await step(["B"], forward=True) == 15
        assert not missed
        assert await step(["B"], forward=True) == 15
        assert await step(["A", "B"], forward=False) == 14
        assert await step(["B"], forward=False) == 5
        assert await step(["B"], forward=False) == 5
        assert await step([], forward=True) == 5
        assert missed == [True, False, True]


async def test_a_section_is_repeated_until_it_is_switched_off(
    tape: RecordingStream, clock: Clock
) -> None:
    async with playing(tape, clock) as player:
        await clock.advance(2 * SECOND)
        player.cycle_loop()
        assert (player.loop_from, player.loop_to) == (NOW + 2 * SECOND, None)
        await clock.advance(3 * SECOND)
        player.cycle_loop()
        assert player.loop_to == NOW + 5 * SECOND
        await clock.settle()
        assert at(player) == 2
        await clock.advance(2 * SECOND)
        assert (at(player), price(player)) == (4, 105.0)
        await clock.advance(2 * SECOND)
        assert (at(player), price(player)) == (3, 104.0)
        player.cycle_loop()
        await clock.advance(4 * SECOND)
        assert at(player) == 7
        assert player.loop_from is player.loop_to is None


async def test_the_whole_tape_is_repeated_after_its_end_was_shown(
    tape: RecordingStream, clock: Clock
) -> None:
    async with playing(tape, clock, loop=True) as player:
        await clock.advance(21 * SECOND)
        assert (at(player), player.has_ended) == (20, True)
        await clock.advance(2 * SECOND)
        assert (at(player), player.has_ended) == (1, False)


async def test_the_speed_reached_leaves_out_waits_and_seeks(
    tape: RecordingStream, clock: Clock
) -> None:
    async with playing(tape, clock, loop=True) as player:
        player.set_speed(10)
        told = []
        for _ in range(100):
            await clock.advance(SECOND // 20)
            told.append(player.reached)
            player.seek(player.time - 1) if len(told) == 70 else None
            told.append(player.reached)
        assert {None if each is None else round(each) for each in told} == {None, 10}


async def test_a_loop_that_ends_at_the_tapes_end_restarts(
    tape: RecordingStream, clock: Clock
) -> None:
    async with playing(tape, clock) as player:
        await clock.advance(18 * SECOND)
        player.cycle_loop()
        await clock.advance(9 * SECOND)
        assert player.has_ended
        player.cycle_loop()
        await clock.advance(3 * SECOND)
        assert (at(player), player.has_ended) == (19, False)


async def test_space_pauses_a_loop_that_shows_its_end(tape: RecordingStream, clock: Clock) -> None:
    async with playing(tape, clock, loop=True) as player:
        await clock.advance(21 * SECOND)
        player.toggle()
        await clock.advance(9 * SECOND)
        assert (at(player), player.is_paused, player.has_ended) == (20, True, False)
        player.toggle()
        await clock.advance(SECOND)
        assert (at(player), player.is_paused) == (1, False)


async def test_a_long_silence_is_shortened_and_the_tapes_time_jumps(
    tmp_path: Path, clock: Clock
) -> None:
    silent = write(tmp_path / "s.parquet", [tick("A", n, t) for n, t in enumerate((0, 1, 600), 1)])
    async with playing(silent, clock, idle=2 * SECOND) as player:
        await clock.advance(3 * SECOND - 10)
        assert (price(player), round(at(player))) == (102.0, 3)
        await clock.advance(20)
        assert (price(player), at(player)) == (103.0, 600)


async def test_gaps_and_moves_and_sessions_and_own_marks_are_marked(
    tmp_path: Path, clock: Clock
) -> None:
    gap = Gap(
        "test", "o", "w", NOW + 8 * SECOND, "stopped", None, NOW + 6 * SECOND, NOW + 8 * SECOND
    )
    ticks = [
        tick("A", n + 1, n, 100.0 + 50 * (n > 3), session="pre" if n < 10 else "regular")
        for n in range(13)
    ]
    tape = write(tmp_path / "m.parquet", ticks, [(8, gap)])
    async with playing(tape, clock, is_paused=True) as player:
        while len(player.marks) < 3:
            await clock.advance(SECOND)
        told = [((m.time - NOW) / SECOND, m.kind, m.text) for m in player.marks]
        assert told == [
            (4, MarkKind.MOVE, "A +50.00%"),
            (8, MarkKind.GAP, "stopped, 2s"),
            (10, MarkKind.SESSION, "A: regular"),
        ]
        seen = []
        for _ in range(4):
            found = player.next_mark()
            seen.append(found.text if found else None)
            await clock.settle()
        assert seen == ["A +50.00%", "stopped, 2s", "A: regular", None]
        assert player.board.gap == gap
        player.mark()
        assert [m.kind for m in player.marks].count(MarkKind.OWN) == 1
        player.mark()
        assert [m.kind for m in player.marks].count(MarkKind.OWN) == 0
        found = player.previous_mark()
        assert found is not None
        assert found.kind is MarkKind.GAP


async def test_only_the_chosen_span_and_symbols_are_played(
    tape: RecordingStream, clock: Clock
) -> None:
    span = Span(("B",), NOW + 6 * SECOND, NOW + 20 * SECOND)
    async with playing(tape, clock, span) as player:
        assert (player.start, player.end) == (NOW + 15 * SECOND, NOW + 15 * SECOND)
        assert (price(player, "B"), player.board.ticks) == (102.0, 1)
        assert player.board.symbols == ["B"]
        player.choose(["A", "B"])
        await clock.settle()
        assert (price(player), price(player, "B")) == (116.0, 102.0)


async def test_the_past_ends_at_the_tapes_present_time(tape: RecordingStream, clock: Clock) -> None:
    async with playing(tape, clock, is_paused=True) as player:
        player.seek(NOW + 7 * SECOND)
        await clock.settle()
        told = [t.price async for batch in player.history(["A"]) for t in batch.ticks]
        assert told == [100.0 + n for n in range(1, 9)]


class Live:
    """A feed of the stream that grows."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self.ran = asyncio.Event()
        self.state = StreamState.MISSING
        self.tape = None

    def clock(self) -> int:
        return 42

    async def run(self, on_change: Callable[[], None]) -> None:
        self.ran.set()
        on_change()


async def test_a_replay_of_a_growing_stream_hands_over_to_live(
    tape: RecordingStream, clock: Clock
) -> None:
    async with playing(tape, clock, why_not_live="It is over") as player:
        assert player.hand_over() == "It is over"
    made: list[Live] = []

    def live(board: Board) -> Live:
        made.append(Live(board))
        return made[0]

    async with playing(RecordingStream(Path(tape.url)), clock, live=live) as player:
        assert player.tape is not None
        assert player.hand_over() is None
        await asyncio.wait_for(made[0].ran.wait(), 30)
        assert (player.clock(), player.state) == (42, StreamState.MISSING)
        assert player.tape is None
        assert made[0].board is player.board
        assert not player.board.symbols


@pytest.mark.parametrize("key", ["seek", "step"])
async def test_no_recorded_tick_comes_after_the_handover_to_live(
    tape: RecordingStream, clock: Clock, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    made: list[Live] = []
    entered, held = asyncio.Event(), asyncio.Event()

    def slow(method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def waiting(*arguments: Any) -> Any:
            found = await method(*arguments)
            entered.set()
            await held.wait()
            return found

        return waiting

    def live(board: Board) -> Live:
        made.append(Live(board))
        return made[0]

    async with playing(tape, clock, live=live, is_paused=True) as player:
        for name in ("seek", "fill"):
            monkeypatch.setattr(Cursor, name, slow(getattr(Cursor, name)))
        if key == "seek":
            player.seek(NOW + 9 * SECOND)
        else:
            player.step(["A"], forward=True)
        await asyncio.wait_for(entered.wait(), 30)
        player.hand_over()
        held.set()
        await asyncio.wait_for(made[0].ran.wait(), 30)
        assert not player.board.symbols


async def test_names_and_closes_belong_to_the_tapes_time(tmp_path: Path, clock: Clock) -> None:
    quote = Quote("A", "test", NOW, NOW, 1.0, "o", 1, name="Apple", previous_close=90.0)
    tape = write(tmp_path / "q.parquet", [tick("A", n + 1, n) for n in range(3)], quotes=[quote])
    async with playing(tape, clock) as player:
        row = player.board.row("A")
        assert (row.name, row.previous_close) == ("Apple", 90.0)


async def test_alerts_are_marked_where_the_tape_triggers_them(
    tape: RecordingStream, clock: Clock
) -> None:
    async with playing(tape, clock) as player:
        player.look_for([parse_alert("A > 105"), parse_alert("B > 1000")])
        await until(lambda: bool(player.met))
        ((due, told),) = player.met
        assert (due, told.record.price) == (NOW + 5 * SECOND, 106.0)
        marked = [mark for mark in player.marks if mark.kind is MarkKind.ALERT]
        assert [(mark.time, mark.text) for mark in marked] == [(due, "A > 105")]
        player.look_for([])
        await until(lambda: not player.met)
        assert not any(mark.kind is MarkKind.ALERT for mark in player.marks)


async def test_an_alert_triggered_before_the_played_span_has_no_mark(
    tape: RecordingStream,
) -> None:
    async with tape:
        reel = await load(tape, Span(since=NOW + 10 * SECOND))
        assert await alerts_met(reel, [parse_alert("A > 105")]) == []
        ((due, _),) = await alerts_met(reel, [parse_alert("A > 112")])
        assert due == NOW + 12 * SECOND
