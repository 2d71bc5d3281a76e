"""Finds the currency pairs that totals need, and asks a poller for them.

A pair that is in no list has no row. It is read beside the board.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Sequence
from typing import Final, Protocol

from ticker.board.holdings import Owner, Portfolio
from ticker.follow import Follow
from ticker.records import Quote

_LOOK: Final = 1.0
"""The time between two checks of the pairs (s)."""


class PollControl(Protocol):
    """What can change the symbols that are polled."""

    def add(self, symbols: Sequence[str]) -> None:
        """Begin to poll these symbols."""
        ...

    def remove(self, symbols: Sequence[str]) -> None:
        """Stop polling these symbols."""
        ...


class Pairs:
    """Reads the pairs that totals on the board of `feed` need, and asks the poller for them.

    `controller` controls the poller; `None`: no pair is asked for. `listed` are the symbols of the
    user's lists: a pair among them is a row like others. `beside` are other symbols to read beside
    the board. A pair that the source refuses is not asked for again.
    """

    def __init__(
        self,
        feed: Follow,
        controller: PollControl | None,
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
        """Symbols that `need` added since the last `look`."""

    def need(self, beside: Collection[str]) -> None:
        """Replace the symbols that are read beside the board, and ask for new ones."""
        if self._feed.symbols is not None:  # otherwise all symbols are read and have rows
            self._new |= set(beside) - self._beside
            self._beside = frozenset(beside)

    async def mind(self) -> None:
        """Call `look` once a second, until cancelled."""
        while True:
            self.look()
            await asyncio.sleep(_LOOK)

    def look(self) -> None:
        """Read the pairs that are needed now. Ask for new ones, and stop polling refused ones."""
        board, owner = self._feed.board, self._feed.board.owner
        refused = board.writers.refusals(self._feed.elapsed()).keys() & self._asked
        known = (self._refused | refused).__contains__
        needed = set() if owner is None else set(owner.pairs(known))
        if owner is not None and self._controller is None:
            # Read every pair that would do, because nobody can be asked for the best one.
            while more := set(owner.pairs(needed.__contains__)) - needed:
                needed |= more
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
            self._controller.add(sorted(new))
        if old:
            self._controller.remove(sorted(old))


def pairs_in(portfolio: Portfolio, quotes: Iterable[Quote]) -> set[str]:
    """Return the pairs among `quotes` that the totals of `portfolio` need."""
    known = {quote.symbol: quote for quote in quotes}
    asked = Owner(portfolio, known.get).pairs(lambda symbol: symbol not in known)
    return known.keys() & set(asked)
