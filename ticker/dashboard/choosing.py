"""Which symbols are shown and polled, and in which watchlist they are: add, remove, undo.

The configuration changes only when the user saves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from ticker.dashboard.control import Controller
from ticker.errors import InvalidRecord
from ticker.feed import Feed
from ticker.health.verdict import of_unpolled
from ticker.records import check_symbol


@dataclass(slots=True)
class Choosing:
    """Changes the symbols of `feed`, and of the poller through `controller`, if there is one."""

    feed: Feed
    controller: Controller | None
    watchlists: dict[str, list[str]]
    """Name → symbols, with the changes made on the screen."""
    option: str
    """Names the stream in a command."""
    on_change: Callable[[], None]
    """Called when the rows changed."""
    seeks: Callable[[], int]
    """Returns how many seeks of a replay can be undone."""
    _undo: list[tuple[int, Callable[[], str]]] = field(default_factory=list)
    """For each addition and removal, oldest first: the seeks before it, and what undoes it."""

    @property
    def has_poller(self) -> bool:
        """Tell whether this screen has a poller of its own."""
        return self.controller is not None

    def add(self, symbols: Sequence[str], watchlist: str = "") -> str | None:
        """Show and poll `symbols` too, and add them to `watchlist`.

        Returns a notice if one is invalid (then none is added), or if no poller polls one.
        """
        try:
            for symbol in symbols:
                check_symbol(symbol)
        except InvalidRecord as error:
            return f"Not a symbol: {error.problem}"
        listed = self.watchlists.get(watchlist)
        if listed is not None:
            listed[:] = dict.fromkeys([*listed, *symbols])
        if new := [each for each in symbols if each not in self.feed.board.symbols]:
            self._undo.append((self.seeks(), partial(self._take_away, new, watchlist)))
        self._choose([*self.feed.board.symbols, *symbols], added=symbols)
        return self._unpolled(symbols)

    def remove(self, symbol: str, watchlist: str = "") -> str:
        """Stop showing and polling `symbol`, remove it from `watchlist`, and return a notice."""
        place = list(self.feed.board.symbols).index(symbol)
        listed = self.watchlists.get(watchlist, [])
        at = listed.index(symbol) if symbol in listed else -1
        bring_back = partial(self._bring_back, symbol, place, watchlist, at)
        self._undo.append((self.seeks(), bring_back))
        self._take_away([symbol], watchlist)
        return f"{symbol} removed, u brings it back"

    def leave_out(self, removed: Sequence[str]) -> None:
        """Stop showing and polling these. This cannot be undone."""
        self.feed.choose([each for each in self.feed.board.symbols if each not in removed])
        self.on_change()
        if self.controller is not None:
            self.controller.remove(removed)

    def undo(self) -> str:
        """Undo the last addition or removal, and return a notice.

        If there is none, or a seek came after it, do nothing and return an empty notice.
        """
        if not self._undo or self.seeks() > self._undo[-1][0]:
            return ""
        _, undo = self._undo.pop()
        return undo()

    def _take_away(self, symbols: Sequence[str], watchlist: str) -> str:
        listed = self.watchlists.get(watchlist, [])
        listed[:] = [each for each in listed if each not in symbols]
        self.leave_out(symbols)
        return f"{' '.join(symbols)} removed"

    def _bring_back(self, symbol: str, place: int, watchlist: str, at: int) -> str:
        """Poll `symbol`; put it back in row `place`, and at `at` of `watchlist` (-1: nowhere)."""
        if at >= 0 and symbol not in self.watchlists.get(watchlist, [symbol]):
            self.watchlists[watchlist].insert(at, symbol)
        symbols = [each for each in self.feed.board.symbols if each != symbol]
        self._choose([*symbols[:place], symbol, *symbols[place:]], added=[symbol])
        return f"{symbol} is back"

    def _choose(self, symbols: Sequence[str], added: Sequence[str]) -> None:
        if self.feed.symbols is not None:  # otherwise all symbols of the stream are shown
            self.feed.choose([*dict.fromkeys(symbols)])
        self.on_change()
        if self.controller is not None:
            self.controller.add(added)

    def _unpolled(self, symbols: Sequence[str]) -> str | None:
        """Return a notice if some `symbols` are not polled; `None` with a poller or a tape."""
        if self.controller is not None or self.feed.tape is not None:
            return None
        return of_unpolled(
            self.feed.board.writers, symbols, self.feed.elapsed(), option=self.option
        )
