"""The table of rows. It paints line by line, and only the lines that changed.

It keeps the cursor, the scroll position and the flashes. The app sets list, order and filter, and
decides when to paint. The table uses Textual's Line API, because a widget for each cell costs ten
times as much.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import ClassVar, Final

from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from ticker.board import SORTS, Age, Row, Sort
from ticker.board.columns import DEFAULTS, OWNER_DEFAULTS, Column, age_text, reason_text
from ticker.board.order import first_sort, next_sort
from ticker.board.owner_columns import with_units
from ticker.board.row_lists import ALL, RowList
from ticker.dashboard.columns import ColumnLayout, Measured, placed
from ticker.dashboard.flash import flash_end
from ticker.dashboard.palette import Palette
from ticker.dashboard.row_lines import RowLines
from ticker.dashboard.status import hint_line
from ticker.feed import Feed
from ticker.times import Zone

_MEASURED: Final = 500
"""The most rows measured at once. Rows further down are measured only while on the screen."""
_TWICE: Final = 2


class Table(ScrollView, can_focus=True, inherit_bindings=False):
    """The board's rows."""

    DEFAULT_CSS = """
    Table { height: 1fr; scrollbar-size-vertical: 1; overflow-x: hidden; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("ctrl+home", "edge(0)", show=False),
        Binding("ctrl+end", "edge(-1)", show=False),
        Binding("enter", "app.detail", show=False),
        Binding("tab", "app.list(1)", show=False),
        Binding("shift+tab", "app.list(-1)", show=False),
        Binding("s", "sort_next", show=False),
        Binding("S", "sort_reverse", show=False),
    ]

    class Arranged(Message):
        """The columns or the sort order changed, so the heading must be painted again."""

    class Moved(Message):
        """The cursor is on another row."""

    def __init__(
        self, feed: Feed, palette: Palette, zone: Zone = None, sort: Sort | None = None
    ) -> None:
        super().__init__()
        self.board = feed.board
        self.palette = palette
        self._feed = feed
        self.sort = sort
        self.filter = ""
        self.shown_list = ALL
        self.symbols: list[str] = []
        """The symbols of the rows shown, from the top."""
        self.hint = ""
        """The text for an empty table."""
        self.columns = ColumnLayout((), 0)
        self.usual = DEFAULTS if feed.board.owner is None else OWNER_DEFAULTS
        """The default columns."""
        self.wished: Sequence[Column] = self.usual
        """The chosen columns, from left to right. They are shown as far as there is room."""
        self._measured = Measured(self.wished)
        self.cursor = 0
        self._has_chosen = False
        """Whether the user moved the cursor. If so, it stays on its symbol."""
        self._lines: dict[str, int] = {}
        self._ages: dict[str, tuple[str, str]] = {}
        """Symbol → age and reason in its painted row, to see when they change."""
        self.lines = RowLines(feed, zone)
        # Called later, because a message that is posted during a refresh does not reach the app.
        self.lines.on_cut = partial(self.call_later, self.lay_out)
        self._flashing: dict[str, int] = {}
        """Symbol → when its flash ends (µs, by `elapsed`) and the row must be painted again."""

    @property
    def chosen(self) -> str | None:
        """Return the symbol of the row with the cursor."""
        return self.symbols[self.cursor] if self.symbols else None

    @property
    def depends_on_values(self) -> bool:
        """Tell whether new values can change which rows are shown, or their order."""
        return bool(self.sort or self.filter or self.shown_list.name)

    @property
    def on_screen(self) -> list[str]:
        """Return the symbols of the rows on the screen."""
        top = self.scroll_offset.y
        return self.symbols[top : top + self.size.height]

    def ages(self) -> Iterator[Age]:
        """Return how old the prices on the screen are, and why."""
        return (age for _, age in self._aged(self.on_screen))

    def _aged(self, symbols: Iterable[str]) -> Iterator[tuple[Row, Age]]:
        """Yield the row of each symbol, and its age now."""
        now, elapsed, trouble = self._feed.clock(), self._feed.elapsed(), self._feed.problem
        for row in map(self.board.row, symbols):
            yield row, self.board.age(row, now, trouble, elapsed=elapsed)

    def __contains__(self, symbol: object) -> bool:
        return symbol in self._lines

    def say_when_empty(self, words: str) -> None:
        """Set the text of an empty table."""
        if words != self.hint:
            self.hint = words
            self.refresh()

    def put_in_order(self) -> None:
        """Sort and filter again. A cursor that the user moved stays on its symbol."""
        rows = self.board.rows(self.sort or self.shown_list.sort, self.filter)
        chosen_rows = self.shown_list.choose(rows, is_sorted=self.sort is not None)
        symbols = [row.symbol for row in chosen_rows]
        if symbols == self.symbols:
            return
        chosen = self.chosen if self._has_chosen else None
        others = symbols if len(symbols) != len(self.symbols) else set(symbols) - set(self._lines)
        self.symbols = symbols
        self._lines = {symbol: line for line, symbol in enumerate(symbols)}
        self.cursor = self._lines.get(chosen or "", min(self.cursor, max(0, len(symbols) - 1)))
        self.virtual_size = Size(self.size.width, len(symbols))
        if others:
            unknown = (symbol for symbol in symbols if symbol not in self._measured.symbols)
            self._lay_out(islice(unknown, _MEASURED))
        self.refresh()

    def lay_out(self) -> None:
        """Lay out the columns again, for the current and the earlier texts of the rows."""
        self.lines.is_tight = self.lines.is_cut = False
        self._lay_out(dict.fromkeys([*self.symbols[:_MEASURED], *self.on_screen]))

    def measure_again(self) -> None:
        """Lay out the columns for the current texts only: the rows or the columns changed."""
        self._measured = Measured(self.wished)
        self.lay_out()

    def _lay_out(self, symbols: Iterable[str]) -> None:
        """Lay out the columns, for the texts of these rows and of those measured before."""
        if self.board.owner is not None:
            columns = with_units(self.wished, map(self.board.row, self.symbols))
            if columns != self._measured.columns:
                # Amounts must now name their currency, or no longer need to: all widths change.
                self._measured = Measured(columns)
        for row, age in self._aged(symbols):
            self._measured.take(row, age)
        layout = placed(self._measured, self.size.width)
        if layout != self.columns:
            self.columns = layout
            self.post_message(self.Arranged())
            self.refresh()

    def paint(self, changed: set[str]) -> None:
        """Paint again the rows of `changed` and the rows whose flash has ended."""
        # Thousands of rows may have changed, so only those on the screen are checked.
        seen = {symbol for symbol in self.on_screen if symbol in changed}
        for symbol in seen:
            self._note_flash(self.board.row(symbol))
        self._paint_rows(seen | self._take_over())

    def _note_flash(self, row: Row) -> None:
        """Remember when the flash of a painted row ends."""
        if (end := flash_end(row, self._feed)) is not None:
            self._flashing[row.symbol] = end

    def _take_over(self) -> set[str]:
        """Remove the flashes that ended. Returns their symbols."""
        now = self._feed.elapsed()
        over = {symbol for symbol, end in self._flashing.items() if end <= now}
        for symbol in over:
            del self._flashing[symbol]
        return over

    def paint_ages(self) -> None:
        """Paint the rows on the screen whose age in words changed or whose flash has ended."""
        changed = self._take_over()
        for row, age in self._aged(self.on_screen):
            if any(column.text(row, age) for column in self.columns.empty):
                self.lines.is_tight = True
            if self._ages.get(row.symbol) != (age_text(age), reason_text(age)):
                changed.add(row.symbol)
        self._paint_rows(changed)

    def stand_still(self) -> None:
        """End all flashes, because the board is frozen."""
        self._flashing.clear()
        self.refresh()

    @property
    def next_flash_end(self) -> int | None:
        """Return when the next flash ends (µs, by `elapsed`); `None` without a flash."""
        return min(self._flashing.values(), default=None)

    def _paint_rows(self, symbols: set[str]) -> None:
        top = self.scroll_offset.y
        bottom = top + self.size.height
        lines = [
            line - top
            for symbol in symbols
            if (line := self._lines.get(symbol)) is not None and top <= line < bottom
        ]
        if lines:
            # One call, so that Textual joins the regions once, not once for each row.
            self.refresh(*(Region(0, line, self.size.width, 1) for line in lines))

    def on_mount(self) -> None:
        """Start with the chosen columns."""
        self._measured = Measured(self.wished)

    def on_resize(self) -> None:
        """Lay out the columns for the new width."""
        self.virtual_size = Size(self.size.width, len(self.symbols))
        self.lay_out()
        # Textual knows the scroll range only after it has applied the new size.
        self.call_after_refresh(self.show_cursor)

    def render_line(self, y: int) -> Strip:
        """Return line `y` of the visible part."""
        line = self.scroll_offset.y + y
        width = self.size.width
        if line >= len(self.symbols):
            return self._hint_line(line, width)
        [(row, age)] = self._aged([self.symbols[line]])
        self._ages[row.symbol] = (age_text(age), reason_text(age))
        self._note_flash(row)  # its price may have moved while it was not visible
        is_chosen = line == self.cursor
        if self.columns.width != width:  # resized, but not laid out yet
            return Strip.blank(width, self.palette.style(self.palette.text))
        return self.lines.strip(row, age, self.columns, self.palette, is_chosen=is_chosen)

    def _hint_line(self, line: int, width: int) -> Strip:
        text = hint_line("" if self.symbols else self.hint, line, width, self.size.height)
        style = self.palette.style(self.palette.dim)
        return Strip([Segment(text, style)]).adjust_cell_length(width, style)

    def action_sort_next(self) -> None:
        """Sort by the next column on the screen. After the last comes the list's own order."""
        self._sort_by(next_sort([place.column.key for place in self.columns.places], self.sort))

    def action_sort_reverse(self) -> None:
        """Reverse the order."""
        if self.sort is not None:
            self._sort_by(Sort(self.sort.field, reverse=not self.sort.reverse))

    def pick(self, field: str) -> None:
        """Sort by `field`. If it sorts already, reverse the order."""
        if self.sort is not None and self.sort.field == field:
            self.action_sort_reverse()
        elif field in SORTS:
            self._sort_by(first_sort(field))

    def _sort_by(self, sort: Sort | None) -> None:
        self.sort = sort
        self.put_in_order()
        self.show_cursor()
        self.post_message(self.Arranged())

    def show_list(self, shown: RowList) -> None:
        """Show the rows of this list."""
        self.shown_list = shown
        self.put_in_order()
        self.measure_again()
        self.show_cursor()

    def show_columns(self, columns: Sequence[Column]) -> None:
        """Show these columns, from left to right, as far as there is room."""
        self.wished = columns
        self.measure_again()

    def show_only(self, text: str) -> None:
        """Show the rows that match the filter `text`; all if it is empty."""
        self.filter = text
        self.put_in_order()
        self.show_cursor()

    def action_move(self, lines: int) -> None:
        """Move the cursor down by `lines`; up if negative."""
        self._set_cursor(self.cursor + lines)

    def action_page(self, pages: int) -> None:
        """Move the cursor down by `pages` screens; up if negative."""
        self._set_cursor(self.cursor + pages * max(1, self.size.height - 1))

    def action_edge(self, line: int) -> None:
        """Move the cursor to the first (0) or the last (-1) row."""
        self._set_cursor(line if line >= 0 else len(self.symbols) + line)

    async def on_click(self, event: events.Click) -> None:
        """Move the cursor to the clicked row. A double click opens its detail."""
        line = self.scroll_offset.y + event.y
        if line < len(self.symbols):
            self._set_cursor(line)
            if event.chain == _TWICE:
                await self.run_action("app.detail")

    def _set_cursor(self, line: int) -> None:
        self._has_chosen = True
        line = max(0, min(line, len(self.symbols) - 1))
        if line != self.cursor:
            before, self.cursor = self.cursor, line
            self.refresh_line(before)
            self.refresh_line(line)
            self.post_message(self.Moved())
        self.show_cursor()

    def show_cursor(self) -> None:
        """Scroll to the cursor, if necessary."""
        top = self.scroll_offset.y
        if not self.size.height:
            return
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False)
        elif self.cursor >= top + self.size.height:
            self.scroll_to(y=self.cursor - self.size.height + 1, animate=False)
