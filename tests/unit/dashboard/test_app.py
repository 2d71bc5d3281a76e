from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextvars import Context
from datetime import UTC
from itertools import pairwise
from time import monotonic
from typing import Any

import msgspec
import pytest
from msgspec import structs
from textual.events import Key
from textual.message import Message
from textual.strip import Strip
from textual.widgets import Input, Static

from tests.controlled import Controlled
from tests.examples import some
from tests.playing import FakePlayer
from tests.waiting import until
from ticker.alert_watch import Alerting
from ticker.board import Sort
from ticker.board.chosen_columns import parse_column, spell_columns
from ticker.board.columns import Column
from ticker.dashboard import Dashboard, Exit
from ticker.dashboard.columns import ColumnLayout
from ticker.dashboard.control import NoPreferences
from ticker.dashboard.flash import FLASH
from ticker.dashboard.table import Table
from ticker.errors import StreamMissing
from ticker.follow import Follow
from ticker.records import Batch, Found, Heartbeat, MinuteBars, Position, Quote, Tick
from ticker.units import SECOND

NOW = 1_795_447_805_000_000

MakeStream = Callable[..., Any]


def quote(symbol: str, price: float, sequence: int = 1) -> Quote:
    return Quote(
        symbol, "yahoo", NOW, NOW, price, origin="one", sequence=sequence, name=f"{symbol} Inc."
    )


def tick(symbol: str, sequence: int, price: float) -> Tick:
    return Tick(symbol, "yahoo", "one", sequence, NOW, NOW, price)


def heartbeat(received: int = NOW, writer: str = "w", **told: Any) -> Heartbeat:
    return Heartbeat("one", writer, "yahoo", received, received, SECOND, "ok", 3, 3, **told)


class Clock:
    """Two clocks that only the test moves."""

    def __init__(self) -> None:
        self.now = NOW
        self.elapsed = 0

    def __call__(self) -> int:
        return self.now


class Painted:
    """Counts which lines the table painted."""

    def __init__(self, app: Dashboard, monkeypatch: pytest.MonkeyPatch) -> None:
        self.lines: list[int] = []
        painter = app._table.render_line

        def render_line(y: int) -> Strip:
            self.lines.append(y)
            return painter(y)

        monkeypatch.setattr(app._table, "render_line", render_line)


def make(stream: Any, clock: Clock | None = None, **options: Any) -> Dashboard:
    symbols = options.pop("symbols", None)
    clock = clock or Clock()
    watch = Follow(stream, symbols, clock=clock, elapsed=lambda: clock.elapsed)
    return Dashboard(watch, zone=UTC, **options)


def market(make_stream: MakeStream, count: int = 3) -> Any:
    quotes = [quote(f"S{i:04}", 10.0 + i) for i in range(count)]
    return make_stream(Batch(Position("1"), quotes=quotes, heartbeats=[heartbeat()]))


def text_of(app: Dashboard, line: int) -> str:
    return app._table.render_line(line).text


async def test_only_the_row_that_changed_is_painted_again(
    stream_in_memory: MakeStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = market(stream_in_memory)
    app = make(stream)
    async with app.run_test(size=(100, 20)) as pilot:
        await until(lambda: "S0002" in app._table)
        await pilot.pause()
        painted = Painted(app, monkeypatch)
        stream.put(Batch(Position("2"), ticks=[tick("S0001", 2, 99.0)]))
        await until(lambda: bool(painted.lines))
        await pilot.pause()
        assert set(painted.lines) == {1}
        assert "▲ 99.00" in text_of(app, 1)


async def test_a_flash_ends_by_itself(stream_in_memory: MakeStream) -> None:
    stream = market(stream_in_memory)
    clock = Clock()
    app = make(stream, clock)
    async with app.run_test(size=(100, 20)):
        await until(lambda: "S0002" in app._table)
        stream.put(Batch(Position("2"), ticks=[tick("S0001", 2, 1.0)]))
        await until(lambda: "▼" in text_of(app, 1))
        clock.elapsed += FLASH
        clock.now -= 3_600 * SECOND  # the machine's time is set back
        await until(lambda: "▼" not in text_of(app, 1))


async def test_at_most_ten_frames_a_second_are_painted(
    stream_in_memory: MakeStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = market(stream_in_memory)
    app = make(stream)
    frames: list[float] = []
    async with app.run_test(size=(100, 20)):
        await until(lambda: "S0002" in app._table)
        paint = app._table.paint

        def counted(changed: set[str]) -> None:
            frames.append(asyncio.get_running_loop().time())
            paint(changed)

        monkeypatch.setattr(app._table, "paint", counted)
        for number in range(2, 302):
            stream.put(Batch(Position(str(number)), ticks=[tick("S0001", number, 5.0 + number)]))
            await asyncio.sleep(0.001)
        await until(lambda: app.feed.board.ticks == 300)
    steps = [later - sooner for sooner, later in pairwise(frames)]
    assert len(steps) >= 2, steps
    assert min(steps) > 0.09, steps


async def test_the_cursor_follows_the_keys_and_stays_on_its_symbol_when_sorted(
    stream_in_memory: MakeStream,
) -> None:
    app = make(market(stream_in_memory, 50))
    async with app.run_test(size=(100, 20)) as pilot:
        await until(lambda: "S0049" in app._table)
        table = app._table
        await pilot.press("j", "down", "k")
        assert table.chosen == "S0001"
        await pilot.press("end")
        assert table.chosen == "S0049"
        await pilot.pause()
        assert table.scroll_offset.y == 50 - table.size.height
        await pilot.press("s", "s", "s")
        assert table.sort == Sort("price", reverse=True)
        assert (table.symbols[0], table.chosen) == ("S0049", "S0049")
        await pilot.press("S")
        assert table.sort == Sort("price")
        assert table.symbols[0] == "S0000"


async def test_a_filter_is_typed_and_escape_clears_it(stream_in_memory: MakeStream) -> None:
    app = make(market(stream_in_memory, 50))
    async with app.run_test(size=(100, 20)) as pilot:
        await until(lambda: "S0049" in app._table)
        await pilot.press("slash", *"s004", "enter")
        assert len(app._table.symbols) == 10
        await pilot.press("j")
        assert app._table.chosen == "S0041"
        await pilot.press("escape")
        assert len(app._table.symbols) == 50
        await pilot.press("slash", *"zzz")
        assert app._table.symbols == []
        assert "zzz" in app._table.hint


async def test_an_accepted_filter_is_shown_while_it_is_on(stream_in_memory: MakeStream) -> None:
    app = make(market(stream_in_memory, 50))
    async with app.run_test(size=(100, 20)) as pilot:
        await until(lambda: "S0049" in app._table)
        await pilot.press("slash", *"s004", "enter")
        told = "filter: s004 (10 of 50), esc shows all"
        await until(lambda: told in app._words.status.render().plain)
        await pilot.press("escape")
        await until(lambda: "filter" not in app._words.status.render().plain)


async def test_an_empty_board_shows_how_to_add_symbols(stream_in_memory: MakeStream) -> None:
    app = make(market(stream_in_memory), symbols=["S0000"], controller=Controlled())
    async with app.run_test(size=(100, 20)) as pilot:
        await until(lambda: "S0000" in app._table)
        await pilot.press("minus")
        await until(lambda: "+ adds some" in app._table.hint)


async def test_a_number_too_wide_for_its_column_is_shown_without_further_ticks(
    stream_in_memory: MakeStream,
) -> None:
    stream = market(stream_in_memory)
    app = make(stream)
    async with app.run_test(size=(100, 20)):
        await until(lambda: "10.00" in text_of(app, 0))
        stream.put(Batch(Position("2"), ticks=[tick("S0000", 2, 12_345_678.25)]))
        await until(lambda: "12,345,678.25" in text_of(app, 0))


async def test_a_number_too_wide_for_its_column_is_shown_at_once(
    stream_in_memory: MakeStream,
) -> None:
    stream = market(stream_in_memory)
    app = make(stream)
    async with app.run_test(size=(100, 20)):
        await until(lambda: "10.00" in text_of(app, 0))
        assert app._seconds is not None
        app._seconds.pause()
        app._painter._arranged = app._painter._ticked = float("inf")
        stream.put(Batch(Position("2"), ticks=[tick("S0000", 2, 12_345_678.25)]))
        await until(lambda: "12,345,678.25" in text_of(app, 0))


async def test_headings_follow_the_columns_that_a_painted_number_widened(
    stream_in_memory: MakeStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make(market(stream_in_memory))
    async with app.run_test(size=(100, 20)):
        await until(lambda: "10.00" in text_of(app, 0))
        table, senders = app._table, list[object]()
        post = table.post_message

        def note(message: Message) -> bool:
            if isinstance(message, Table.Arranged):
                senders.append(message._sender)
            return post(message)

        monkeypatch.setattr(table, "post_message", note)
        table.columns = ColumnLayout((), 0)
        with app.screen._context():  # which paints the frames
            table.lines.on_cut()
        await until(lambda: senders)
        assert senders == [table]  # a message from the screen would end there


async def test_without_its_own_poller_it_shows_the_command_that_polls_added_symbols(
    stream_in_memory: MakeStream,
) -> None:
    beat = msgspec.structs.replace(heartbeat(symbols=("S0000",)), source="exchange")
    stream = stream_in_memory(
        Batch(Position("1"), quotes=[quote("S0000", 1.0), quote("S0001", 1.0)], heartbeats=[beat])
    )
    app = make(stream, symbols=["S0000", "S0001"], option=" --stream x")
    async with app.run_test(size=(120, 20)) as pilot:
        await until(lambda: "S0001" in app._table)
        await pilot.press("plus", *"gc=f", "enter")
        await until(lambda: "GC=F" in app._table)
        words = "No poller for GC=F: ticker poll GC=F --source exchange --stream x"
        await until(lambda: words in app._words.status.render().plain)
        await pilot.press("end", "minus")
        assert app._table.symbols == ["S0000", "S0001"]


async def test_symbols_are_added_and_removed_through_the_controller(
    stream_in_memory: MakeStream,
) -> None:
    controller = Controlled()
    app = make(market(stream_in_memory), symbols=["S0000", "S0001"], controller=controller)
    async with app.run_test(size=(100, 20)) as pilot:
        await until(lambda: "S0001" in app._table)
        await pilot.press("plus", *"gc=f", "comma", *"s0000", "enter")
        await until(lambda: len(controller.asked) == 1)
        assert app._table.symbols == ["S0000", "S0001", "GC=F"]
        words = "GC=F added, u removes it"
        await until(lambda: words in app._words.status.render().plain)
        await pilot.press("end", "minus")
        await until(lambda: len(controller.asked) == 2)
        assert app._table.symbols == ["S0000", "S0001"]
    assert controller.asked == [("add", ["GC=F", "S0000"]), ("remove", ["GC=F"])]


@pytest.mark.parametrize(
    ("key", "typed"), [("slash", "a-s q"), ("plus", "w-c a"), ("a", "aapl moves -1v")]
)
async def test_keys_pasted_after_a_key_that_opens_a_line_go_into_it(
    stream_in_memory: MakeStream, key: str, typed: str
) -> None:
    app = make(market(stream_in_memory), alerts=Alerting())
    async with app.run_test(size=(100, 20)):
        await until(lambda: len(app._table.symbols) == 3)
        for each in (key, *typed):  # as a terminal gives what was pasted: all before one is handled
            app.post_message(Key(each, None if each == key else each))
        line = app._question
        begun = "S0000 > " if key == "a" else ""
        await until(lambda: line.value == begun + typed)
        assert len(app.feed.board.symbols) == 3
        assert app.feed.board.held is None


async def test_without_a_poller_the_symbol_line_says_so_before_enter(
    stream_in_memory: Callable[..., Any],
) -> None:
    app = Dashboard(Follow(stream_in_memory()), zone=UTC)
    async with app.run_test() as pilot:
        await pilot.press("plus")
        assert "ticker search" in app._question.placeholder
        await pilot.press(*"apple")
        await until(lambda: "needs its own poller" in app._question.finds.render().plain)
        await pilot.press("escape")
        assert not app._question.finds.has_class("-open")


async def test_text_after_plus_is_searched_and_an_arrow_chooses_a_result(
    stream_in_memory: MakeStream,
) -> None:
    finds = {
        "apple": [Found("APLE", "Apple Hospitality"), Found("AAPL", "Apple Inc.", "equity", "Nas")],
    }
    finds["aple"] = finds["apple"]
    controller = Controlled(finds=finds)
    app = make(market(stream_in_memory), symbols=["S0000"], controller=controller)
    async with app.run_test(size=(100, 20)) as pilot:
        await until(lambda: "S0000" in app._table)
        await pilot.press("plus", *"gc=f", "comma", *"apple")
        await until(lambda: "Apple Inc." in app._question.finds.render().plain)
        await pilot.press("down", "enter")
        await until(lambda: len(controller.asked) == 1)
        await pilot.press("plus", *"apple")
        await until(lambda: "Apple Inc." in app._question.finds.render().plain)
        await pilot.press("enter")  # no symbol: the best match
        await until(lambda: len(controller.asked) == 2)
        await pilot.press("plus", *"aple")
        await until(lambda: "Apple Inc." in app._question.finds.render().plain)
        assert app._question.symbols == ["APLE"]
        assert app._question.finds.chosen is None
        await pilot.press("escape")
        assert not app._question.finds.has_class("-open")
        await pilot.press("plus", *"nowhere")
        await until(lambda: "No search now. Yahoo: no answer" in app._question.finds.render().plain)
        await pilot.press("escape")
        assert not app._question.finds.has_class("-open")
    assert controller.asked == [("add", ["GC=F", "AAPL"]), ("add", ["APLE"])]
    assert [what for what in controller.questions if what[0] == "search"][-1][1] == "nowhere"


async def test_a_row_starts_with_the_pollers_minute_bars(
    stream_in_memory: MakeStream,
) -> None:
    ends = tuple(NOW - (60 - at) * 60 * SECOND for at in range(60))
    bars = MinuteBars("S0000", ends, tuple(float(at % 9 + 1) for at in range(60)), NOW)
    controller = Controlled({"S0000": bars})
    app = make(market(stream_in_memory), symbols=["S0000", "S0001"], controller=controller)
    async with app.run_test(size=(140, 20)):
        await until(lambda: ("bars", "S0001") in controller.questions)
        row = app.feed.board.row("S0000")
        line = app._table.lines._sparks.line(app.feed.board, row, 20)
        assert len(line.minutes) == 19
        assert len(line.ticks) == 1
        assert len(set(line.minutes)) > 1
        other = app._table.lines._sparks.line(app.feed.board, app.feed.board.row("S0001"), 20)
        assert other.minutes == ""


async def test_u_restores_removed_symbols_and_removes_added_ones(
    stream_in_memory: MakeStream,
) -> None:
    controller = Controlled()
    app = make(market(stream_in_memory), symbols=["S0000", "S0001", "S0002"], controller=controller)
    async with app.run_test(size=(100, 20)) as pilot:
        await until(lambda: "S0002" in app._table)
        await pilot.press("down", "minus", "minus")
        assert app._table.symbols == ["S0000"]
        await pilot.press("u", "u")
        assert app._table.symbols == ["S0000", "S0001", "S0002"]
        await until(lambda: "S0001 is back" in app._words.status.render().plain)
        await pilot.press("plus", *"gc=f", "enter")
        await until(lambda: "GC=F" in app._table)
        await pilot.press("u")
        await until(lambda: "GC=F removed" in app._words.status.render().plain)
        assert app._table.symbols == ["S0000", "S0001", "S0002"]
        await pilot.press("u")
        await until(lambda: "nothing to undo" in app._words.status.render().plain)
    asked = [("remove", ["S0001"]), ("remove", ["S0002"]), ("add", ["S0002"]), ("add", ["S0001"])]
    assert controller.asked == [*asked, ("add", ["GC=F"]), ("remove", ["GC=F"])]


async def test_an_invalid_symbol_is_reported_and_neither_shown_nor_polled(
    stream_in_memory: MakeStream,
) -> None:
    controller = Controlled()
    app = make(market(stream_in_memory), symbols=["S0000"], controller=controller)
    async with app.run_test(size=(100, 20)) as pilot:
        await until(lambda: "S0000" in app._table)
        await pilot.press("plus")
        app.query_one("#ask", Input).value = "x" * 65
        await pilot.press("enter")
        await until(lambda: "Not a symbol" in app._words.status.render().plain)
        assert app._table.symbols == ["S0000"]
    assert controller.asked == []


@pytest.mark.parametrize(("key", "interrupted"), [("q", False), ("ctrl+c", True)])
async def test_the_dashboard_ends_at_once_and_reports_the_number_of_ticks(
    stream_in_memory: MakeStream, key: str, interrupted: bool
) -> None:
    stream = market(stream_in_memory)
    app = make(stream)
    async with app.run_test(size=(100, 20)) as pilot:
        stream.put(Batch(Position("2"), ticks=[tick("S0001", 2, 99.0)]))
        await until(lambda: app.feed.board.ticks == 1)
        await pilot.press(key)
    assert app.return_value == Exit(interrupted=interrupted)


async def test_help_closes_with_the_key_that_opened_it(stream_in_memory: MakeStream) -> None:
    app = make(market(stream_in_memory))
    async with app.run_test(size=(100, 20)) as pilot:
        await pilot.press("question_mark")
        assert len(app.screen_stack) == 2
        await pilot.press("question_mark")
        assert len(app.screen_stack) == 1


async def test_the_dashboard_works_at_any_terminal_size(stream_in_memory: MakeStream) -> None:
    app = make(market(stream_in_memory, 200))
    async with app.run_test(size=(1, 1)) as pilot:
        await until(lambda: "S0199" in app._table)
        for size in some((1, 1), (20, 5), (3, 2), (8, 3), (30, 9), (300, 100), plain=2):
            await pilot.resize_terminal(*size)
            await pilot.press("end", "home", "s", "j")
            await pilot.resize_terminal(100, 30)
            await pilot.pause()
            await pilot.press("home")
            await until(lambda: app._table.symbols[0] in text_of(app, 0))


@pytest.mark.parametrize("size", [(100, 20), (30, 9), (20, 5), (14, 3)])
async def test_every_screen_marks_invented_prices_as_simulated(
    stream_in_memory: MakeStream, size: tuple[int, int]
) -> None:
    invented = structs.replace(quote("S0000", 10.0), simulated=True)
    app = make(stream_in_memory(Batch(Position("1"), quotes=[invented])))
    async with app.run_test(size=size):
        bars = (app._words.title, app._words.status)
        await until(lambda: any("SIMULATED" in b.render().plain for b in bars if b.display))


@pytest.mark.parametrize("size", [(39, 9), (30, 6), (20, 5), (80, 24)])
async def test_a_long_notice_leaves_the_keys_on_the_screen(
    stream_in_memory: MakeStream, size: tuple[int, int]
) -> None:
    app = make(market(stream_in_memory))
    async with app.run_test(size=size):
        app.tell("No poller for ORCL: ticker poll ORCL " * 9)
        await until(lambda: "No poller" in app._words.status.render().plain)
        keys = app._words.keys
        await until(lambda: keys.display and keys.region.bottom == size[1])
        assert "? help   q quit" in keys.render().plain
        assert app._table.size.height > 0


async def test_a_notice_is_shown_for_a_while(stream_in_memory: MakeStream) -> None:
    clock = Clock()
    app = make(market(stream_in_memory), clock)
    async with app.run_test(size=(100, 20)):
        app.tell("The poller died; started again \x1b[2J")
        await until(lambda: "started again ␛[2J" in app._words.status.render().plain)
        clock.elapsed += 16 * SECOND
        await until(lambda: "started again" not in app._words.status.render().plain)


async def test_notices_from_outside_tasks_stop_neither_frames_nor_the_end(
    stream_in_memory: MakeStream,
) -> None:
    stream = market(stream_in_memory)
    app = make(stream)
    async with app.run_test(size=(100, 20)):
        await until(lambda: "S0002" in app._table)
        app._frames._last = monotonic()  # just now: the next frame needs a timer
        # The task that minds the poller began before the app did, so its context has no app.
        for number in range(3):
            Context().run(app.tell, f"The poller was started again ({number})")
        await until(lambda: "started again (2)" in app._words.status.render().plain)
        frames = app._frames._last
        stream.put(Batch(Position("2"), ticks=[tick("S0001", 2, 99.0)]))
        await until(lambda: app._frames._last > frames)


async def test_the_dashboard_ends_when_stopped_before_it_started(
    stream_in_memory: MakeStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make(market(stream_in_memory))
    run_async = app.run_async
    monkeypatch.setattr(app, "run_async", lambda: run_async(headless=True, size=(80, 24)))
    app.action_leave()
    async with asyncio.timeout(30):
        assert await app.show() == Exit()


async def test_a_dead_poller_is_reported_without_new_records(stream_in_memory: MakeStream) -> None:
    clock = Clock()
    app = make(market(stream_in_memory), clock)
    async with app.run_test(size=(100, 20)):
        await until(lambda: "3 of 3 answered" in app._words.status.render().plain)
        clock.now -= 3_600 * SECOND  # the wall clock does not matter
        clock.elapsed += 10 * SECOND
        await until(lambda: "No sign of the poller" in app._words.status.render().plain)
        assert "poller stopped" in text_of(app, 0)


async def test_a_dead_poller_is_reported_on_its_rows_while_another_polls(
    stream_in_memory: MakeStream,
) -> None:
    beats = [
        heartbeat(symbols=("AAPL", "GC=F")),
        heartbeat(NOW - 10 * SECOND, "killed", symbols=("MSFT", "AAPL")),
    ]
    quotes = [quote(symbol, 10.0) for symbol in ("AAPL", "GC=F", "MSFT")]
    app = make(stream_in_memory(Batch(Position("1"), quotes=quotes, heartbeats=beats)))
    async with app.run_test(size=(100, 20)):
        words = "No sign of the poller of MSFT since"
        await until(lambda: words in app._words.status.render().plain)

        def stopped() -> list[str]:
            rows = ((symbol, text_of(app, n)) for n, symbol in enumerate(app._table.symbols))
            return [symbol for symbol, text in rows if "poller stopped" in text]

        await until(lambda: stopped() == ["MSFT"])


async def test_an_internal_error_is_raised_and_not_printed(
    stream_in_memory: MakeStream,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stream = market(stream_in_memory)

    async def broken() -> Batch:
        raise ZeroDivisionError

    stream.snapshot = broken
    app = make(stream)
    run_async = app.run_async
    monkeypatch.setattr(app, "run_async", lambda: run_async(headless=True, size=(80, 24)))
    with pytest.raises(ZeroDivisionError):
        await app.show()
    assert "Traceback" not in "".join(capsys.readouterr())


@pytest.mark.parametrize("has_poller", [True, False])
async def test_a_screen_with_its_own_poller_calls_an_empty_stream_new(
    stream_in_memory: MakeStream, *, has_poller: bool
) -> None:
    app = make(
        stream_in_memory(StreamMissing("sqlite:x", "there is no such file")),
        controller=Controlled() if has_poller else None,
        simulated=has_poller,
        symbols=["AAPL"],
    )
    async with app.run_test(size=(100, 20)) as pilot:
        await until(lambda: "Opening" not in str(app._words.status.render()))
        await pilot.pause()
        told = str(app._words.status.render())
        assert ("nobody has polled yet" in told) is not has_poller
        # Before the first price: a demo's will be invented for certain.
        assert ("SIMULATED" in str(app._words.title.render())) is has_poller


def replaying(state: str = "replaying", speed: float | None = 10.0) -> Heartbeat:
    return Heartbeat(
        "one",
        "replay",
        "replay",
        NOW,
        NOW,
        SECOND // 2,
        state,
        1,
        1,
        tape_time=NOW - 3_600 * SECOND,
        speed=speed,
    )


async def test_a_replay_shows_its_tape_time_and_space_pauses_it(
    stream_in_memory: MakeStream,
) -> None:
    old = Quote("A", "yahoo", NOW - 3_605 * SECOND, NOW, 5.0, origin="one", sequence=1)
    stream = stream_in_memory(Batch(Position("1"), quotes=[old], heartbeats=[replaying()]))
    player = FakePlayer()
    app = make(stream, player=player)

    def said() -> str:
        return app._words.status.render().plain

    async with app.run_test(size=(100, 20)) as pilot:
        await until(lambda: "REPLAY" in said())
        assert "5s" in text_of(app, 0)  # the age on the tape, not the hour since
        assert "REPLAY" in app._words.title.render().plain
        assert "space pause" in app._words.keys.render().plain
        await pilot.press("space")
        assert player.asked == ["toggle"]
        stream.put(Batch(Position("3"), ticks=[tick("A", 2, 6.0)]))
        stream.put(Batch(Position("4"), heartbeats=[replaying("stopped")]))
        await until(lambda: "REPLAY · end of the recording: 1 tick" in said())


async def test_a_stream_filled_by_a_replay_shows_its_tape_time(
    stream_in_memory: MakeStream,
) -> None:
    stream = stream_in_memory(Batch(Position("1"), heartbeats=[replaying()]))
    app = make(stream)
    async with app.run_test(size=(100, 20)):
        await until(lambda: "REPLAY 14:30:05 ×10" in app._words.status.render().plain)
        stream.put(Batch(Position("2"), heartbeats=[replaying(speed=None)]))
        await until(lambda: "REPLAY 14:30:05 paused" in app._words.status.render().plain)


async def test_a_replay_that_dies_is_reported(stream_in_memory: MakeStream) -> None:
    clock = Clock()
    stream = stream_in_memory(
        Batch(Position("1"), quotes=[quote("A", 5.0)], heartbeats=[replaying()])
    )
    app = make(stream, clock)
    async with app.run_test(size=(100, 20)):
        await until(lambda: "REPLAY" in app._words.status.render().plain)
        clock.elapsed += 60 * SECOND
        await until(lambda: "The replay stopped unexpectedly" in app._words.status.render().plain)


async def test_only_changed_digits_are_marked_and_only_briefly(
    stream_in_memory: MakeStream,
) -> None:
    stream = market(stream_in_memory)
    clock = Clock()
    app = make(stream, clock)

    def marked() -> str:
        palette = app.palette
        return "".join(
            segment.text
            for segment in app._table.render_line(1)
            if segment.style and segment.style.bgcolor
            and segment.style.bgcolor.name in (palette.up_ground, palette.down_ground)
        )  # fmt: skip

    async with app.run_test(size=(100, 20)):
        await until(lambda: "11.00" in text_of(app, 1))
        assert marked() == ""
        stream.put(Batch(Position("2"), ticks=[tick("S0001", 2, 11.25)]))
        await until(lambda: "▲ 11.25" in text_of(app, 1))
        assert marked() == "25"
        stream.put(Batch(Position("3"), ticks=[tick("S0001", 3, 11.24)]))
        await until(lambda: "▼ 11.24" in text_of(app, 1))
        assert marked() == "4"
        clock.elapsed += FLASH
        assert marked() == ""


async def test_rows_appear_and_disappear_as_their_values_pass_the_filter(
    stream_in_memory: MakeStream,
) -> None:
    stream = market(stream_in_memory)
    app = make(stream)
    async with app.run_test(size=(100, 20)) as pilot:
        await until(lambda: "S0002" in app._table)
        await pilot.press("slash", *">11", "enter")
        assert app._table.symbols == ["S0002"]
        stream.put(Batch(Position("2"), ticks=[tick("S0000", 2, 20.0), tick("S0002", 2, 1.0)]))
        await until(lambda: app._table.symbols == ["S0000"])


async def test_tab_shows_the_next_list_and_its_counts_in_the_title(
    stream_in_memory: MakeStream,
) -> None:
    quotes = [
        structs.replace(quote(f"S{i}", 10.0), day_change=float(i - 1), day_change_percent=i - 1.0)
        for i in range(4)
    ]
    stream = stream_in_memory(Batch(Position("1"), quotes=quotes))
    app = make(stream, title="demo", preferences=NoPreferences(watchlists={"mine": ["S3", "S0"]}))

    def title() -> str:
        return app._words.title.render().plain

    async with app.run_test(size=(100, 20)) as pilot:
        await until(lambda: "demo · 2 up, 1 down, 1 unchanged" in title())
        await pilot.press("tab")
        assert app._table.symbols == ["S3", "S0"]
        assert "demo · mine · 1 up, 1 down, 0 unchanged" in title()
        await pilot.press("tab")
        assert app._table.symbols == ["S3", "S2"]
        assert "gainers" in title()
        fallen = Tick("S3", "yahoo", "one", 2, NOW, NOW, 1.0, day_change=-9.0)
        stream.put(Batch(Position("2"), ticks=[fallen]))
        await until(lambda: app._table.symbols == ["S2"])
        await pilot.press("shift+tab", "shift+tab")
        assert len(app._table.symbols) == 4


class Kept(NoPreferences):
    """Preferences that note what is saved, and change on request."""

    def __init__(self, **said: Any) -> None:
        super().__init__(**said)
        self.saved: list[tuple[str, list[str]]] = []
        self.words: str | None = None

    def reload(self) -> str | None:
        words, self.words = self.words, None
        return words

    def save_watchlist(self, name: str, symbols: Sequence[str]) -> str:
        self.saved.append((name, list(symbols)))
        return f"saved {name}"

    def save_columns(self, name: str, columns: Sequence[Column]) -> str:
        self.saved.append((name, spell_columns(columns)))
        return f"saved {name}"


async def test_c_chooses_columns_and_their_order_and_width(stream_in_memory: MakeStream) -> None:
    kept = Kept()
    app = make(market(stream_in_memory), preferences=kept)

    def shown() -> list[str]:
        return [place.column.key for place in app._table.columns.places]

    async with app.run_test(size=(100, 30)) as pilot:
        await until(lambda: "S0002" in app._table)
        before = shown()
        assert before[:3] == ["symbol", "name", "price"]
        await pilot.press("c", "space", "down", "space")  # the symbol stays
        assert shown()[:2] == ["symbol", "price"]
        await pilot.press("down", "left", "left", "escape")
        assert shown()[:2] == ["price", "symbol"]
        await pilot.press("c", ">", "w")
        assert app._table.columns.places[0].width == 11
        assert kept.saved[0][0] == "default"
        assert kept.saved[0][1][:3] == ["price:11", "symbol", "currency"]
        await pilot.press("backspace")
        assert "[ ] quantity" in str(app.screen.query_one(Static).content)
        await pilot.press("c")
        assert shown() == before


async def test_each_list_has_its_own_columns(stream_in_memory: MakeStream) -> None:
    columns = {
        "default": [parse_column(word) for word in ("symbol", "price")],
        "gainers": [parse_column(word) for word in ("symbol", "name:12")],
    }
    risen = structs.replace(quote("S1", 10.0), day_change=1.0)
    stream = stream_in_memory(Batch(Position("1"), quotes=[quote("S0", 10.0), risen]))
    app = make(stream, preferences=NoPreferences(columns=columns))
    async with app.run_test(size=(100, 30)) as pilot:
        await until(
            lambda: [p.column.key for p in app._table.columns.places] == ["symbol", "price"]
        )
        await pilot.press("tab")
        assert [(p.column.key, p.width) for p in app._table.columns.places][1] == ("name", 12)


async def test_w_saves_the_rows_of_a_list_that_is_no_watchlist(
    stream_in_memory: MakeStream,
) -> None:
    risen = structs.replace(quote("S1", 10.0), day_change=1.0)
    stream = stream_in_memory(Batch(Position("1"), quotes=[quote("S0", 10.0), risen]))
    kept = Kept(watchlists={"all": ["S0", "S1"]}, symbols=["S0", "S1"], shown="all")
    app = make(stream, preferences=kept)
    async with app.run_test(size=(100, 30)) as pilot:
        await until(lambda: "S1" in app._table)
        await pilot.press("tab", "w", "enter")  # no name: the list `all` must not shrink
        assert kept.saved == []
        await pilot.press("w", *"all", "enter")
        await until(lambda: "all has other symbols too (S0)" in app._words.status.render().plain)
        assert kept.saved == []
        await pilot.press("w", *"up", "enter")
        assert kept.saved == [("up", ["S1"])]
        await pilot.press("shift+tab", "/", *"s0", "enter", "w", "ctrl+u", *"one", "enter")
        assert kept.saved[1:] == [("one", ["S0"])]


async def test_the_mouse_chooses_columns_too(stream_in_memory: MakeStream) -> None:
    app = make(market(stream_in_memory))
    async with app.run_test(size=(100, 50)) as pilot:
        await until(lambda: "S0002" in app._table)
        await pilot.press("c")
        page = app.screen.query_one("VerticalScroll").region
        left, name = page.x + 2, page.y + 1  # the second column
        await pilot.click(offset=(left + 1, name))
        assert [p.column.key for p in app._table.columns.places][:2] == ["symbol", "price"]
        await pilot.click(offset=(left + 1, name))
        await pilot.click(offset=(left + 42, name))  # wider
        assert app._table.columns.places[1].width == 11
        await pilot.click(offset=(left + 45, name))  # to the left
        assert [p.column.key for p in app._table.columns.places][:2] == ["name", "symbol"]


async def test_a_list_is_saved_on_request_and_follows_changed_preferences(
    stream_in_memory: MakeStream,
) -> None:
    mine = ["S0000", "S0001"]
    kept = Kept(watchlists={"mine": mine, "two": ["S0001", "AWAY"]}, symbols=mine, shown="mine")
    controller = Controlled()
    app = make(market(stream_in_memory), symbols=mine, controller=controller, preferences=kept)
    async with app.run_test(size=(100, 20)) as pilot:
        await until(lambda: "S0001" in app._table)
        await pilot.press("plus", *"gc=f", "enter", "w", "enter")
        assert kept.saved == [("mine", ["S0000", "S0001", "GC=F"])]
        await pilot.press("tab")  # to `two`
        absent = "Not on this screen: AWAY. + adds symbols"
        await until(lambda: absent in app._words.status.render().plain)
        await pilot.press("minus", "w", "enter")
        assert kept.saved[1:] == [("two", ["AWAY"])]
        await pilot.press("tab")  # to all rows
        kept.watchlists = {"mine": ["S0000", "S0002"], "two": ["S0001", "AWAY"]}
        kept.symbols = ["S0000", "S0002"]
        kept.columns = {"default": [parse_column("symbol"), parse_column("price")]}
        kept.words = "read again"
        await until(lambda: app._table.symbols == ["S0000", "GC=F", "S0002"])
        await until(lambda: "read again" in app._words.status.render().plain)
        assert [p.column.key for p in app._table.columns.places] == ["symbol", "price"]
    assert ("add", ["S0002"]) in controller.asked
    assert ("remove", ["S0001"]) in controller.asked


async def test_u_removes_a_symbol_that_the_configuration_added(
    stream_in_memory: MakeStream,
) -> None:
    kept = Kept(symbols=["S0000"])
    app = make(
        market(stream_in_memory), symbols=["S0000"], controller=Controlled(), preferences=kept
    )
    async with app.run_test(size=(100, 20)) as pilot:
        await until(lambda: "S0000" in app._table)
        kept.symbols, kept.words = ["S0000", "S0001"], "read again"
        await until(lambda: app._table.symbols == ["S0000", "S0001"])
        await pilot.press("u")
        await until(lambda: app._table.symbols == ["S0000"])


async def test_everything_is_repainted_after_another_program_used_the_terminal(
    stream_in_memory: MakeStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make(market(stream_in_memory))
    async with app.run_test(size=(100, 20)) as pilot:
        await until(lambda: "S0002" in app._table)
        await pilot.pause()
        painted = Painted(app, monkeypatch)
        app.app_resume_signal.publish(app)
        await until(lambda: {0, 1, 2} <= set(painted.lines))


async def test_a_dragged_heading_moves_its_column_and_a_click_sorts(
    stream_in_memory: MakeStream,
) -> None:
    app = make(market(stream_in_memory), symbols=["S0000", "S0001"])
    async with app.run_test(size=(100, 12)) as pilot:
        await until(lambda: "S0000" in app._table and len(app._table.columns.places) > 3)

        def at(key: str) -> tuple[int, int]:
            return next(p.start for p in app._table.columns.places if p.column.key == key), 0

        def keys() -> list[str]:
            return [place.column.key for place in app._table.columns.places]

        before = keys()
        assert before.index("currency") == before.index("price") + 1
        for held, place in (("price", "symbol"), ("price", "age")):
            await pilot.mouse_down(app._heading, offset=at(held))
            await pilot.mouse_up(app._heading, offset=at(place))
            await pilot.pause()
            assert app._table.sort is None
            assert keys()[keys().index("price") + 1] == "currency"
            assert keys().index("price") == (0 if place == "symbol" else before.index("age") - 1)
        assert sorted(keys()) == sorted(before)
        await pilot.click(app._heading, offset=at("price"))
        await until(lambda: app._table.sort is not None and app._table.sort.field == "price")


async def test_the_cursor_of_a_page_stays_in_sight(stream_in_memory: MakeStream) -> None:
    app = make(market(stream_in_memory))
    async with app.run_test(size=(40, 10)) as pilot:
        await until(lambda: "S0002" in app._table)
        await pilot.press("c", *["j"] * 9)
        await until(lambda: any("] bid" in line.text for line in strips(app)))
        await pilot.press(*["k"] * 9)
        await until(lambda: any("] symbol" in line.text for line in strips(app)))


def strips(app: Dashboard) -> Sequence[Strip]:
    return app.screen._compositor.render_strips()
