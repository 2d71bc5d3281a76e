"""The line of column titles above the table. It shows which one sorts, and in which direction.

A click on a title sorts. A title that is dragged to another one moves its column there.
"""

from __future__ import annotations

from dataclasses import dataclass

from rich.segment import Segment
from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from ticker.board.columns import Align
from ticker.dashboard.table import Table


class Heading(Widget):
    """The column titles. An arrow marks the column that sorts."""

    DEFAULT_CSS = "Heading { height: 1; }"

    @dataclass
    class Picked(Message):
        """A column's heading was clicked."""

        field: str

    @dataclass
    class Dropped(Message):
        """A column's heading was dragged to the place of another one."""

        field: str
        place: str

    def __init__(self, table: Table) -> None:
        super().__init__()
        self._table = table
        self._held: str | None = None
        """The column whose heading is held by the mouse."""
        self._is_dropped = False
        """Whether the next click event only ends a drag."""

    def render_line(self, y: int) -> Strip:
        """Return the only line."""
        table = self._table
        plain = table.palette.style(table.palette.dim)
        by = table.palette.style(table.palette.accent, bold=True)
        held = table.palette.style(table.palette.accent, table.palette.chosen, bold=True)
        segments: list[Segment] = []
        at = 0
        for place in table.columns.places if y == 0 else ():
            segments.append(Segment(" " * max(0, place.start - at), plain))
            column = place.column
            is_by = table.sort is not None and table.sort.field == column.key
            text = column.title if column.is_titled else ""
            if is_by and table.sort is not None:
                text += " ▼" if table.sort.reverse else " ▲"
            text = text[: place.width]
            text = (
                text.ljust(place.width) if column.align is Align.LEFT else text.rjust(place.width)
            )
            is_held = column.key == self._held
            segments.append(Segment(text, held if is_held else by if is_by else plain))
            at = place.start + place.width
        return Strip(segments).adjust_cell_length(self.size.width, plain)

    def on_click(self, event: events.Click) -> None:
        """Sort by the column under the pointer, unless a drag ends here."""
        column = self._table.columns.at(event.x)
        if column is not None and not self._is_dropped:
            self.post_message(self.Picked(column.key))

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Start to drag the column under the pointer."""
        column = self._table.columns.at(event.x)
        self._held = None if column is None else column.key
        self._is_dropped = False
        self.capture_mouse()
        self.refresh()

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """End the drag. Over another column, move the dragged one to its place."""
        self.release_mouse()
        column, held = self._table.columns.at(event.x), self._held
        self._held = None
        self.refresh()
        if held is not None and column is not None and column.key != held:
            self._is_dropped = True
            self.post_message(self.Dropped(held, column.key))
