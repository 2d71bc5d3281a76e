"""Finds the symbols that holdings and alerts need, and watches a stream for alerts."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
import typer

from ticker.alert_files import memory_path
from ticker.alert_watch import Alerting
from ticker.board import Board
from ticker.board.alert_rules import Told
from ticker.board.alert_words import told_words
from ticker.board.holdings import Portfolio
from ticker.cli.settings import Settings
from ticker.currency_pairs import Pairs
from ticker.errors import ConfigError
from ticker.feed import PlayerControl
from ticker.files import state_directory
from ticker.follow import Follow
from ticker.streams import StreamChoice, open_stream
from ticker.system_clock import now
from ticker.times import Zone

if TYPE_CHECKING:
    from ticker.poll import Poll

_log: Final = logging.getLogger(__name__)

RunCommands = Annotated[
    bool, typer.Option("--alerts", help="Run the commands of alerts. Only run does so by itself.")
]


class Watched(msgspec.Struct, frozen=True):
    """The symbols that a screen reads."""

    rows: tuple[str, ...] | None
    """The symbols with rows; `None`: all symbols of the stream."""
    beside: tuple[str, ...] = ()
    """Symbols that are read too, without rows."""

    @property
    def all(self) -> tuple[str, ...]:
        """Return the symbols of `rows` and `beside`."""
        return (*(self.rows or ()), *self.beside)


def watched(settings: Settings, named: Sequence[str], usual: Sequence[str] | None) -> Watched:
    """Return the symbols `named`. If there are none: those in `usual`, and those owned.

    `usual=None` means all symbols of the stream. `beside` gets what only alerts and totals need.
    """
    owned = settings.config.holdings.symbols
    if not named and usual is None:
        return Watched(None)
    rows = tuple(named) or tuple(dict.fromkeys((*(usual or ()), *owned)))
    beside = tuple(symbol for symbol in needed_by(settings) if symbol not in rows)
    return Watched(rows, beside)


def portfolio_of(settings: Settings) -> Portfolio | None:
    """Return the holdings; `None` if there are none."""
    holdings = settings.config.holdings
    return Portfolio(holdings, settings.currency) if holdings else None


def lists_of(settings: Settings) -> dict[str, tuple[str, ...]]:
    """Return name → watchlist. The symbols owned, if any, are the list `holdings`."""
    owned = settings.config.holdings.symbols
    return {**({"holdings": owned} if owned else {}), **settings.config.watchlists}


def needed_by(settings: Settings) -> tuple[str, ...]:
    """Return the symbols that are owned or that alerts watch, each once."""
    alerts = (alert.symbol for alert, _ in settings.alerts())
    return tuple(dict.fromkeys((*settings.config.holdings.symbols, *alerts)))


def rereading(
    alerting: Alerting,
    board: Board,
    *,
    pairs: Pairs | None = None,
    player: PlayerControl | None = None,
) -> Callable[[Settings], None]:
    """Return a function that lets a screen use the alerts and holdings of a changed file."""

    def reread(settings: Settings) -> None:
        alerting.follow(settings.alerts())
        board.own(portfolio_of(settings))
        if pairs is not None:
            pairs.need(needed_by(settings))
        if player is not None:
            player.look_for(alerting.alerts)

    return reread


def alerting_of(settings: Settings, choice: StreamChoice, *, runs: bool) -> Alerting:
    """Return the `Alerting` for the configuration's alerts. `runs`: it runs their commands.

    Its state is saved, except for a demo, whose log is usually new.
    """
    path = None
    if not (choice.demo or choice.temporary):
        try:
            path = memory_path(state_directory(), choice.url, runs=runs)
        except ConfigError as error:  # no home directory
            _log.info("what alerts saw is not kept: %s", error)
    return Alerting(settings.alerts(), runs=runs, path=path, keep_in=settings.config.path)


class PollController:
    """Lets `Pairs` change what a poller in this process polls.

    Until `poller` is set, every call is ignored.
    """

    def __init__(self) -> None:
        self.poller: Poll | None = None

    async def add(self, symbols: Sequence[str]) -> None:
        """Start polling `symbols`."""
        if self.poller is not None:
            self.poller.add(symbols)

    async def remove(self, symbols: Sequence[str]) -> None:
        """Stop polling `symbols`."""
        if self.poller is not None:
            self.poller.remove(symbols)


@asynccontextmanager
async def asking_for_pairs(
    portfolio: Portfolio, choice: StreamChoice, controller: PollController
) -> AsyncIterator[None]:
    """While entered, let a poller also poll the exchange rates that totals on any screen need."""
    async with open_stream(choice) as stream:
        following = Follow(stream, list(portfolio.symbols))
        following.board.own(portfolio)
        pairs = Pairs(following, controller, (), ())
        tasks = [asyncio.create_task(each) for each in (following.run(), pairs.mind())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)


@asynccontextmanager
async def looking_for_alerts(
    settings: Settings, choice: StreamChoice, zone: Zone
) -> AsyncIterator[None]:
    """While entered, watch a poller's stream for alerts: log them, and run their commands."""
    alerting = alerting_of(settings, choice, runs=True)
    symbols = [alert.symbol for alert in alerting.alerts]

    def told(found: Told) -> None:
        _log.warning("alert: %s", told_words(found, now(), zone))

    alerting.on_told = told
    async with open_stream(choice) as stream, alerting:
        following = Follow(stream, list(dict.fromkeys(symbols)), observe=alerting.take)
        alerting.attach(following)
        task = asyncio.create_task(following.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])
