"""The results of a search while a user types after `+`, above the input line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.cells import set_cell_size
from rich.text import Text
from textual.timer import Timer
from textual.widget import Widget

from ticker.dashboard.control import Controller
from ticker.dashboard.palette import Palette
from ticker.errors import Unanswered
from ticker.escape import escape
from ticker.records import Found

_SHOWN: Final = 6
_SETTLED: Final = 0.35
"""The pause in typing (s) before a search: each search costs a request of the poller's budget."""
_SHORTEST: Final = 2
"""A search needs at least this many characters."""
_SYMBOL, _NAME, _KIND = 12, 34, 14
_SYMBOLS_ONLY: Final = "symbols only: to search, this screen needs its own poller (ticker run)"


class SearchResults(Widget):
    """The instruments that `controller` finds; hidden while there are none."""

    DEFAULT_CSS = """
    SearchResults { height: auto; padding: 0 1; display: none; }
    SearchResults.-open { display: block; }
    """

    def __init__(self, controller: Controller | None, palette: Palette) -> None:
        super().__init__(id="finds")
        self._controller = controller
        self.palette = palette
        self._words = ""
        self._found: Sequence[Found] = ()
        self._problem = ""
        self._place = -1
        self._timer: Timer | None = None

    @property
    def can_search(self) -> bool:
        """Tell whether there is a poller that can be asked."""
        return self._controller is not None

    @property
    def chosen(self) -> str | None:
        """Return the symbol of the highlighted line; `None`: the typed text counts."""
        return self._found[self._place].symbol if self._place >= 0 else None

    def look_for(self, text: str) -> None:
        """Search for the words after the last comma of `text`, once the user stops typing."""
        self._words = text.rpartition(",")[2].strip()
        self._show((), "")
        if self._timer is not None:
            self._timer.stop()
        if len(self._words) < _SHORTEST:
            return
        if not self.can_search:
            self._show((), _SYMBOLS_ONLY)
        else:
            self._timer = self.set_timer(_SETTLED, self._begin)

    def move(self, lines: int) -> None:
        """Choose the result `lines` further down. Above the first result is the typed text."""
        self._place = max(-1, min(self._place + lines, len(self._found) - 1))
        self.refresh(layout=True)

    def shut(self) -> None:
        """Hide the results, and stop searching."""
        self.look_for("")

    def render(self) -> Text:
        """Return a line for each result."""
        palette = self.palette
        if self._problem:
            return Text(self._problem, palette.style(palette.dim), no_wrap=True, overflow="crop")
        lines = Text(no_wrap=True, overflow="crop")
        for place, found in enumerate(self._found):
            ground = palette.chosen if place == self._place else palette.ground
            parts = (
                (found.symbol, _SYMBOL, palette.accent),
                (found.name, _NAME, palette.text),
                (found.kind, _KIND, palette.dim),
                (found.exchange, _KIND, palette.dim),
            )
            lines.append("\n" if place else "")
            for words, width, color in parts:
                lines.append(
                    set_cell_size(escape(words, width), width) + "  ", palette.style(color, ground)
                )
        return lines

    def _begin(self) -> None:
        self.run_worker(self._search(self._words), exclusive=True)

    async def _search(self, words: str) -> None:
        found: Sequence[Found] = ()
        problem = ""
        try:
            if self._controller is not None:
                found = (await self._controller.search(words))[:_SHOWN]
        except Unanswered as error:
            problem = f"No search now. {escape(str(error))}"
        if words == self._words:
            self._show(found, problem)

    def _show(self, found: Sequence[Found], problem: str) -> None:
        self._found, self._problem = found, problem
        # If no typed word is the symbol of a result, the best match is chosen.
        are_symbols = {each.symbol for each in found} & {*self._words.upper().split()}
        self._place = 0 if found and not are_symbols else -1
        self.set_class(bool(found or problem), "-open")
        self.refresh(layout=True)
