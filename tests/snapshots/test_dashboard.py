"""Pictures of the dashboard at one fixed moment. `--snapshot-update` draws them again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC
from decimal import Decimal
from math import cos, sin
from typing import Any

import pytest
from msgspec import structs
from textual.command import CommandList
from textual.pilot import Pilot
from textual.widgets import Input

from tests.examples import some
from tests.playing import FakePlayer
from ticker.alert_watch import Alerting
from ticker.board import Sort
from ticker.board.alert_rules import parse_alert
from ticker.board.holdings import Portfolio
from ticker.config.holdings_and_alerts import Holdings, Lot
from ticker.dashboard import Dashboard
from ticker.dashboard.status import of_rows
from ticker.follow import Follow
from ticker.health import StreamState
from ticker.records import Batch, Gap, Heartbeat, Position, Quote, Tick
from ticker.units import SECOND

NOW = 1_795_447_805_000_000
"""23 November 2026, 15:30:05 UTC."""

SnapCompare = Callable[..., bool]

SIZES = some((40, 10), (80, 24), (140, 50), (250, 70), plain=2)
"""Columns and lines of the terminals in which each screen is drawn."""


def _is_laid_out(app: Dashboard) -> bool:
    """Return whether the status has the lines that its text needs, within its limit."""
    bar, most = app._words.status, 1 if app.screen.has_class("-tiny") else 3
    return bar.size.height == min(bar._lines(bar.render()), most)


def _without_rate(pilot: Pilot[Any]) -> None:
    """Do not measure ticks per second: they depend on the machine."""
    assert isinstance(pilot.app, Dashboard)
    pilot.app._painter.rate.look = lambda *_: None  # type: ignore[method-assign]


async def settled(pilot: Pilot[Any]) -> None:
    """Wait until the stream's last batch is on the screen."""
    app = pilot.app
    assert isinstance(app, Dashboard)
    assert isinstance(app.feed, Follow)
    stream, board = app.feed.stream, app.feed.board
    async with asyncio.timeout(30):
        while (
            app.feed.state is StreamState.OPENING
            # The last batch is folded in, and the screen was notified.
            or (stood := app.feed._following.stood) is None
            or stood.position != stream.position  # type: ignore[attr-defined]
            or any(map(app._histories.is_loading, board.symbols))
            or app._frames.is_waiting
            or app._painter.is_behind
            # The status counts them within a second: a frame for it alone would cost too much.
            or (board.ticks and f"{board.ticks} ticks" not in app._words.told)
            or of_rows(app._table.ages()).words not in app._words.told
            or not _is_laid_out(app)
        ):
            await pilot.pause(0.02)
    await pilot.pause()


async def settled_then_help(pilot: Pilot[Any]) -> None:
    await settled(pilot)
    await pilot.press("question_mark")


def quote(symbol: str, price: float, close: float, name: str, **facts: Any) -> Quote:
    change = round(price - close, 6)
    told: dict[str, Any] = {
        "source": "exchange",
        "origin": "k3v9xq2m",
        "sequence": 10,
        "time": NOW - 900_000,
        "received": NOW - 600_000,
        "session": "regular",
        "currency": "USD",
        "simulated": True,
        "previous_close": close,
        "day_change": change,
        "day_change_percent": change / close * 100,
        "price_hint": 2,
    }
    return Quote(symbol=symbol, price=price, name=name, **(told | facts))


def tick(before: Quote, price: float) -> Tick:
    return Tick(
        symbol=before.symbol,
        source=before.source,
        origin=before.origin or "",
        sequence=(before.sequence or 0) + 1,
        time=NOW - 200_000,
        received=NOW - 100_000,
        price=price,
        previous_price=before.price,
        day_change=before.day_change,
        day_change_percent=before.day_change_percent,
        volume=before.volume,
        currency=before.currency,
        session=before.session,
        simulated=before.simulated,
    )


def heartbeat(**facts: Any) -> Heartbeat:
    told: dict[str, Any] = {
        "origin": "k3v9xq2m",
        "writer": "w1",
        "source": "exchange",
        "time": NOW - 400_000,
        "received": NOW - 300_000,
        "interval": SECOND,
        "state": "ok",
        "asked": 11,
        "answered": 11,
    }
    return Heartbeat(**(told | facts))


MARKET = (
    quote("AAPL", 247.31, 245.55, "Apple Inc.", volume=38_214_902),
    quote("MSFT", 408.02, 410.54, "Microsoft Corporation", volume=17_402_118),
    quote("NVDA", 134.43, 131.28, "NVIDIA Corporation", volume=204_551_730),
    quote("AMZN", 216.58, 216.50, "Amazon.com, Inc.", volume=29_118_004),
    quote("^IXIC", 19_524.01, 19_486.79, "NASDAQ Composite", kind="index", volume=6_218_330_000),
    quote("GC=F", 4_101.3, 4_088.9, "Gold Dec 26", kind="future", volume=120_431,
          price_hint=1, delay=600 * SECOND, time=NOW - 601 * SECOND),
    quote("SI=F", 50.915, 51.302, "Silver Dec 26", kind="future", volume=41_908,
          price_hint=3, delay=600 * SECOND, time=NOW - 602 * SECOND),
    quote("CL=F", 70.4, 69.87, "Crude Oil Jan 27", kind="future", volume=251_007,
          delay=600 * SECOND, time=NOW - 601 * SECOND),
    quote("EURUSD=X", 1.0461, 1.0498, "EUR/USD", kind="currency", price_hint=4),
    quote("BTC-USD", 95_773.38, 96_632.68, "Bitcoin USD", kind="cryptocurrency",
          volume=31_200_480_256),
    quote("OCDO.L", 302.7, 296.9, "OCADO GROUP PLC ORD 2P", currency="GBp",
          session="closed", time=NOW - 3 * 86_400 * SECOND, volume=2_118_440),
)  # fmt: skip


def past() -> list[Tick]:
    """Two hours of ticks, once a minute; each symbol moves in its own way, up to its quote."""
    ticks = []
    for number, now in enumerate(MARKET[:-1]):
        price, size = now.price, abs(now.day_change or 1.0)
        for minute in range(120):
            wave = sin(minute / (7 + number)) + cos(minute / (23 + 3 * number))
            if minute in range(70, 85):  # the poller was stopped
                continue
            time = NOW - (120 - minute) * 60 * SECOND
            ticks.append(
                Tick(now.symbol, now.source, "past", minute + 1, time, time,
                     price + size * (wave - minute / 120) / 3, simulated=True)
            )  # fmt: skip
    return ticks


PAUSE = Gap(
    "exchange", "k3v9xq2m", "w1", NOW - 35 * 60 * SECOND, "poller stopped",
    from_=NOW - 50 * 60 * SECOND, until=NOW - 35 * 60 * SECOND,
)  # fmt: skip

MOVES = (tick(MARKET[0], 247.34), tick(MARKET[2], 134.39), tick(MARKET[9], 95_780.11))


@dataclass
class Scene:
    """A dashboard at `NOW`, over a stream in memory."""

    make_stream: Callable[..., Any]

    def dashboard(
        self,
        quotes: Sequence[Quote] = MARKET,
        beats: Sequence[Heartbeat] | None = None,
        *,
        symbols: Sequence[str] | None = None,
        title: str = "demo",
        look: str = "dark",
        moves: Sequence[Tick] = MOVES,
        sort: Sort | None = None,
        player: FakePlayer | None = None,
        lots: Sequence[Lot] = (),
        alerting: Alerting | None = None,
        environ: dict[str, str] | None = None,
    ) -> Dashboard:
        stream = self.make_stream(
            Batch(
                Position("1"),
                quotes=quotes,
                heartbeats=[heartbeat()] if beats is None else beats,
            )
        )
        if moves:
            stream.put(Batch(Position("2"), ticks=moves))
        if symbols is None and quotes:
            symbols = [q.symbol for q in quotes]
        beside = [q.symbol for q in quotes if q.symbol not in (symbols or ())]
        observe = (lambda _: None) if alerting is None else alerting.take
        watch = Follow(
            stream, symbols, beside=beside, observe=observe, clock=lambda: NOW, elapsed=lambda: NOW
        )
        if lots:
            watch.board.own(Portfolio(Holdings({"EUR": Decimal(4250)}, tuple(lots)), "EUR"))
        if alerting is not None:
            alerting.attach(watch)
        return Dashboard(
            watch,
            title=title,
            zone=UTC,
            look=look,
            sort=sort,
            player=player,
            alerts=alerting,
            environ=environ,
        )


@pytest.fixture
def scene(stream_in_memory: Callable[..., Any]) -> Scene:
    return Scene(stream_in_memory)


WIDE = (100, 19)


def test_stocks_and_gold_marked_simulated(snap_compare: SnapCompare, scene: Scene) -> None:
    app = scene.dashboard()
    app.feed.board.remember(Batch(Position("0"), ticks=past(), gaps=[PAUSE]))
    assert snap_compare(app, terminal_size=(112, 17), run_before=settled)


def test_stocks_and_gold_on_a_light_background_sorted_by_change(
    snap_compare: SnapCompare, scene: Scene
) -> None:
    app = scene.dashboard(look="light", sort=Sort("day_change_percent", reverse=True))
    assert snap_compare(app, terminal_size=WIDE, run_before=settled)


def test_the_page_of_keys_shows_only_keys_that_work(
    snap_compare: SnapCompare, scene: Scene
) -> None:
    assert snap_compare(scene.dashboard(), terminal_size=WIDE, run_before=settled_then_help)


def test_a_dead_poller_is_shown_in_every_row_and_in_the_status(
    snap_compare: SnapCompare, scene: Scene
) -> None:
    gone = heartbeat(time=NOW - 64 * SECOND, received=NOW - 64 * SECOND)
    old = [
        quote(q.symbol, q.price, q.previous_close or 1, q.name or "",
              time=q.time - 64 * SECOND, received=q.received - 64 * SECOND)
        for q in MARKET[:5]
    ]  # fmt: skip
    assert snap_compare(
        scene.dashboard(old, [gone], moves=()), terminal_size=WIDE, run_before=settled
    )


def test_an_empty_stream_shows_the_next_step(snap_compare: SnapCompare, scene: Scene) -> None:
    app = scene.dashboard((), (), moves=(), title="stream.sqlite")
    assert snap_compare(app, terminal_size=WIDE, run_before=settled)


@pytest.mark.parametrize("size", SIZES)
def test_the_table_fits_its_terminal(
    snap_compare: SnapCompare, scene: Scene, size: tuple[int, int]
) -> None:
    contracts = [
        quote(f"AAPL261218C00{strike}000", 12.5 + n, 12.1, "AAPL Dec 2026", kind="option")
        for n, strike in enumerate((250, 255))
    ]
    facts = {"bid": 247.3, "ask": 247.32, "open": 245.9, "day_low": 244.8, "day_high": 248.2}
    year = {"fifty_two_week_low": 169.2, "fifty_two_week_high": 260.1, "market_cap": 3.7e12}
    first = structs.replace(MARKET[0], **facts, **year, kind="equity", exchange="NasdaqGS")
    app = scene.dashboard([first, *contracts, *MARKET[1:]])
    assert snap_compare(app, terminal_size=size, run_before=settled)


def test_hostile_names_are_shown_harmlessly(snap_compare: SnapCompare, scene: Scene) -> None:
    names = (
        "\x1b]0;x\x07",
        "[bold red]loud[/]",
        "left \u202egnp.exe",
        "x" * 1_000,
        "nul \x00 and bell \x07",
        "lone \ud800 surrogate",
        "Z\u0336\u0336\u0336\u0336\u0336algo",
        "任天堂株式会社 任天堂株式会社 任天堂株式会社",
        "שלום",
    )
    quotes = [quote(f"N{i}", 10.0 + i, 10.0, name) for i, name in enumerate(names)]
    quotes.append(quote("[b]X[/b]", 1e300, 1.0, "too wide a price"))
    beats = [heartbeat(refused={"GONE": "\x1b[31mno such symbol\x07"})]
    symbols = [*(q.symbol for q in quotes), "GONE", "LATER"]
    app = scene.dashboard(quotes, beats, symbols=symbols, moves=(), title="[red]\x1b[2J")
    assert snap_compare(app, terminal_size=WIDE, run_before=settled)


def replay(scene: Scene) -> Dashboard:
    """A replay in the middle of its tape."""
    playing = heartbeat(writer="replay", source="replay", state="replaying",
                        tape_time=NOW, speed=10.0)  # fmt: skip
    app = scene.dashboard(beats=[playing], title="demo", player=FakePlayer())
    app.feed.board.remember(Batch(Position("0"), ticks=past(), gaps=[PAUSE]))
    return app


@pytest.mark.parametrize("size", SIZES)
def test_the_player_fits_its_terminal(
    snap_compare: SnapCompare, scene: Scene, size: tuple[int, int]
) -> None:
    assert snap_compare(replay(scene), terminal_size=size, run_before=settled)


def test_a_replay_of_the_day_shows_its_player(snap_compare: SnapCompare, scene: Scene) -> None:
    assert snap_compare(replay(scene), terminal_size=(112, 18), run_before=settled)


def test_the_keys_of_a_replay_fit_24_lines(snap_compare: SnapCompare, scene: Scene) -> None:
    assert snap_compare(replay(scene), terminal_size=(80, 24), run_before=settled_then_help)


async def settled_then_detail(pilot: Pilot[Any]) -> None:
    await settled(pilot)
    await pilot.press("down", "down", "enter")
    pilot.app.feed.board.remember(Batch(Position("0"), ticks=past(), gaps=[PAUSE]))  # type: ignore[attr-defined]
    pilot.app._changed()  # type: ignore[attr-defined]
    await settled(pilot)


@pytest.mark.parametrize("size", SIZES)
def test_the_detail_of_a_symbol_fits_its_terminal(
    snap_compare: SnapCompare, scene: Scene, size: tuple[int, int]
) -> None:
    assert snap_compare(scene.dashboard(), terminal_size=size, run_before=settled_then_detail)


def test_the_detail_of_a_symbol_shows_a_gap_in_its_day(
    snap_compare: SnapCompare, scene: Scene
) -> None:
    app = scene.dashboard()
    assert snap_compare(app, terminal_size=(112, 24), run_before=settled_then_detail)


async def settled_then_health(pilot: Pilot[Any]) -> None:
    _without_rate(pilot)
    await settled(pilot)
    await pilot.press("i")


def test_the_health_page_shows_each_refusal_in_full(
    snap_compare: SnapCompare, scene: Scene
) -> None:
    refused = {"GONE": "Yahoo knows no such symbol. Did you mean GONE.L?"}
    symbols = (*(each.symbol for each in MARKET), "GONE")
    app = scene.dashboard(beats=[heartbeat(refused=refused, asked=12, symbols=symbols)])
    app.feed.board.fold(Batch(Position("0"), gaps=[PAUSE]), NOW)
    assert snap_compare(app, terminal_size=WIDE, run_before=settled_then_health)


LOTS = (
    Lot(symbol="AAPL", quantity=Decimal(10), price=Decimal("182.50"), fees=Decimal("4.95")),
    Lot(symbol="VOD.L", quantity=Decimal(5000), price=Decimal("0.71"), currency="GBP"),
    Lot(symbol="SAP.DE", quantity=Decimal(12), price=Decimal("241.20")),
    Lot(symbol="NVDA", quantity=Decimal(3)),
)
OWNED = (
    *MARKET[:3],
    quote("VOD.L", 92.22, 92.94, "Vodafone Group Public Limited Company", currency="GBp"),
    quote("SAP.DE", 213.6, 210.1, "SAP SE", currency="EUR"),
)
RATES = (quote("EURUSD=X", 1.159, 1.164, "EUR/USD"), quote("GBPUSD=X", 1.3147, 1.31, "GBP/USD"))
ALERTS = ("AAPL > 247.32", "NVDA < 134.4", "VOD.L < 90", "MSFT moves 1% in 5m", "SAP.DE > 220")


def owner(scene: Scene, **how: Any) -> Dashboard:
    """A dashboard with a portfolio in three currencies and five alerts."""
    alerting = Alerting([(parse_alert(text), ()) for text in ALERTS])
    return scene.dashboard(
        (*OWNED, *RATES), symbols=[q.symbol for q in OWNED], moves=MOVES[:2], lots=LOTS,
        alerting=alerting, **how
    )  # fmt: skip


async def settled_and_valued(pilot: Pilot[Any]) -> None:
    """Wait until each alert was reported, then value the portfolio, as each second does."""
    await settled(pilot)
    app = pilot.app
    assert isinstance(app, Dashboard)
    if app._alerts is not None:
        async with asyncio.timeout(30):
            while len(app._alerts.control.told) < 2:
                await pilot.pause(0.02)
    app._painter.tick()
    await settled(pilot)
    app._painter.tick()
    await pilot.pause()


@pytest.mark.parametrize("width", [80, 132])
def test_a_portfolio_in_three_currencies_with_past_alerts(
    snap_compare: SnapCompare, scene: Scene, width: int
) -> None:
    assert snap_compare(owner(scene), terminal_size=(width, 16), run_before=settled_and_valued)


async def settled_then_alerts(pilot: Pilot[Any]) -> None:
    await settled_and_valued(pilot)
    await pilot.press("A")


def test_the_page_of_alerts_lists_states_and_past_alerts(
    snap_compare: SnapCompare, scene: Scene
) -> None:
    app = owner(scene)
    assert snap_compare(app, terminal_size=WIDE, run_before=settled_then_alerts)


def test_a_missing_rate_is_named_instead_of_the_total(
    snap_compare: SnapCompare, scene: Scene
) -> None:
    app = scene.dashboard(OWNED, symbols=[q.symbol for q in OWNED], moves=(), lots=LOTS)
    assert snap_compare(app, terminal_size=(80, 12), run_before=settled_and_valued)


async def settled_then_candles(pilot: Pilot[Any]) -> None:
    await settled_then_detail(pilot)
    await pilot.press("v")


@pytest.mark.parametrize("size", SIZES)
def test_the_candles_of_a_symbol_fit_its_terminal(
    snap_compare: SnapCompare, scene: Scene, size: tuple[int, int]
) -> None:
    assert snap_compare(scene.dashboard(), terminal_size=size, run_before=settled_then_candles)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("key", ["question_mark", "i", "c", "colon"])
def test_each_page_fits_its_terminal(
    snap_compare: SnapCompare, scene: Scene, key: str, size: tuple[int, int]
) -> None:
    async def open_page(pilot: Pilot[Any]) -> None:
        _without_rate(pilot)
        await settled(pilot)
        await pilot.press(key)
        if key == "colon":
            async with asyncio.timeout(30):
                while not (found := pilot.app.screen.query(CommandList)) or (
                    not found.first().option_count
                ):
                    await pilot.pause(0.02)
            pilot.app.screen.query_one(Input).cursor_blink = False

    assert snap_compare(scene.dashboard(), terminal_size=size, run_before=open_page)


@pytest.mark.parametrize(("look", "environ"), [
    ("blue-orange", {}), ("dark", {"NO_COLOR": "1"}), ("dark", {"LANG": "C"}),
], ids=["blue-orange", "no colours", "ASCII"])  # fmt: skip
def test_the_table_in_other_colours_and_character_sets(
    snap_compare: SnapCompare, scene: Scene, look: str, environ: dict[str, str]
) -> None:
    app = scene.dashboard(look=look, environ=environ)
    app.feed.board.remember(Batch(Position("0"), ticks=past(), gaps=[PAUSE]))
    assert snap_compare(app, terminal_size=(112, 17), run_before=settled)
