"""The lines of words around the table: what stands in the title and under the table.

Everything is Rich `Text`, never markup, so that no name can dress itself up.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.text import Text
from textual.widget import Widget

from ticker.dashboard.palette import Palette
from ticker.escape import escape

KEYS: Final = (
    ("↑↓ j k", "row, also PgUp PgDn Home End, mouse"),
    ("space", "pause, and go on"),
    ("/", "filter, by symbol or name; esc shows all"),
    ("s S", "sort, by the next column; reverse it"),
    ("+", "add, symbols to poll"),
    ("-", "remove, the symbol of this row"),
    ("?", "help, this page"),
    ("q", "quit"),
)
"""Each key with what it does: a word for the line of keys, then the rest for the page of help."""


class Bar(Widget):
    """A line (or some) of text; never interprets it."""

    DEFAULT_CSS = "Bar { height: 1; }"

    def __init__(self, *, id: str) -> None:  # noqa: A002  Textual's name
        super().__init__(id=id)
        self._text = Text()

    def show(self, text: Text) -> None:
        """Show `text`; painted only if it says something else than before."""
        if text != self._text or text.spans != self._text.spans:
            self._text = text
            self.refresh(layout=self.styles.auto_dimensions)

    def render(self) -> Text:
        """The text."""
        return self._text


def title_words(palette: Palette, caption: str, *, is_simulated: bool, width: int) -> Text:
    """What is watched, and the badge; the caption gives way to the badge, never the reverse."""
    text = Text(" ticker", style=f"bold {palette.accent}", no_wrap=True, overflow="ellipsis")
    badge = " SIMULATED " if is_simulated else ""
    if badge and width < len(text) + len(badge) + 1:
        return Text(badge.strip()[:width], style=f"bold {palette.ground} on {palette.warning}")
    shown = Text(escape(caption))
    shown.truncate(max(0, width - len(text) - len(badge) - 4), overflow="ellipsis")
    text.append(f"  {shown.plain}", style=palette.text)
    if badge:
        text.append(" " * max(1, width - text.cell_len - len(badge) - 1))
        text.append(badge, style=f"bold {palette.ground} on {palette.warning}")
    return text


def key_words(palette: Palette, keys: Sequence[tuple[str, str]]) -> Text:
    """The keys with a word each."""
    text = Text(" ", no_wrap=True, overflow="ellipsis")
    for key, does in keys:
        text.append(key, style=f"bold {palette.text}")
        text.append(f" {does.partition(',')[0]}   ", style=palette.dim)
    return text
