"""Fills the histories of a board from its feed after the first paint, the rows on screen first."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from contextlib import aclosing
from typing import Final

from ticker.errors import StreamError
from ticker.feed import Feed
from ticker.health import StreamState

_SETTLED: Final = 0.3
"""The wait (s) before reading, because seeks and new symbols often follow one another."""
_AT_ONCE: Final = 500
"""Ticks added before other tasks of the event loop have their turn."""


class Histories:
    """Reads missing histories for the board of `feed`; `visible` returns the symbols on the screen.

    Start `run` in the background. Call `look` with each frame: it checks cheaply for work.
    """

    def __init__(
        self,
        feed: Feed,
        visible: Callable[[], Sequence[str]],
        on_change: Callable[[], None],
    ) -> None:
        self._feed = feed
        self._visible = visible
        self._on_change = on_change
        self._life = -1
        self._size = 0
        self._first: str | None = None
        self._known: dict[str, bool] = {}
        """Symbol → whether its history is read (True), or is being read (False).

        It is empty after each reset of the board.
        """
        self._wanted = asyncio.Event()

    def look(self) -> None:
        """Note whether a history is missing."""
        board = self._feed.board
        if board.lives != self._life:
            self._life = board.lives
            self._known.clear()
        if board.size != self._size:
            self._size = board.size
            shown = set(board.symbols)
            self._known = {each: is_read for each, is_read in self._known.items() if each in shown}
        if self._feed.state is StreamState.OK and len(self._known) < self._size:
            self._wanted.set()

    def is_loading(self, symbol: str) -> bool:
        """Tell whether the history of `symbol` is not read yet. Until then its line is wrong."""
        board = self._feed.board
        is_read = board.lives == self._life and self._known.get(symbol, False)
        return not is_read and board.held is None and self._feed.state is StreamState.OK

    def ask(self, symbol: str) -> None:
        """Read the history of `symbol` again, before others: the board now keeps more of it."""
        self._known.pop(symbol, None)
        self._first = symbol
        self.look()

    async def run(self) -> None:
        """Fill what is missing, until cancelled."""
        while True:
            await self._wanted.wait()
            await self._settle()
            visible = [symbol for symbol in self._visible() if symbol not in self._known]
            others = set(self._feed.board.symbols) - self._known.keys()
            self._wanted.clear()
            first, self._first = self._first, None
            await self._fill([first] if first else visible or others)
            self.look()

    async def _settle(self) -> None:
        """Wait until the board has not been reset and has no new symbols for a while."""
        before = None
        # This waits for time to pass: there is no event for "nothing else came".
        while before != (now := (self._life, self._feed.board.size)):
            before = now
            await asyncio.sleep(_SETTLED)

    async def _fill(self, symbols: Collection[str]) -> None:
        life, board = self._life, self._feed.board
        # It stays known after a failure: a broken stream is not read again and again.
        self._known |= dict.fromkeys(symbols, False)
        try:
            async with aclosing(self._feed.history(symbols)) as batches:
                async for batch in batches:
                    if board.lives != life:
                        return
                    for piece in batch.pieces(_AT_ONCE):
                        board.remember(piece)
                        await asyncio.sleep(0)
                    self._on_change()
        except StreamError:
            pass  # show what was read
        if board.lives == life:
            self._known |= dict.fromkeys(self._known.keys() & set(symbols), True)
            board.show_again(symbols)
            self._on_change()
