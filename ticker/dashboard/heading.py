"""The line of column titles above the table. It shows which one sorts, and in which direction."""

from __future__ import annotations

from rich.segment import Segment
from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from ticker.board.columns import Align
from ticker.dashboard.table import Table


class Heading(Widget):
    """The column titles. The sorting one has an arrow. A click sorts."""

    DEFAULT_CSS = "Heading { height: 1; }"

    class Picked(Message):
        """A column's heading was clicked."""

        def __init__(self, field: str) -> None:
            super().__init__()
            self.field = field

    def __init__(self, table: Table) -> None:
        super().__init__()
        self._table = table

    def render_line(self, y: int) -> Strip:
        """Return the only line."""
        table = self._table
        plain = table.palette.style(table.palette.dim)
        by = table.palette.style(table.palette.accent, bold=True)
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
            segments.append(Segment(text, by if is_by else plain))
            at = place.start + place.width
        return Strip(segments).adjust_cell_length(self.size.width, plain)

    def on_click(self, event: events.Click) -> None:
        """Sort by the column under the pointer."""
        column = self._table.columns.at(event.x)
        if column is not None:
            self.post_message(self.Picked(column.key))
