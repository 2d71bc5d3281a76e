"""The input line: for a filter, symbols, a time, an alert, or a watchlist's name.

It is shown only while it is open. While the user types symbols, search results are above the line;
↓ and ↑ choose one.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar, Final

from textual.binding import Binding, BindingType
from textual.widgets import Input

from ticker.dashboard.search_results import SearchResults


class Prompt(StrEnum):
    """What the user types in the line."""

    NOTHING = ""
    """The line is closed."""
    FILTER = "filter"
    ADD = "add"
    SAVE = "save"
    TIME = "time"
    ALERT = "alert"


_PLACEHOLDERS: Final = {
    Prompt.FILTER: "filter: symbol or name, >2%, <100, kind:etf, session:pre",
    Prompt.ADD: "symbols to add, such as AAPL GC=F; or words to search, ↓ chooses",
    Prompt.ALERT: "alert: AAPL > 250, AAPL volume > 1000000, BTC-USD moves 1% in 5m",
    Prompt.SAVE: "name of the watchlist to save these symbols in",
    Prompt.TIME: "go to: 09:30, -10m, +10m, 2026-11-23T09:30, start, end",
}
_NO_SEARCH: Final = "symbols to add, such as AAPL GC=F; ticker search finds them"


class Question(Input):
    """The line; `asked` is what the user types. `finds` are shown while symbols are typed."""

    DEFAULT_CSS = """
    Question { height: 1; border: none; padding: 0 1; display: none; }
    Question.-open { display: block; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "find(1)", show=False),
        Binding("up", "find(-1)", show=False),
    ]

    def __init__(self, finds: SearchResults) -> None:
        super().__init__(id="ask", compact=True)
        self.finds = finds
        self.asked = Prompt.NOTHING
        self._begun = ""

    def ask(self, what: Prompt, value: str = "") -> None:
        """Open the line, with `value` in it."""
        self.asked = what
        is_without = what is Prompt.ADD and not self.finds.can_search
        self.placeholder = _NO_SEARCH if is_without else _PLACEHOLDERS[what]
        self.value = self._begun = value
        # Typed text continues the beginning of an alert, but replaces any other value.
        self.select_on_focus = what is not Prompt.ALERT
        self.cursor_position = len(value)
        self.add_class("-open")
        # The next key is for the line, and `focus()` would act only with the next message.
        self.screen.set_focus(self)

    @property
    def prompt(self) -> str:
        """Return what can be typed; empty while the line is closed."""
        return "" if self.asked is Prompt.NOTHING else self.placeholder

    def end(self) -> None:
        """Close the line."""
        self.asked = Prompt.NOTHING
        self.finds.shut()
        self.remove_class("-open")

    def action_find(self, lines: int) -> None:
        """Choose another search result."""
        self.finds.move(lines)

    def on_input_changed(self) -> None:
        """Search while the user types symbols."""
        if self.asked is Prompt.ADD:
            self.finds.look_for(self.value)

    @property
    def symbols(self) -> list[str]:
        """Return the typed symbols, unchecked.

        A chosen search result replaces the words of the search.
        """
        if (chosen := self.finds.chosen) is not None:
            typed = self.value.rpartition(",")[0]
            return [*_symbols(typed), chosen]
        return _symbols(self.value)

    @property
    def alert(self) -> str:
        """Return the typed alert, without the prefilled text if the rest is complete."""
        rest = self.value.removeprefix(self._begun)
        is_whole = any(sign in rest for sign in ("<", ">", " moves "))
        return rest if is_whole else self.value


def _symbols(text: str) -> list[str]:
    return [symbol.upper() for symbol in text.replace(",", " ").split()]
