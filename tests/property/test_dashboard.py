"""With any keys, sizes and ticks the dashboard stays whole and shows the last price."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.controlled import Controlled
from tests.examples import IS_PLAIN, examples
from tests.playing import NOW, FakePlayer
from ticker.board import Board
from ticker.dashboard import Dashboard
from ticker.dashboard.control import NoPreferences
from ticker.dashboard.flash import marked
from ticker.dashboard.keys import KEYS
from ticker.dashboard.palette import DARK
from ticker.follow import Follow
from ticker.records import Batch, Gap, Heartbeat, Position, Quote, Tick
from ticker.units import SECOND

STEPS = 12 if IS_PLAIN else 1_000
"""Of each of two runs."""
LARGEST = (120, 40) if IS_PLAIN else (300, 100)
"""The largest terminal: most of the time goes into painting it."""
SYMBOLS = ("AAPL", "GC=F", "BTC-USD", "AAPL261218C00250000", "X")
TYPED = (
    *"jksSvyp+-/?icwaA,.[]nNmlLgu0123456789>%:e",
    *("up", "down", "left", "right", "shift+left", "home", "end", "pageup", "pagedown"),
    *("enter", "escape", "tab", "shift+tab", "space", "backspace", "ctrl+home", "ctrl+end"),
)
"""All keys but those that end the dashboard."""


def news(rng: random.Random, number: int) -> Batch:
    symbol = rng.choice(SYMBOLS)
    price = rng.choice((1.0, 0.00001, -5.5, 1e12, rng.uniform(1, 1_000)))
    facts: dict[str, Any] = {
        "day_change": rng.uniform(-9, 9),
        "day_change_percent": rng.uniform(-9, 9),
    }
    tick = Tick(symbol, "yahoo", "one", number, NOW + number, NOW + number, price, **facts)
    gaps = []
    if rng.random() < 0.1:
        gaps.append(Gap("yahoo", "one", "w", NOW, "slow answer", from_=NOW - 9, until=NOW))
    return Batch(Position(str(number)), ticks=[tick], gaps=gaps)


@pytest.mark.parametrize("is_replay", [True, False])
async def test_no_key_or_terminal_size_or_tick_breaks_a_frame(
    stream_in_memory: Callable[..., Any], tmp_path: Path, *, is_replay: bool
) -> None:
    elapsed = 0
    rng = random.Random(7 + is_replay)  # noqa: S311  no secret
    tape: dict[str, Any] = {"tape_time": NOW, "speed": 1.0} if is_replay else {}
    beat = Heartbeat("one", "w", "replay" if is_replay else "yahoo", NOW, NOW, SECOND,
                     "replaying" if is_replay else "ok", 1, 1, **tape)  # fmt: skip
    quotes = [
        Quote(s, "yahoo", NOW, NOW, 5.0, origin="one", sequence=1, kind="equity", name=f"{s} Inc.")
        for s in SYMBOLS
    ]
    stream = stream_in_memory(Batch(Position("1"), quotes=quotes, heartbeats=[beat]))
    app = Dashboard(
        Follow(stream, SYMBOLS, clock=lambda: NOW + elapsed, elapsed=lambda: NOW + elapsed),
        controller=Controlled(),
        player=FakePlayer() if is_replay else None,
        preferences=NoPreferences(watchlists={"mine": ["X", "AAPL"]}),
        folder=tmp_path,
    )
    async with app.run_test(size=(80, 24)) as pilot:
        for number in range(2, STEPS + 2):
            elapsed += SECOND // 10
            stream.put(news(rng, number))
            key = rng.choice(TYPED)
            if rng.random() < 0.1:
                await pilot.resize_terminal(*map(partial(rng.randint, 1), LARGEST))
            await pilot.press(key)
            if number % 100 == 0:
                app.feed.board.forget()
            assert app.failure is None, key
            width, height = app.size
            strips = app.screen._compositor.render_strips()
            assert len(strips) == height, key
            assert {strip.cell_length for strip in strips} <= {width}, (key, app.size)


@given(st.lists(st.tuples(st.sampled_from("AB"), st.floats(0.01, 1e9)), max_size=30), st.data())
@settings(max_examples=examples(50))
def test_the_row_shows_the_last_price_however_ticks_are_batched(
    moves: list[tuple[str, float]], data: st.DataObject
) -> None:
    ticks, last = [], dict[str, float]()
    for number, (symbol, price) in enumerate(moves, 1):
        ticks.append(Tick(symbol, "yahoo", "one", number, NOW + number, NOW + number, price))
        last[symbol] = price
    board = Board()
    while ticks:
        size = data.draw(st.integers(1, len(ticks)))
        board.fold(Batch(Position("0"), ticks=ticks[:size]), NOW)
        del ticks[:size]
    assert {symbol: board.row(symbol).price for symbol in board.symbols} == last
    for symbol in last:
        history = board.history(symbol)
        assert history is not None
        assert history.prices[-1] == last[symbol]


async def test_the_screen_shows_the_last_price_even_when_frames_are_skipped(
    stream_in_memory: Callable[..., Any],
) -> None:
    rng = random.Random(3)  # noqa: S311  no secret
    elapsed = 0
    feed = Follow(stream_in_memory(), SYMBOLS, clock=lambda: NOW, elapsed=lambda: elapsed)
    app = Dashboard(feed)
    board, sequence = feed.board, 0
    async with app.run_test(size=(60, 12)) as pilot:
        await pilot.pause()
        for _ in range(STEPS):
            for _ in range(rng.randint(1, 4)):  # batches, some of which no frame follows
                ticks = []
                for _ in range(rng.randint(0, 5)):
                    sequence += 1
                    price = round(rng.uniform(1, 9.99), 2)
                    ticks.append(
                        Tick(rng.choice(SYMBOLS), "yahoo", "one", sequence, NOW, NOW, price)
                    )
                board.fold(Batch(Position("0"), ticks=ticks), elapsed)
                elapsed += rng.choice((0, SECOND // 10, SECOND))
                if rng.random() < 0.3:
                    app._painter.paint()
                if rng.random() < 0.1:
                    app._table.scroll_to(y=rng.randint(0, 3), animate=False)
            app._painter.paint()
            await pilot.pause()
            # What is on the terminal: lines that no frame painted again are as they were.
            lines = [strip.text for strip in app.screen._compositor.render_strips()]
            for symbol in board.symbols:
                last = board.row(symbol).price
                if last is not None:
                    (line,) = [line for line in lines if line.split()[:1] == [symbol]]
                    assert f" {last:.2f} " in line, (symbol, line)


@given(st.integers(-(10**9), 10**9), st.integers(-(10**9), 10**9), st.sampled_from([1, -1]))
def test_a_marked_price_has_all_its_digits(new: int, old: int, direction: int) -> None:
    text, before = f"{new / 100:,.2f}".rjust(20), f"{old / 100:,.2f}".rjust(20)
    painted = "".join(s.text for s in marked(text, before, direction, DARK, DARK.ground))
    assert painted.replace("▲", " ").replace("▼", " ") == text


def test_the_random_keys_include_every_documented_key() -> None:
    bound = {"↑↓": "up", "esc": "escape", "←→": "left"}
    for key in KEYS:
        for name in key.keys.split():
            assert bound.get(name, name) in TYPED or name == "q", name
