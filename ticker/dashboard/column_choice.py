"""The page on which columns are chosen: which are shown, in which order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from ticker.board.columns import COLUMNS, Column
from ticker.dashboard.palette import Palette

_KEPT = ("symbol", "price")
"""Without these a row says nothing."""


class ColumnChoice(ModalScreen[None]):
    """The page; `on_change` is given the columns after each change, from left to right."""

    DEFAULT_CSS = """
    ColumnChoice { align: center middle; }
    ColumnChoice > VerticalScroll { width: 44; max-width: 100%; height: auto; max-height: 100%;
        padding: 0 2; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "go(-1)", show=False, priority=True),
        Binding("down,j", "go(1)", show=False, priority=True),
        Binding("left,shift+up,K", "move(-1)", show=False, priority=True),
        Binding("right,shift+down,J", "move(1)", show=False, priority=True),
        Binding("space", "show", show=False),
        Binding("backspace", "reset", show=False),
        Binding("c,q,escape,enter", "dismiss", show=False),
    ]

    def __init__(
        self,
        shown: Sequence[Column],
        on_change: Callable[[Sequence[Column]], None],
        palette: Palette,
    ) -> None:
        super().__init__()
        self._order = [*shown, *(column for column in COLUMNS if column not in shown)]
        self._shown = {column.key for column in shown}
        self._on_change = on_change
        self._palette = palette
        self._at = 0
        self._list = Static()

    def compose(self) -> ComposeResult:
        """One page."""
        page = VerticalScroll(self._list)
        page.styles.background = self._palette.raised
        yield page

    def on_mount(self) -> None:
        """Show the list."""
        self._draw()

    def _draw(self) -> None:
        palette = self._palette
        text = Text("Columns\n", style=f"bold {palette.accent}")
        for at, column in enumerate(self._order):
            mark = "x" if column.key in self._shown else " "
            style = f"{palette.text} on {palette.chosen}" if at == self._at else palette.text
            text.append(f"[{mark}] {column.title or column.key:<30}\n", style=style)
        text.append("space shows or hides, ←→ move, backspace: as before, esc", style=palette.dim)
        self._list.update(text)

    def _changed(self) -> None:
        self._draw()
        self._on_change([column for column in self._order if column.key in self._shown])

    def action_go(self, lines: int) -> None:
        """The cursor up or down."""
        self._at = max(0, min(self._at + lines, len(self._order) - 1))
        self._draw()

    def action_move(self, places: int) -> None:
        """The column under the cursor to the left or the right of its neighbour."""
        to = self._at + places
        if 0 <= to < len(self._order):
            self._order.insert(to, self._order.pop(self._at))
            self._at = to
            self._changed()

    def action_show(self) -> None:
        """Show the column under the cursor, or hide it; symbol and price stay."""
        key = self._order[self._at].key
        if key not in _KEPT:
            self._shown ^= {key}
            self._changed()

    def action_reset(self) -> None:
        """All columns, in the order in which they were made."""
        self._order = list(COLUMNS)
        self._shown = {column.key for column in COLUMNS}
        self._changed()
