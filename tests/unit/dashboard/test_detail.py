from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from datetime import UTC
from typing import Any

import msgspec
import pytest
from textual.pilot import Pilot

from tests.examples import some
from tests.waiting import until
from ticker.dashboard import Dashboard, histories
from ticker.follow import Follow
from ticker.records import Batch, Gap, Position, Quote, Tick
from ticker.units import DAY, MINUTE, SECOND

NOW = 1_795_447_805_000_000

MakeStream = Callable[..., Any]


def quote(symbol: str, price: float) -> Quote:
    return Quote(
        symbol, "yahoo", NOW, NOW, price, origin="one", sequence=9, name=f"{symbol} Inc.",
        previous_close=4.0, day_high=6.25, day_low=3.5, market_cap=2_000_000,
    )  # fmt: skip


def tick(symbol: str, sequence: int, price: float, time: int = NOW) -> Tick:
    return Tick(symbol, "yahoo", "one", sequence, time, time, price, previous_price=price - 0.5)


class Past(Follow):
    """A feed that remembers two ticks and a gap of `A`."""

    async def history(self, symbols: Collection[str]) -> AsyncGenerator[Batch, None]:
        old = [tick(s, i, 4.0 + i / 10, NOW - (10 - i) * MINUTE) for s in symbols for i in (1, 2)]
        gap = Gap(
            "one", "w", "w", NOW, "poller stopped", from_=NOW - 7 * MINUTE, until=NOW - 5 * MINUTE
        )
        yield Batch(Position("0"), ticks=old, gaps=[gap])


@pytest.fixture
def shown(stream_in_memory: MakeStream, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    monkeypatch.setattr(histories, "_SETTLED", 0)

    @asynccontextmanager
    async def show(size: tuple[int, int] = (100, 24)) -> AsyncIterator[tuple[Any, Pilot[Any], Any]]:
        quotes = [quote(symbol, 5.0) for symbol in ("A", "B", "C")]
        stream = stream_in_memory(Batch(Position("1"), quotes=quotes))
        app = Dashboard(Past(stream, clock=lambda: NOW, elapsed=lambda: NOW), zone=UTC)
        async with app.run_test(size=size) as pilot:
            await until(lambda: "C" in app._table)
            yield app, pilot, stream

    return show


def text_of(app: Dashboard) -> str:
    lines = range(app._detail.size.height)
    return "\n".join(app._detail.render_line(y).text for y in lines)


async def test_enter_opens_the_detail_and_escape_shows_the_table_again(
    shown: Callable[..., Any],
) -> None:
    async with shown() as (app, pilot, _):
        await pilot.press("down", "enter")
        await until(lambda: "B Inc." in text_of(app))
        assert not app.query_one("#list").display
        assert "3.50 to 6.25" in text_of(app)
        assert "2.0M" in text_of(app)
        await pilot.press("escape")
        assert app.query_one("#list").display
        assert app._table.has_focus
        assert app.feed.board.focus is None


async def test_no_number_is_cut_at_any_width(shown: Callable[..., Any]) -> None:
    long = msgspec.structs.replace(
        quote("L", 104_120.4), price_hint=2,
        fifty_two_week_low=88_675.47, fifty_two_week_high=113_512.34,
    )  # fmt: skip
    ticks = [
        msgspec.structs.replace(
            tick("L", 12 - n, 104_120.4 - n),
            size=25, time=NOW - n * DAY, bid=104_120.2, ask=104_120.6,
        )
        for n in (2, 1, 0)
    ]  # fmt: skip
    whole = {
        "104,120.40", "104,119.40", "104,118.40", "104,120.20", "104,120.60", "88,675.47",
        "113,512.34",
    }  # fmt: skip
    async with shown((40, 70)) as (app, pilot, stream):
        stream.put(Batch(Position("2"), quotes=[long], ticks=ticks))
        await until(lambda: "L" in app._table)
        await pilot.press("end", "enter")
        for width in (40, 60, 84, 100, 140):
            await pilot.resize_terminal(width, 70)
            await until(lambda: "L Inc." in text_of(app))
            text = text_of(app)
            assert {"104,120.20", "104,120.60", "88,675.47", "113,512.34"} <= set(text.split())
            told = set(re.findall(r"\d[\d.]*,[\d.,]*", text))
            assert {each for each in told if not re.fullmatch(r"\d+,000.00", each)} <= whole, width


async def test_a_gap_between_two_of_the_last_ticks_is_marked(shown: Callable[..., Any]) -> None:
    async with shown((140, 40)) as (app, pilot, stream):
        await pilot.press("enter")
        await until(lambda: "A Inc." in text_of(app))
        until_now = Gap("yahoo", "one", "w", NOW, "slow", from_=NOW - 76 * SECOND, until=NOW)
        ticks = [tick("A", 10 + n, 5.0 + n, NOW - (90 - 90 * n) * SECOND) for n in (0, 1)]
        stream.put(Batch(Position("2"), ticks=ticks, gaps=[until_now]))
        await until(lambda: "6.00" in text_of(app))
        lines = [line.rstrip().rsplit("  ", 1)[-1] for line in text_of(app).splitlines()]
        assert lines[(at := lines.index("Last ticks")) :][2] == "gap of 1m 16s", lines[at:]
        assert lines.count("gap of 1m 16s") == 1


async def test_arrows_move_from_symbol_to_symbol(shown: Callable[..., Any]) -> None:
    async with shown() as (app, pilot, _):
        await pilot.press("enter", "down", "j")
        await until(lambda: "C Inc." in text_of(app))
        await pilot.press("down", "up")
        await until(lambda: "B Inc." in text_of(app))
        await pilot.press("escape")
        assert app._table.chosen == "B"


async def test_past_ticks_are_read_and_new_ticks_are_listed(
    shown: Callable[..., Any],
) -> None:
    async with shown() as (app, pilot, stream):
        await pilot.press("enter")
        await until(lambda: "15:22:05  4.20  +0.50" in text_of(app))
        assert "no prices from" in text_of(app)
        stream.put(Batch(Position("2"), ticks=[tick("A", 10, 5.5), tick("B", 10, 7.77)]))
        await until(lambda: "15:30:05  5.50  +0.50" in text_of(app))
        assert "7.77" not in text_of(app)
        assert "◀5.50" in text_of(app)


async def test_a_replay_step_and_the_cursor_stay_on_the_symbol(
    shown: Callable[..., Any],
) -> None:
    async with shown() as (app, pilot, _):
        await pilot.press("down", "enter")
        assert app._on_screen() == ["B"]
        await pilot.press("slash", "escape")
        assert app._detail.has_focus
        await pilot.press("question_mark", "question_mark", "escape")
        assert app._table.has_focus


async def test_after_a_seek_backwards_the_detail_holds_nothing_later(
    shown: Callable[..., Any],
) -> None:
    async with shown() as (app, pilot, stream):
        await pilot.press("enter")
        stream.put(Batch(Position("2"), ticks=[tick("A", 10, 9.99)]))
        await until(lambda: "9.99" in text_of(app))
        app.feed.board.forget()
        app.feed.board.fold(Batch(Position("1"), quotes=[quote("A", 5.0)]), NOW)
        app._changed()
        await until(lambda: "9.99" not in text_of(app) and "◀5.00" in text_of(app))


async def test_a_frozen_board_keeps_its_detail(shown: Callable[..., Any]) -> None:
    async with shown() as (app, pilot, stream):
        await pilot.press("enter")
        await until(lambda: "15:22:05" in text_of(app))
        await pilot.press("space")
        stream.put(Batch(Position("2"), ticks=[tick("A", 10, 9.99)]))
        await until(lambda: app.feed.board.waiting == 1)
        await pilot.resize_terminal(110, 30)
        await pilot.pause()
        assert "9.99" not in text_of(app)
        await pilot.press("space")
        await until(lambda: "◀9.99" in text_of(app))


async def test_the_detail_fits_any_terminal(shown: Callable[..., Any]) -> None:
    async with shown((1, 1)) as (app, pilot, _):
        for size in some((1, 1), (20, 6), (1, 67), (8, 3), (59, 12), (300, 100), plain=2):
            await pilot.resize_terminal(*size)
            await pilot.press("enter", "down")
            detail = app._detail
            widths = {detail.render_line(y).cell_length for y in range(detail.size.height)}
            assert widths <= {detail.size.width}, size
            await pilot.resize_terminal(100, 30)
            await until(lambda: "B Inc." in text_of(app))
            assert app.failure is None
            await pilot.press("escape", "home")


async def test_a_second_click_opens_the_row(shown: Callable[..., Any]) -> None:
    async with shown() as (app, pilot, _):
        await pilot.click(app._table, offset=(5, 1), times=2)
        await until(lambda: "B Inc." in text_of(app))


async def test_v_draws_candles_and_a_tick_moves_the_newest(shown: Callable[..., Any]) -> None:
    async with shown() as (app, pilot, stream):
        await pilot.press("enter")
        await until(lambda: "⠉" in text_of(app) or "⣀" in text_of(app))
        await pilot.press("v")
        candles = text_of(app)
        assert "▄" in candles or "▀" in candles
        stream.put(Batch(Position("2"), ticks=[tick("A", 10, 7.0, NOW + SECOND)]))
        await until(lambda: "◀7.00" in text_of(app))
        assert text_of(app) != candles
        await pilot.press("v")
        assert "▄" not in text_of(app)


async def test_on_a_wide_terminal_the_detail_is_beside_the_table_and_follows_its_cursor(
    shown: Callable[..., Any],
) -> None:
    async with shown((160, 24)) as (app, pilot, _):
        await pilot.press("enter")
        await until(lambda: "A Inc." in text_of(app))
        assert app._table.region.width > 60
        assert app._table.region.right <= app._detail.region.x
        await pilot.press("down")
        await until(lambda: "B Inc." in text_of(app))
        await pilot.click("Table", offset=(3, 2))
        await until(lambda: "C Inc." in text_of(app))
        await pilot.resize_terminal(80, 24)
        await until(lambda: not app.query_one("#list").display and app._detail.has_focus)
        await pilot.press("up")
        await until(lambda: "B Inc." in text_of(app))
        await pilot.press("escape")
        assert app._table.has_focus
