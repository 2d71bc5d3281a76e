from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC
from typing import Any, NamedTuple

import msgspec
import pytest
from textual.pilot import Pilot

from tests.examples import some
from tests.playing import HOUR, MARKS, MINUTE, NOW, FakePlayer
from tests.waiting import until
from ticker.dashboard import Dashboard
from ticker.dashboard.player_bar import cell_time, line_cell, player_words, tape_line
from ticker.feed import Mark, MarkKind
from ticker.follow import Follow
from ticker.missing_characters import SUBSTITUTE
from ticker.records import Batch, Heartbeat, Position, Quote, Tick

SECOND = 1_000_000

MakeStream = Callable[..., Any]


def quote(symbol: str) -> Quote:
    return Quote(symbol, "yahoo", NOW, NOW, 5.0, origin="one", sequence=1)


def tick(symbol: str, sequence: int) -> Tick:
    return Tick(symbol, "yahoo", "one", sequence, NOW, NOW, 5.0 + sequence)


def beat(tape_time: int | None) -> Heartbeat:
    return Heartbeat(
        "one", "w", "replay", NOW, NOW, SECOND, "replaying" if tape_time else "ok", 1, 1,
        tape_time=tape_time, speed=1.0 if tape_time else None,
    )  # fmt: skip


class Scene(NamedTuple):
    app: Dashboard
    pilot: Pilot[Any]
    player: FakePlayer
    stream: Any

    @property
    def said(self) -> str:
        return self.app._words.status.render().plain

    def row(self, line: int) -> str:
        return self.app._table.render_line(line).text


@pytest.fixture
def shown(stream_in_memory: MakeStream) -> Callable[..., Any]:
    """Opens a dashboard with a fake player, on a replay or (`is_live`) after it handed over."""

    @asynccontextmanager
    async def show(
        *, is_live: bool = False, size: tuple[int, int] = (100, 20), count: int = 3
    ) -> AsyncIterator[Scene]:
        beats = [beat(None if is_live else NOW)]
        quotes = [quote(f"S{i:02}") for i in range(count)]
        stream = stream_in_memory(Batch(Position("1"), quotes=quotes, heartbeats=beats))
        watch = Follow(stream, clock=lambda: NOW, elapsed=lambda: NOW)
        player = FakePlayer()
        app = Dashboard(watch, player=player, zone=UTC, option=" --stream demo")
        async with app.run_test(size=size) as pilot:
            await until(lambda: "S00" in app._table)
            await pilot.pause()
            yield Scene(app, pilot, player, stream)

    return show


ASKED_BY_KEY: dict[str, object] = {
    "space": "toggle",
    "left": ("seek", NOW - 10 * SECOND),
    "right": ("seek", NOW + 10 * SECOND),
    "shift+left": ("seek", NOW - MINUTE),
    "shift+right": ("seek", NOW + MINUTE),
    "comma": ("step", -1, ["S00", "S01", "S02"]),
    "full_stop": ("step", 1, ["S00", "S01", "S02"]),
    "left_square_bracket": "slower",
    "right_square_bracket": "faster",
    "backspace": ("speed", 1.0),
    "u": "undo",
    "n": ("seek", NOW + 20 * MINUTE),
    "N": ("seek", NOW - 10 * MINUTE),
    "m": "mark",
    "l": "loop",
    "L": "live",
    "home": ("seek", NOW - HOUR),
    "end": ("seek", NOW + HOUR),
    **{str(tenth): ("seek", NOW - HOUR + tenth * 12 * MINUTE) for tenth in range(10)},
}


async def test_each_time_key_moves_a_replay(shown: Callable[..., Any]) -> None:
    async with shown() as scene:
        for key, asked in ASKED_BY_KEY.items():
            scene.player.time = NOW
            await scene.pilot.press(key)
            assert scene.player.asked == [asked], key
            scene.player.asked.clear()


async def test_each_time_key_on_a_live_board_names_the_replay_command(
    shown: Callable[..., Any],
) -> None:
    async with shown(is_live=True) as scene:
        for key in [*ASKED_BY_KEY, "g"]:
            if key == "space":  # it freezes the board
                continue
            await scene.pilot.press(key)
            await until(lambda: "ticker replay demo" in scene.said)
            assert scene.player.asked == [], key
            scene.app.tell("")
            await until(lambda: "ticker replay demo" not in scene.said)


async def test_g_goes_to_a_time_on_the_tape(shown: Callable[..., Any]) -> None:
    times = {
        "09:30": NOW - 6 * HOUR - 5 * SECOND,
        "15:10:05": NOW - 20 * MINUTE,
        "2026-11-23T15:31:05+00:00": NOW + MINUTE,
        "-10m": NOW - 10 * MINUTE,
        "+90s": NOW + 90 * SECOND,
        "start": NOW - HOUR,
        "end": NOW + HOUR,
    }
    async with shown() as scene:
        for words, time in times.items():
            scene.player.time = NOW
            await scene.pilot.press("g")
            scene.app.query_one("#ask").value = words
            await scene.pilot.press("enter")
            assert scene.player.asked[-1] == ("seek", time), words
        assert len(scene.player.asked) == len(times)


async def test_an_invalid_time_is_reported_and_moves_nothing(shown: Callable[..., Any]) -> None:
    async with shown() as scene:
        await scene.pilot.press("g", *"noon", "enter")
        await until(lambda: "'noon' is not a time" in scene.said)
        await scene.pilot.press("g", "escape", "g", "enter")
        assert scene.player.asked == []


async def test_a_time_outside_the_tape_is_reported_until_the_next_seek(
    shown: Callable[..., Any],
) -> None:
    outside = {
        "14:00": "The recording begins at 14:30:05",
        "-5h": "The recording begins at 14:30:05",
        "+2h": "The recording ends at 16:30:05",
        "2026-11-24": "The recording ends at 2026-11-23 16:30:05",
    }
    async with shown() as scene:
        for words, told in outside.items():
            await scene.pilot.press("g")
            scene.app.query_one("#ask").value = words
            await scene.pilot.press("enter")
            await until(lambda: "The recording" in scene.said)
            assert told in scene.said
            await scene.pilot.press("5")
            await until(lambda: "The recording" not in scene.said)


async def test_u_undoes_the_last_seek_or_removal(shown: Callable[..., Any]) -> None:
    async with shown() as scene:
        await scene.pilot.press("home", "minus")
        await until(lambda: "S00" not in scene.app._table)
        await scene.pilot.press("right", "minus")
        await until(lambda: "S01" not in scene.app._table)
        scene.player.asked.clear()
        await scene.pilot.press("u")
        await until(lambda: "S01" in scene.app._table)
        assert scene.player.asked == []
        await scene.pilot.press("u")
        assert scene.player.asked == ["undo"]
        assert "S00" not in scene.app._table
        await scene.pilot.press("u")
        await until(lambda: "S00" in scene.app._table)
        await scene.pilot.press("u")
        assert scene.player.asked == ["undo", "undo"]
        await scene.pilot.press("u")
        await until(lambda: "There is nothing to undo" in scene.said)


async def test_the_ticks_of_a_step_are_shown_at_once(shown: Callable[..., Any]) -> None:
    async with shown() as scene:
        still = msgspec.structs.replace(beat(NOW), speed=None)
        scene.stream.put(Batch(Position("2"), heartbeats=[still]))
        await until(lambda: scene.app.feed.tape.speed is None)
        scene.app._painter.tick = lambda: None
        scene.app.feed.board.ticks = 77
        scene.app._changed()
        await until(lambda: "77 ticks" in scene.said)


async def test_a_step_looks_for_ticks_of_the_rows_on_screen(
    shown: Callable[..., Any],
) -> None:
    async with shown(count=50, size=(100, 12)) as scene:
        await scene.pilot.press("full_stop")
        ((_, _, symbols),) = scene.player.asked
        assert symbols == [f"S{i:02}" for i in range(scene.app._table.size.height)]
        await scene.pilot.press("slash", *"s4", "enter", "full_stop")
        assert scene.player.asked[-1] == ("step", 1, [f"S{i}" for i in range(40, 46)])


async def test_a_step_also_finds_the_first_tick_of_a_symbol_that_gets_a_row(
    shown: Callable[..., Any],
) -> None:
    async with shown() as scene:
        scene.player.to_come = {"NEW"}
        await scene.pilot.press("full_stop")
        assert scene.player.asked == [("step", 1, ["S00", "S01", "S02", "NEW"])]
        scene.player.finds_ticks = False
        await scene.pilot.press("full_stop")
        await until(lambda: "No row of this screen has a later tick" in scene.said)
        await scene.pilot.press("slash", *"s0", "enter", "full_stop")
        assert scene.player.asked[-1] == ("step", 1, ["S00", "S01", "S02"])
    async with shown(count=50, size=(100, 12)) as scene:
        scene.player.to_come = {"NEW"}
        await scene.pilot.press("full_stop")
        assert "NEW" not in scene.player.asked[0][2]


async def test_a_seek_removes_the_rows_of_a_later_time(shown: Callable[..., Any]) -> None:
    async with shown() as scene:
        board = scene.app.feed.board
        board.forget()
        board.fold(Batch(Position(""), quotes=[quote("S01")], heartbeats=[beat(NOW)]), NOW)
        scene.app._paint()
        assert scene.app._table.symbols == ["S01"]


async def test_a_jump_to_a_mark_reports_it(shown: Callable[..., Any]) -> None:
    async with shown() as scene:
        await scene.pilot.press("N")
        await until(lambda: "move at 15:20:05: NVDA +1.20%" in scene.said)
        await scene.pilot.press("n", "n")
        await until(lambda: "There is no later mark" in scene.said)
        await scene.pilot.press("home", "end", "N")
        await until(lambda: "own mark at 15:50:05" in scene.said)
        await scene.pilot.press("5", "m")
        await until(lambda: "Mark at 15:30:05 ·" in scene.said)
        await scene.pilot.press("m")
        await until(lambda: "Mark at 15:30:05 removed" in scene.said)


async def test_a_click_on_the_line_goes_there_and_on_a_mark_to_the_mark(
    shown: Callable[..., Any],
) -> None:
    async with shown() as scene:
        bar = scene.app._player_bar
        width = bar.size.width - 2
        await scene.pilot.click(bar, offset=(1, 1))
        await scene.pilot.click(bar, offset=(width, 1))
        cell = line_cell(MARKS[3].time, NOW - HOUR, NOW + HOUR, width)
        await scene.pilot.click(bar, offset=(1 + cell, 1))
        assert scene.player.asked == [
            ("seek", NOW - HOUR), ("seek", NOW + HOUR), ("seek", MARKS[3].time)
        ]  # fmt: skip
        await scene.pilot.click(bar, offset=(5, 0))
        assert len(scene.player.asked) == 3


async def test_a_click_goes_to_the_visible_mark(shown: Callable[..., Any]) -> None:
    async with shown() as scene:
        bar = scene.app._player_bar
        at = MARKS[3].time
        own, gap = Mark(at + 1, MarkKind.OWN, ""), Mark(at, MarkKind.GAP, "")
        scene.player.marks = [gap, own]
        cell = line_cell(at, NOW - HOUR, NOW + HOUR, bar.size.width - 2)
        await scene.pilot.click(bar, offset=(1 + cell, 1))
        assert scene.player.asked == [("seek", own.time)]


def test_a_loop_across_days_names_both_days() -> None:
    player = FakePlayer()
    player.loop_from, player.loop_to = NOW - 24 * HOUR, NOW
    words = player_words(player, UTC, 200)
    assert words.endswith("loop 2026-11-22 15:30:05 to 2026-11-23 15:30:05")


async def test_the_bar_follows_the_player_and_disappears_with_the_replay(
    shown: Callable[..., Any],
) -> None:
    async with shown() as scene:
        bar = scene.app._player_bar
        assert bar.display
        scene.player.time += MINUTE
        await until(lambda: "15:31:05" in bar.render().plain)
        await scene.pilot.press("space")
        await until(lambda: "paused" in bar.render().plain)
    async with shown(is_live=True) as scene:
        assert not scene.app._player_bar.display


async def test_the_player_bar_fits_any_terminal(shown: Callable[..., Any]) -> None:
    async with shown(size=(1, 1)) as scene:
        for size in some((1, 1), (20, 6), (8, 3), (40, 9), (300, 100), plain=2):
            await scene.pilot.resize_terminal(*size)
            await scene.pilot.press("n", "space", "l")
            await scene.pilot.resize_terminal(100, 30)
            await scene.pilot.pause()
            assert "23" in scene.app._player_bar.render().plain, size


async def test_a_key_on_the_key_bar_can_be_clicked(shown: Callable[..., Any]) -> None:
    async with shown(size=(300, 20)) as scene:
        for key, action in (("space", "toggle"), ("l loop", "loop"), ("L live", "live")):
            at = scene.app._words.keys.render().plain.index(key)
            await scene.pilot.click(scene.app._words.keys, offset=(at, 0))
            assert scene.player.asked[-1:] == [action]


async def test_each_key_of_a_pair_on_the_key_bar_can_be_clicked(
    shown: Callable[..., Any],
) -> None:
    async with shown(size=(300, 20)) as scene:
        bar = scene.app._words.keys
        for words, place, key in (
            ("←→ 10 s", 0, "left"),
            ("←→ 10 s", 1, "right"),
            (", . tick", 0, "comma"),
            (", . tick", 2, "full_stop"),
            ("[ ] speed", 0, "left_square_bracket"),
            ("[ ] speed", 2, "right_square_bracket"),
            ("n N mark", 0, "n"),
            ("n N mark", 2, "N"),
            ("n N mark", 4, "n"),
        ):
            scene.player.time = NOW
            scene.player.asked.clear()
            at = bar.render().plain.index(words) + place
            await scene.pilot.click(bar, offset=(at, 0))
            assert scene.player.asked == [ASKED_BY_KEY[key]], (words, key)


async def test_space_freezes_a_live_board_and_counts_what_waits(
    shown: Callable[..., Any],
) -> None:
    async with shown(is_live=True) as scene:
        await scene.pilot.press("space")
        assert "FROZEN 15:30:05, 0 ticks waiting" in scene.said
        scene.stream.put(Batch(Position("2"), ticks=[tick("S01", i) for i in range(2, 5)]))
        await until(lambda: scene.app.feed.board.waiting == 3)
        assert "5.00" in scene.row(1)
        await scene.pilot.press("space")
        await until(lambda: "9.00" in scene.row(1))
        assert "FROZEN" not in scene.said


def test_the_players_text_is_shortened_to_its_width() -> None:
    player = FakePlayer(loop_from=NOW - MINUTE, reached=6.24)
    full = "Mon 2026-11-23 15:30:05 UTC · ×10 (reached ×6.2) · playing · loop from 15:29:05"
    assert player_words(player, UTC, 100) == full
    for width in range(100):
        words = player_words(player, UTC, width)
        assert len(words) <= width
        assert words.startswith(("15:30:05"[:width], "Mon"))
    assert player_words(player, UTC, 50) == "15:30:05 · ×10 (reached ×6.2) · playing · loop"
    assert player_words(player, UTC, 30) == "15:30:05 · ×10 · playing"


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"is_paused": True, "reached": None}, "×10 · paused"),
        ({"has_ended": True, "reached": None}, "×10 · ended"),
        ({"speed": 0.0, "reached": 1_234.5}, "max (reached ×1,234) · playing"),
        ({"loop_from": NOW, "loop_to": NOW + MINUTE}, "playing · loop 15:30:05 to 15:31:05"),
        ({"speed": 0.25, "reached": 0.25}, "×0.25 · playing"),
    ],
)
def test_speed_and_state_are_shown_in_words(told: dict[str, Any], words: str) -> None:
    assert words in player_words(FakePlayer(**told), UTC, 100)


def test_the_time_line_shows_each_kind_of_mark_even_without_unicode() -> None:
    line = tape_line(FakePlayer(loop_from=NOW - 20 * MINUTE, loop_to=NOW + 50 * MINUTE), 25)
    assert line == "━━│━××━━[━▲━█───◆─────]──"
    assert line.encode("ascii", SUBSTITUTE) == b"==|=xx==[=^=#---*-----]--"


def test_a_mark_does_not_hide_the_ends_of_a_loop() -> None:
    line = tape_line(FakePlayer(loop_from=MARKS[0].time, loop_to=MARKS[-1].time), 25)
    assert line == "━━[━××━━━━▲━█───]────────"


@pytest.mark.parametrize("width", [1, 2, 7, 100])
def test_a_cell_of_the_time_line_starts_at_a_time_inside_it(width: int) -> None:
    start, end = NOW, NOW + 1_000_003
    for cell in range(width):
        assert line_cell(cell_time(cell, start, end, width), start, end, width) == cell


def test_a_tape_of_a_single_moment_has_a_time_line() -> None:
    assert tape_line(FakePlayer(start=NOW, end=NOW, marks=()), 4) == "█───"
