"""What commands make of holdings and alerts: symbols to ask for, and who looks for alerts."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
import typer

from ticker.alert_files import memory_path
from ticker.alerting import Alerting
from ticker.board import Board
from ticker.board.alerts import Told
from ticker.board.holdings import Portfolio
from ticker.board.told_words import told_words
from ticker.cli.settings import Settings
from ticker.errors import ConfigError
from ticker.feed import PlayerControl
from ticker.files import state_directory
from ticker.follow import Follow
from ticker.pairs import Pairs
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
    """What a screen reads."""

    rows: tuple[str, ...] | None
    """`None`: all that the stream holds."""
    beside: tuple[str, ...] = ()
    """Read too, and no rows."""

    @property
    def all(self) -> tuple[str, ...]:
        """Both."""
        return (*(self.rows or ()), *self.beside)


def watched(settings: Settings, named: Sequence[str], usual: Sequence[str] | None) -> Watched:
    """The symbols `named`, or the `usual` ones (`None`: all) and what is owned.

    What alerts and totals need stands beside them.
    """
    owned = settings.config.holdings.symbols
    if not named and usual is None:
        return Watched(None)
    rows = tuple(named) or tuple(dict.fromkeys((*(usual or ()), *owned)))
    beside = tuple(symbol for symbol in needed_by(settings) if symbol not in rows)
    return Watched(rows, beside)


def portfolio_of(settings: Settings) -> Portfolio | None:
    """What is owned; `None`: nothing."""
    holdings = settings.config.holdings
    return Portfolio(holdings, settings.currency) if holdings else None


def lists_of(settings: Settings) -> dict[str, tuple[str, ...]]:
    """The watchlists, and what is owned."""
    owned = settings.config.holdings.symbols
    return {**({"holdings": owned} if owned else {}), **settings.config.watchlists}


def needed_by(settings: Settings) -> tuple[str, ...]:
    """The symbols that are owned or that alerts look at, each once."""
    alerts = (alert.symbol for alert, _ in settings.alerts())
    return tuple(dict.fromkeys((*settings.config.holdings.symbols, *alerts)))


def rereading(
    alerting: Alerting,
    board: Board,
    *,
    pairs: Pairs | None = None,
    player: PlayerControl | None = None,
) -> Callable[[Settings], None]:
    """What a screen does with a file that changed: its alerts and holdings are those in force."""

    def reread(settings: Settings) -> None:
        alerting.follow(settings.alerts())
        board.own(portfolio_of(settings))
        if pairs is not None:
            pairs.need(needed_by(settings))
        if player is not None:
            player.look_for(alerting.alerts)

    return reread


def alerting_of(settings: Settings, choice: StreamChoice, *, runs: bool) -> Alerting:
    """Who looks for the alerts of the configuration in a stream.

    What was seen is kept, but for a demo: its log is another one each time.
    """
    path = None
    if not (choice.demo or choice.temporary):
        try:
            path = memory_path(state_directory(), choice.url, runs=runs)
        except ConfigError as error:  # no home directory
            _log.info("what alerts saw is not kept: %s", error)
    return Alerting(settings.alerts(), runs=runs, path=path, keep_in=settings.config.path)


class PollController:
    """What `Pairs` asks of a poller in this process; `poller` is set before the first question."""

    def __init__(self) -> None:
        self.poller: Poll | None = None

    async def add(self, symbols: Sequence[str]) -> None:
        """Poll these too."""
        if self.poller is not None:
            self.poller.add(symbols)

    async def remove(self, symbols: Sequence[str]) -> None:
        """Poll these no more."""
        if self.poller is not None:
            self.poller.remove(symbols)


@asynccontextmanager
async def asking_for_pairs(
    portfolio: Portfolio, choice: StreamChoice, controller: PollController
) -> AsyncIterator[None]:
    """Meanwhile, let a poller ask for the rates that totals will need on other screens."""
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
    """Meanwhile, tell alerts in the log and run their commands: for a poller."""
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
