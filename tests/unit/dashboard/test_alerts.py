from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from tests.playing import FakePlayer
from tests.waiting import until
from ticker.alert_watch import Alerting
from ticker.board.alert_rules import Told, parse_alert
from ticker.board.alert_words import told_words
from ticker.dashboard import Dashboard
from ticker.dashboard.alerts import LIT
from ticker.dashboard.terminal import notification
from ticker.follow import Follow
from ticker.records import Batch, Gap, Heartbeat, Position, Quote, Tick
from ticker.units import SECOND

NOW = 1_795_447_805_000_000
MakeStream = Callable[..., Any]


def quote(symbol: str, price: float) -> Quote:
    return Quote(symbol, "yahoo", NOW, NOW, price, origin="one", sequence=1)


def tick(sequence: int, price: float, symbol: str = "AAPL", **other: Any) -> Tick:
    return Tick(symbol, "yahoo", "one", sequence, NOW, NOW, price, **other)


class Screen:
    """A dashboard with alerts, and what rang."""

    def __init__(self, make_stream: MakeStream, alerting: Alerting, **how: Any) -> None:
        replays: dict[str, Any] = {"tape_time": NOW, "speed": 1.0} if "player" in how else {}
        state = "replaying" if replays else "ok"
        beat = Heartbeat("one", "w", "yahoo", NOW, NOW, SECOND, state, 2, 2, **replays)
        quotes = [quote("AAPL", 249.0), quote("MSFT", 400.0)]
        self.stream = make_stream(Batch(Position("1"), quotes=quotes, heartbeats=[beat]))
        self.elapsed = 0
        self.alerting = alerting
        feed = Follow(
            self.stream, clock=lambda: NOW, elapsed=lambda: self.elapsed, observe=alerting.take
        )
        alerting.attach(feed)
        self.app = Dashboard(feed, zone=UTC, alerts=alerting, **how)
        self.rang: list[str] = []
        assert self.app._alerts is not None
        self.app._alerts.ring = self.rang.append
        self.pilot: Pilot[Any]

    @asynccontextmanager
    async def shown(self) -> AsyncIterator[None]:
        async with self.alerting, self.app.run_test(size=(100, 24)) as self.pilot:
            await until(lambda: "MSFT" in self.app._table)
            await self.pilot.pause()
            yield

    def line(self, at: int) -> str:
        return self.app._table.render_line(at).text

    @property
    def said(self) -> str:
        return self.app._words.status.render().plain

    async def type(self, words: str) -> None:
        await self.pilot.press(*[{" ": "space", ">": "greater_than_sign"}.get(c, c) for c in words])


async def test_an_alert_rings_once_and_shows_a_notice_and_highlights_its_row(
    stream_in_memory: MakeStream,
) -> None:
    screen = Screen(stream_in_memory, Alerting([(parse_alert("AAPL > 250"), ())]))
    async with screen.shown():
        assert not screen.line(0).startswith("!")
        screen.stream.put(Batch(Position("2"), ticks=[tick(2, 250.5), tick(3, 251.0)]))
        await until(lambda: screen.line(0).startswith("!"))
        assert screen.rang == ["AAPL > 250: 250.50"]
        await until(lambda: "AAPL > 250: 250.50" in screen.said)
        assert not screen.line(1).startswith("!")
        screen.elapsed += LIT
        screen.stream.put(Batch(Position("3"), ticks=[tick(2, 401.0, "MSFT")]))
        await until(lambda: not screen.line(0).startswith("!"))


@pytest.mark.parametrize(
    ("typed", "alert"),
    [("msft > 500", "MSFT > 500"), ("MSFT moves 1% in 5m", "MSFT moves 1% in 5m")],
)
async def test_an_alert_typed_after_the_suggested_start_replaces_it(
    stream_in_memory: MakeStream, typed: str, alert: str
) -> None:
    screen = Screen(stream_in_memory, Alerting())
    async with screen.shown():
        await screen.pilot.press("a")
        await screen.type(typed)
        await screen.pilot.press("enter")
        assert [each.text for each in screen.alerting.alerts] == [alert]


async def test_a_adds_an_alert_for_the_selected_row(
    stream_in_memory: MakeStream, tmp_path: Path
) -> None:
    path = tmp_path / "config.toml"
    screen = Screen(stream_in_memory, Alerting(keep_in=path))
    async with screen.shown():
        await screen.pilot.press("a")
        await screen.type("250")
        await screen.pilot.press("enter")
        assert [alert.text for alert in screen.alerting.alerts] == ["AAPL > 250"]
        await until(lambda: "Alert AAPL > 250. A lists them" in screen.said)
        screen.stream.put(Batch(Position("2"), ticks=[tick(2, 250.5)]))
        await until(lambda: screen.rang == ["AAPL > 250: 250.50"])
        await screen.pilot.press("A")
        await screen.pilot.pause()
        page = str(screen.app.screen.query_one("Static").render())
        assert "true now, rings when true again · not kept" in page
        assert "AAPL > 250: 250.50" in page
        await screen.pilot.press("w")
        assert 'when = "AAPL > 250"' in path.read_text()
        await screen.pilot.press("minus")
        assert not screen.alerting.alerts


async def test_an_invalid_alert_is_refused_with_the_right_form(
    stream_in_memory: MakeStream,
) -> None:
    screen = Screen(stream_in_memory, Alerting())
    async with screen.shown():
        await screen.pilot.press("a")
        await screen.type("high")
        await screen.pilot.press("enter")
        await until(lambda: "'high' is not a number" in screen.said)
        assert not screen.alerting.alerts
        await screen.pilot.press(*["backspace"] * len("high"), *"250", "enter")  # it is corrected
        await until(lambda: [alert.text for alert in screen.alerting.alerts] == ["AAPL > 250"])


async def test_a_replay_reports_an_alert_when_passing_its_mark_and_not_when_seeking(
    stream_in_memory: MakeStream,
) -> None:
    alert = parse_alert("AAPL > 250")
    told = Told(alert, tick(2, 251.0))
    player = FakePlayer(met=[(NOW + SECOND, told)])
    screen = Screen(stream_in_memory, Alerting([(alert, ())]), player=player)
    async with screen.shown():
        screen.app._paint()
        player.time = NOW + 2 * SECOND
        screen.app._paint()
        assert screen.rang == ["AAPL > 250: 251.00"]
        screen.app.feed.board.forget()  # as a seek does
        player.time = NOW
        screen.app._paint()
        screen.app.feed.board.forget()
        player.time = NOW + 3 * SECOND
        screen.app._paint()
        assert len(screen.rang) == 1


def test_a_notification_is_escaped_and_fits_the_terminal() -> None:
    assert notification("A\x1b]0;x\a", {}) == "\a\x1b]9;ticker: A␛]0;x␇\a"
    assert notification("A > 1", {"TERM": "linux"}) == "\a"
    assert notification("A", {"TMUX": "x"}) == "\a\x1bPtmux;\x1b\x1b]9;ticker: A\a\x1b\\"


@pytest.mark.parametrize(
    ("alert", "record", "gap", "words"),
    [
        ("AAPL > 250", tick(2, 250.5), None, "AAPL > 250: 250.50"),
        ("EURUSD=X > 1.1588", tick(2, 1.16), None, "EURUSD=X > 1.1588: 1.1600"),
        ("AAPL volume > 1000", tick(2, 1.0, volume=12_000), None, "AAPL volume > 1000: 12.0k"),
        (
            "AAPL day_change_percent > 2",
            tick(2, 250.5, day_change_percent=2.104),
            Gap("s", "o", "w", NOW, "poller stopped", from_=NOW - 300 * SECOND, until=NOW),
            "AAPL day_change_percent > 2: +2.10% at 250.50, "
            "seen after a gap of 5m (poller stopped)",
        ),
        ("AAPL > 250", tick(2, 251.0, simulated=True), None, "AAPL > 250: 251.00 (SIMULATED)"),
    ],
)
def test_the_text_of_an_alert_names_its_price_and_reason(
    alert: str, record: Tick, gap: Gap | None, words: str
) -> None:
    assert told_words(Told(parse_alert(alert), record, gap=gap), NOW, UTC) == words
