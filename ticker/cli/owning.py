"""What commands make of holdings and alerts: symbols to ask for, and who looks for alerts."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Final, Protocol

import msgspec
import typer

from ticker.alert_files import memory_path
from ticker.alerting import Alerting
from ticker.board.alerts import Told
from ticker.board.holdings import Portfolio
from ticker.board.rates import pairs_to_ask
from ticker.board.told_words import told_words
from ticker.cli.settings import Settings
from ticker.errors import ConfigError
from ticker.files import state_directory
from ticker.follow import Follow
from ticker.records import Quote
from ticker.streams import StreamChoice, open_stream
from ticker.system_clock import now
from ticker.times import Zone

if TYPE_CHECKING:
    from ticker.poll import Poll

_log: Final = logging.getLogger(__name__)
_LOOK: Final = 1.0
"""Between two looks at what rates are needed (s)."""

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
    needed = (*owned, *(alert.symbol for alert, _ in settings.alerts()))
    if not named and usual is None:
        return Watched(None)
    rows = tuple(named) or tuple(dict.fromkeys((*(usual or ()), *owned)))
    beside = tuple(symbol for symbol in dict.fromkeys(needed) if symbol not in rows)
    return Watched(rows, beside)


def portfolio_of(settings: Settings) -> Portfolio | None:
    """What is owned; `None`: nothing."""
    holdings = settings.config.holdings
    return Portfolio(holdings, settings.currency) if holdings else None


def pairs_in(portfolio: Portfolio, quotes: Iterable[Quote]) -> set[str]:
    """The pairs among `quotes` that the totals of `portfolio` need."""
    known = {quote.symbol: quote for quote in quotes}

    def price_of(symbol: str) -> float | None:
        return known[symbol].price if symbol in known else None

    conversions = portfolio.conversions(known)
    asked = pairs_to_ask(conversions, price_of, lambda symbol: symbol not in known)
    return known.keys() & set(asked)


def lists_of(settings: Settings) -> dict[str, tuple[str, ...]]:
    """The watchlists, and what is owned."""
    owned = settings.config.holdings.symbols
    return {**({"holdings": owned} if owned else {}), **settings.config.watchlists}


class Asked(Protocol):
    """Who can change what is polled."""

    async def add(self, symbols: Sequence[str]) -> None:
        """Poll these too."""
        ...

    async def remove(self, symbols: Sequence[str]) -> None:
        """Poll these no more."""
        ...


class Pairs:
    """The exchange rates that totals on the board of `feed` need: read, and asked for.

    `controller` is the poller's own (`None`: there is none). `listed` are symbols that users list:
    a pair among them is a row like others. A pair that the source refuses is asked for no more.
    """

    def __init__(
        self,
        feed: Follow,
        controller: Asked | None,
        listed: Collection[str],
        beside: Collection[str],
    ) -> None:
        self._feed = feed
        self._controller = controller
        self._listed = frozenset(listed)
        self._beside = frozenset(beside)
        self._asked: set[str] = set()
        self._refused: set[str] = set()

    async def mind(self) -> None:
        """See to the pairs once a second, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(_LOOK)

    async def look(self) -> None:
        """Ask for the pairs that are needed now."""
        board, owner = self._feed.board, self._feed.board.owner
        if owner is None:
            return
        refused = board.writers.refusals(self._feed.elapsed()).keys() & self._asked
        needed = set(owner.pairs((self._refused | refused).__contains__))
        rows = set(self._feed.symbols or self._listed)
        beside = (self._beside | needed) - rows
        if beside != board.beside:
            self._feed.stand_beside(beside)
        if self._controller is None:
            return
        new, old = needed - rows - self._asked, (refused - self._refused) - rows
        self._refused |= refused
        self._asked |= new
        if new:
            await self._controller.add(sorted(new))
        if old:
            await self._controller.remove(sorted(old))


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
