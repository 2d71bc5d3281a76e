"""Which symbols are shown and polled: adding some, removing one, and undoing that."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ticker.dashboard.control import Controller
from ticker.errors import InvalidRecord
from ticker.feed import Feed
from ticker.records import check_symbol


class Choosing:
    """Changes the choice of `feed` and tells `controller`, the poller's own, if there is one.

    `on_change` is called when the rows are others.
    """

    def __init__(
        self, feed: Feed, controller: Controller | None, on_change: Callable[[], None]
    ) -> None:
        self._feed = feed
        self._controller = controller
        self._on_change = on_change
        self._removed: list[tuple[str, int]] = []
        """Symbols that were removed, and where they stood; the last one last."""

    async def add(self, symbols: Sequence[str]) -> str | None:
        """Show and poll these too; why not, in a sentence, where one can be no symbol."""
        try:
            for symbol in symbols:
                check_symbol(symbol)
        except InvalidRecord as error:
            return f"That is no symbol: {error.problem}"
        await self._choose([*self._feed.board.symbols, *symbols], added=symbols)
        return None

    async def remove(self, symbol: str) -> None:
        """Show and poll `symbol` no more."""
        symbols = list(self._feed.board.symbols)
        self._removed.append((symbol, symbols.index(symbol)))
        symbols.remove(symbol)
        self._feed.choose(symbols)
        self._on_change()
        if self._controller is not None:
            await self._controller.remove([symbol])

    async def undo(self) -> str | None:
        """Bring the symbol back that was removed last, where it stood; `None` where none was."""
        if not self._removed:
            return None
        symbol, place = self._removed.pop()
        symbols = [each for each in self._feed.board.symbols if each != symbol]
        await self._choose([*symbols[:place], symbol, *symbols[place:]], added=[symbol])
        return symbol

    async def _choose(self, symbols: Sequence[str], added: Sequence[str]) -> None:
        self._feed.choose([*dict.fromkeys(symbols)])
        self._on_change()
        if self._controller is not None:
            await self._controller.add(added)
