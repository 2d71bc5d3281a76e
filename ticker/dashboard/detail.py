"""One symbol, alone or beside the table: its day as a chart, all fields, last ticks, gaps.

It shows what the board remembers of the chosen symbol. It is painted as a whole, and only if that
symbol or its age in words changed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import zip_longest
from textwrap import wrap
from typing import ClassVar, Final

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from ticker.board import Age, Row
from ticker.board.column import Style as Look
from ticker.board.column import sign_style
from ticker.board.columns import age_text, places_of, reason_text
from ticker.dashboard.chart import Chart, Ink, chart_lines
from ticker.dashboard.facts import facts, tick_words
from ticker.dashboard.palette import Palette
from ticker.dashboard.sparks import COIN
from ticker.escape import escape
from ticker.feed import Feed
from ticker.health.gaps import gap_words, of_gap
from ticker.times import Zone

_BESIDE: Final = 84
"""At this width (cells) and above, the facts are beside the chart; otherwise below it."""
_FACTS: Final = (34, 44)
"""The facts beside the chart take a third of the width, within these bounds (cells)."""
_NAMES: Final = 16
_TWO: Final = 60
"""At this width (cells) and above, the latest events are beside the facts."""
_GAPS: Final = 3
_LEAST: Final = 8
"""The least width in which gaps and ticks are readable (cells)."""

Line = list[Segment]


class Detail(Widget, can_focus=True):
    """The detail of `symbol`; hidden while `symbol` is empty."""

    DEFAULT_CSS = """
    Detail { width: 1fr; height: 1fr; display: none; }
    Detail.-open { display: block; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "walk(-1)", show=False),
        Binding("down,j", "walk(1)", show=False),
    ]

    @dataclass
    class Walked(Message):
        """The user wants the symbol `lines` rows further down."""

        lines: int

    def __init__(self, feed: Feed, palette: Palette, zone: Zone) -> None:
        super().__init__(id="detail")
        self.symbol = ""
        self.is_candles = False
        """Whether the chart has candles instead of a line."""
        self._board = feed.board
        self.palette = palette
        self._zone = zone
        self._feed = feed
        self._strips: list[Strip] = []
        self.is_loading: Callable[[str], bool] = lambda _: False
        """Whether the history of a symbol is not read yet. Until then its chart is blank."""
        self._aged: object = None
        """The age as it was last painted."""

    def open(self, symbol: str) -> None:
        """Show `symbol`."""
        if symbol != self.symbol:
            self.symbol = symbol
            self._board.look_at(symbol)
        self.add_class("-open")
        self.redraw()

    def shut(self) -> None:
        """Hide the detail."""
        self.symbol = ""
        self._board.look_at(None)
        self.remove_class("-open")

    def toggle_candles(self) -> None:
        """Switch between candles and a line."""
        self.is_candles = not self.is_candles
        self.redraw()

    def paint(self, changed: set[str]) -> None:
        """Draw again if the symbol is one of `changed`."""
        if self.symbol in changed:
            self.redraw()

    def paint_age(self) -> None:
        """Draw again if the age in words has changed."""
        if self.symbol and self._age_words() != self._aged:
            self.redraw()

    def _age_words(self) -> tuple[str, str]:
        age = self._age(self._board.row(self.symbol))
        return age_text(age), reason_text(age)

    def _age(self, row: Row) -> Age:
        feed = self._feed
        return self._board.age(row, feed.clock(), feed.problem, elapsed=feed.elapsed())

    def redraw(self) -> None:
        """Draw everything."""
        width, height = self.size
        if not self.symbol or not width:
            return
        self._aged = self._age_words()
        ground = self.palette.style(self.palette.text)
        self._strips = [
            Strip(line).adjust_cell_length(width, ground) for line in self._lines(width, height)
        ][:height]
        self.refresh()

    def on_resize(self) -> None:
        """Draw again in the new size."""
        self.redraw()

    def render_line(self, y: int) -> Strip:
        """Return a line of the picture."""
        if y < len(self._strips):
            return self._strips[y].crop(0, self.size.width)
        return Strip.blank(self.size.width, self.palette.style(self.palette.text))

    def action_walk(self, lines: int) -> None:
        """Ask for the symbol `lines` rows further down."""
        self.post_message(self.Walked(lines))

    # The picture

    def _lines(self, width: int, height: int) -> list[Line]:
        row = self._board.row(self.symbol)
        told = facts(row, self._age(row), self._feed.clock(), self._zone)

        def known(width: int) -> list[Line]:
            return [line for name, value in told for line in self._pair(name, value, width)]

        name = Segment(f"  {escape(row.name or '')}", self._style(Look.TEXT))
        head = [Segment(f" {escape(row.symbol)}", self._style(Look.SYMBOL)), name]
        if width >= _BESIDE:
            right = max(_FACTS[0], min(width // 3, _FACTS[1]))
            left, height = width - right - 2, height - 1
            side = known(right)
            side += self._recent(row, right, height - len(side))
            return [head, *self._beside(self._chart(row, left - 2, height), left, side)]
        room = max(height // 2, height - 1 - len(known(width)))
        chart = self._chart(row, width, min(room, height - 1))
        rest = height - 1 - len(chart)
        if width < _TWO:
            below = [*known(width - 1), *self._recent(row, width - 1, rest - len(known(width)))]
            return [head, *chart, *self._beside([], 1, below)]
        half = width // 2
        below = self._beside(known(half - 2), half, self._recent(row, half, rest))
        return [head, *chart, *self._beside([], 1, below)]

    def _beside(self, left: list[Line], width: int, right: list[Line]) -> list[Line]:
        """Put two blocks side by side, the left one in `width` cells."""
        blank, nothing = self._style(Look.TEXT), Line()
        return [
            [*Strip(one).adjust_cell_length(width, blank), *other]
            for one, other in zip_longest(left, right, fillvalue=nothing)
        ]

    def _chart(self, row: Row, width: int, height: int) -> list[Line]:
        focus = self._board.focus
        if focus is None or row.price is None or self.is_loading(row.symbol):
            return []
        chart = Chart(
            focus.bars.day(is_round_the_clock=row.kind == COIN),
            focus.bars.span,
            row.price,
            places_of(row),
            row.previous_close,
            self._board.breaks(row.symbol),
            self.is_candles,
        )
        palette = self.palette
        color = palette.down if (row.day_change or 0) < 0 else palette.up
        inks = {
            Ink.LINE: palette.style(color),
            Ink.UP: palette.style(palette.up),
            Ink.DOWN: palette.style(palette.down),
            Ink.CLOSE: palette.style(palette.dim),
            Ink.LABEL: palette.style(palette.dim),
            Ink.TAG: palette.style(palette.ground, color, bold=True),
        }
        space = Segment(" ", palette.style(palette.text))
        return [
            [space, *(Segment(text, inks[ink]) for text, ink in line)]
            for line in chart_lines(chart, width - 1, height, self._zone)
        ]

    def _recent(self, row: Row, width: int, height: int) -> list[Line]:
        """Return the gaps and the last ticks, as far as there is room."""
        focus, now = self._board.focus, self._feed.clock()
        if focus is None or height <= 0 or width < _LEAST:
            return []
        lines = [
            [self._cell(words, width, Look.WARNING)]
            for gap in focus.gaps[:_GAPS]
            for words in wrap(of_gap(gap, now, self._zone), width)
        ]
        ticks = focus.ticks(max(0, height - len(lines) - 1))
        if ticks:
            lines.append([self._cell("Last ticks", width, Look.DIM)])
        looks = {1: Look.UP, -1: Look.DOWN, 0: Look.TEXT}
        for tick, older in zip_longest(ticks, ticks[1:]):
            time, words, direction = tick_words(tick, places_of(row), now, self._zone)
            room = max(0, width - len(time))
            price = self._cell(_fitting(words, room), room, looks[direction])
            lines.append([self._cell(time, len(time), Look.DIM), price])
            # The price moved from `older` to `tick` over this gap.
            for gap in [] if older is None else focus.gaps_between(older, tick):
                words = gap_words((gap.until or 0) - (gap.from_ or 0))
                lines.append([self._cell(words, width, Look.WARNING)])
        return lines[:height]

    def _pair(self, name: str, value: str, width: int) -> list[Line]:
        """Return the lines of a fact. A long value continues in the next line.

        A word is never cut, because a cut number reads as another number. A fact with a word wider
        than its column is left out.
        """
        look = sign_style(value) if name == "Change" else Look.TEXT
        names = min(_NAMES, width // 2)
        room = max(1, width - names)
        words = wrap(value, room, break_long_words=False, break_on_hyphens=False)
        if any(cell_len(part) > room for part in words):
            return []
        return [
            [self._cell("" if at else name, names, Look.DIM), self._cell(part, room, look)]
            for at, part in enumerate(words)
        ]

    def _cell(self, words: str, width: int, look: Look) -> Segment:
        return Segment(set_cell_size(words, width), self._style(look))

    def _style(self, look: Look) -> Style:
        return self.palette.cell(look, self.palette.ground)


def _fitting(words: str, width: int) -> str:
    """Return as many of `words`, separated by two spaces, as fit into `width` cells."""
    text = ""
    for part in words.split("  "):
        if cell_len(text) + cell_len(part) + 2 > width:
            break
        text += f"  {part}"
    return text
