"""The exchange rates that totals need: which pairs they are, and asking a poller for them.

A pair that is in no list has no row: it is read beside the board.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Sequence
from typing import Final, Protocol

from ticker.board.holdings import Portfolio
from ticker.board.rates import pairs_to_ask
from ticker.follow import Follow
from ticker.records import Quote

_LOOK: Final = 1.0
"""Between two looks at what rates are needed (s)."""


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
        self._new: set[str] = set()
        """Symbols needed since the last look, other than pairs."""

    def need(self, beside: Collection[str]) -> None:
        """Read these in place of those `beside` before, and ask for what is new."""
        if self._feed.symbols is not None:  # otherwise all are read, and have rows
            self._new |= set(beside) - self._beside
            self._beside = frozenset(beside)

    async def mind(self) -> None:
        """See to the pairs once a second, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(_LOOK)

    async def look(self) -> None:
        """Ask for the pairs that are needed now."""
        board, owner = self._feed.board, self._feed.board.owner
        refused = board.writers.refusals(self._feed.elapsed()).keys() & self._asked
        known = (self._refused | refused).__contains__
        needed = set() if owner is None else set(owner.pairs(known))
        rows = set(self._feed.symbols or self._listed)
        beside = (self._beside | needed) - rows
        if beside != board.beside:
            self._feed.stand_beside(beside)
        if self._controller is None:
            return
        new = (needed | self._new) - rows - self._asked
        old = (refused - self._refused) - rows
        self._new = set()
        self._refused |= refused
        self._asked |= new
        if new:
            await self._controller.add(sorted(new))
        if old:
            await self._controller.remove(sorted(old))


def pairs_in(portfolio: Portfolio, quotes: Iterable[Quote]) -> set[str]:
    """Return the pairs among `quotes` that the totals of `portfolio` need."""
    known = {quote.symbol: quote for quote in quotes}

    def price_of(symbol: str) -> float | None:
        return known[symbol].price if symbol in known else None

    conversions = portfolio.conversions(known)
    asked = pairs_to_ask(conversions, price_of, lambda symbol: symbol not in known)
    return known.keys() & set(asked)
