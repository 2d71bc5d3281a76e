"""The line in which a user types: a filter, symbols, a time, or an alert.

Shown only while it is open.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from textual.widgets import Input


class Asked(StrEnum):
    """What the line asks for."""

    NOTHING = ""
    """It is closed."""
    FILTER = "filter"
    ADD = "add"
    TIME = "time"
    ALERT = "alert"


_PLACEHOLDERS: Final = {
    Asked.FILTER: "filter: symbol or name, >2%, <100, kind:etf, session:pre",
    Asked.ADD: "symbols to add, such as AAPL GC=F",
    Asked.ALERT: "alert: AAPL > 250, AAPL volume > 1000000, BTC-USD moves 1% in 5m",
    Asked.TIME: "go to: 09:30, -10m, +10m, 2026-11-23T09:30, start, end",
}


class Question(Input):
    """The line; `asked` says what for."""

    DEFAULT_CSS = """
    Question { height: 1; border: none; padding: 0 1; display: none; }
    Question.-open { display: block; }
    """

    def __init__(self) -> None:
        super().__init__(id="ask", compact=True)
        self.asked = Asked.NOTHING

    def ask(self, what: Asked, value: str = "") -> None:
        """Open the line, with `value` in it."""
        self.asked = what
        self.placeholder = _PLACEHOLDERS[what]
        self.value = value
        # What is typed goes behind the beginning of an alert, and in the place of a filter.
        self.select_on_focus = what is not Asked.ALERT
        self.cursor_position = len(value)
        self.add_class("-open")
        self.focus()

    def end(self) -> None:
        """Close the line."""
        self.asked = Asked.NOTHING
        self.remove_class("-open")

    @property
    def symbols(self) -> list[str]:
        """What was typed, as symbols; unchecked."""
        return [symbol.upper() for symbol in self.value.replace(",", " ").split()]
