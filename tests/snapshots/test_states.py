"""Each state of a price and of a stream, in words on row and status line: one file of text."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC
from typing import Any, NamedTuple

import pytest
from syrupy.assertion import SnapshotAssertion

from tests.playing import MINUTE, NOW, FakePlayer
from ticker.dashboard import Dashboard
from ticker.errors import StreamUnreachable
from ticker.follow import Follow
from ticker.records import Batch, Gap, Heartbeat, Position, Quote
from ticker.units import SECOND

SIZES = ((110, 6), (80, 8))


class State(NamedTuple):
    row: str
    """The text of the row on the settled screen."""
    line: str
    """The text of the status line, or of the title (SIMULATED)."""
    quote: dict[str, Any]
    beat: dict[str, Any]
    gaps: tuple[Gap, ...] = ()
    is_lost: bool = False


PAUSE = Gap("yahoo", "one", "w", NOW - 5 * SECOND, "slow answer",
            from_=NOW - 9 * SECOND, until=NOW - 5 * SECOND)  # fmt: skip
QUOTE: dict[str, Any] = {
    "source": "yahoo", "price": 247.31, "origin": "one", "sequence": 1, "currency": "USD",
    "name": "Apple Inc.", "price_hint": 2, "previous_close": 245.55, "day_change": 1.76,
    "day_change_percent": 0.7168, "volume": 38_214_902, "session": "regular",
}  # fmt: skip
BEAT: dict[str, Any] = {
    "origin": "one", "writer": "w", "source": "yahoo", "time": NOW, "received": NOW,
    "interval": SECOND, "state": "ok", "asked": 1, "answered": 1, "symbols": ("AAPL", "MSFT"),
}  # fmt: skip
OLD: dict[str, Any] = {"time": NOW - 12 * MINUTE, "received": NOW - 12 * MINUTE}
STATES = {
    "fresh": State("now", "1 of 1 answered", {}, {}),
    "quiet": State("12m  unchanged", "unchanged", OLD, {}),
    "closed": State("12m  market closed", "closed", {**OLD, "session": "closed"}, {}),
    "pre": State("pre-market", "pre-market", {"session": "pre"}, {}),
    "post": State("after hours", "after hours", {"session": "post"}, {}),
    "delayed": State("delayed 15m", "delayed", {**OLD, "delay": 15 * MINUTE}, {}),
    "rate-limited": State(
        "rate-limited",
        "too many requests. Next try 15:33:05",
        OLD,
        {"state": "rate-limited", "retry_at": NOW + 3 * MINUTE},
    ),
    "unreachable": State(
        "unreachable", "Check your connection, or try", OLD, {"state": "unreachable"}
    ),
    "poller stopped": State(
        "poller stopped",
        "Start one: ticker poll AAPL MSFT",
        OLD,
        {"time": NOW - 12 * MINUTE, "received": NOW - 12 * MINUTE},
    ),
    "starting": State(
        "starting",
        "Waiting for the first answer from Yahoo",
        OLD,
        {"state": "starting", "asked": 0, "answered": 0},
    ),
    "stream away": State("stream away", "its disk is away. Next try", {}, {}, is_lost=True),
    "gap": State("now  gap of 4s", "gap of 4s (slow answer)", {}, {}, gaps=(PAUSE,)),
    "replaying": State(
        "now",
        "REPLAY",
        {},
        {"state": "replaying", "source": "replay", "tape_time": NOW, "speed": 10.0},
    ),
    "unknown symbol": State(
        "AAPL      Yahoo knows no such symbol. Did you mean AAPL.L?",
        "refused (i says why)",
        {"symbol": "MSFT"},
        {"refused": {"AAPL": "Yahoo knows no such symbol. Did you mean AAPL.L?"}},
    ),
    "simulated": State("now", "SIMULATED", {"simulated": True}, {}),
}


def dashboard(state: State, make_stream: Callable[..., Any]) -> Dashboard:
    told: dict[str, Any] = {"symbol": "AAPL", "time": NOW, "received": NOW} | state.quote
    quote = Quote(**QUOTE | told)
    beat = Heartbeat(**BEAT | state.beat)
    stream = make_stream(Batch(Position("1"), quotes=[quote], heartbeats=[beat]))
    if state.gaps:
        stream.put(Batch(Position("2"), gaps=list(state.gaps)))
    if state.is_lost:
        stream.put(StreamUnreachable(stream.url, "its disk is away"))
    feed = Follow(
        stream,
        ["AAPL"],
        clock=lambda: NOW,
        elapsed=lambda: NOW,
        pause=lambda _: asyncio.Event().wait(),
    )
    player = FakePlayer() if "tape_time" in state.beat else None
    return Dashboard(feed, zone=UTC, player=player)


async def screen(state: State, make_stream: Callable[..., Any], size: tuple[int, int]) -> str:
    """The text of the screen, when row and status line say what they should."""
    app = dashboard(state, make_stream)
    async with app.run_test(size=size) as pilot:
        lines: list[str] = []
        for _ in range(500):
            await pilot.pause(0.01)
            is_loading = any(map(app._histories.is_loading, app.feed.board.symbols))
            app._painter.paint()
            app._painter.tick()
            await pilot.pause()
            lines = [s.text.rstrip() for s in app.screen._compositor.render_strips()]
            is_behind = app._frames.is_waiting or app._painter.is_behind
            if is_told(state, lines) and not is_behind and not is_loading:
                break
    text = "\n".join(lines)
    assert is_told(state, lines), text
    return text


def is_told(state: State, lines: list[str]) -> bool:
    rows = [line for line in lines if line.startswith(" AAPL")]
    around = " ".join(" ".join(line for line in lines if line not in rows).split())
    return any(state.row in row for row in rows) and state.line in around


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("state", STATES)
async def test_each_state_is_shown_in_words_on_row_and_status_line(
    snapshot: SnapshotAssertion,
    stream_in_memory: Callable[..., Any],
    state: str,
    size: tuple[int, int],
) -> None:
    assert await screen(STATES[state], stream_in_memory, size) == snapshot
