"""Finds the symbols that holdings and alerts need, and watches a stream for alerts."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
import typer

from ticker.alert_watch import Alerting, memory_path
from ticker.board.alert_words import told_words
from ticker.board.holdings import Portfolio
from ticker.cli.settings import Settings
from ticker.currency_pairs import Pairs
from ticker.errors import ConfigError
from ticker.files import state_directory
from ticker.follow import Follow
from ticker.streams import StreamChoice, open_stream
from ticker.system_clock import now
from ticker.times import Zone

if TYPE_CHECKING:
    from ticker.poll import Poll

_log: Final = logging.getLogger(__name__)

RunCommands = Annotated[
    bool, typer.Option("--alerts", help="Run the commands of alerts. ticker run always does.")
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


def alerting_of(settings: Settings, choice: StreamChoice, *, runs: bool) -> Alerting:
    """Return the `Alerting` for the configuration's alerts. `runs`: it runs their commands.

    Its state is saved, except for a demo, whose log is usually new.
    """
    path = None
    if not (choice.demo or choice.temporary):
        try:
            path = memory_path(state_directory(), choice.url, runs=runs)
        except ConfigError as error:  # no home directory
            _log.info("the state of alerts is not saved: %s", error)
    return Alerting(settings.alerts(), runs=runs, path=path, keep_in=settings.config.path)


@asynccontextmanager
async def asking_for_pairs(
    portfolio: Portfolio, choice: StreamChoice, poller: Poll
) -> AsyncIterator[None]:
    """While entered, let `poller` also poll the exchange rates that totals on any screen need."""
    async with open_stream(choice) as stream:
        following = Follow(stream, list(portfolio.symbols))
        following.board.own(portfolio)
        async with _running(following.run(), Pairs(following, poller, (), ()).mind()):
            yield


@asynccontextmanager
async def looking_for_alerts(
    settings: Settings, choice: StreamChoice, zone: Zone
) -> AsyncIterator[None]:
    """While entered, watch a poller's stream for alerts: log them, and run their commands."""
    alerting = alerting_of(settings, choice, runs=True)
    alerting.on_told = lambda told: _log.warning("alert: %s", told_words(told, now(), zone))
    symbols = dict.fromkeys(alert.symbol for alert in alerting.alerts)
    async with open_stream(choice) as stream, alerting:
        following = Follow(stream, list(symbols), observe=alerting.take)
        alerting.attach(following)
        async with _running(following.run()):
            yield


@asynccontextmanager
async def _running(*loops: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(each) for each in loops]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
