"""Draws the line of a row: its texts, colours, flash and sparkline.

It caches styles, because making one takes longer than all texts of a line.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from ticker.board import Age, Row
from ticker.board.columns import Style as Look
from ticker.board.columns import reason_text
from ticker.dashboard.columns import SPACE, ColumnLayout, PlacedColumn, cut, fit
from ticker.dashboard.flash import FLASH, marked
from ticker.dashboard.palette import Palette
from ticker.dashboard.shades import line_style, shade, strength
from ticker.dashboard.sparks import Sparks
from ticker.feed import Feed
from ticker.times import Zone, clock

_COLOURED: Final = (Look.UP, Look.DOWN)


class RowLines:
    """Makes the lines of `feed`'s rows, with times in `zone`."""

    def __init__(self, feed: Feed, zone: Zone) -> None:
        self.is_loading: Callable[[str], bool] = lambda _: False
        """Whether the history of a symbol is not read yet. Until then its sparkline is blank."""
        self.is_told: Callable[[str], bool] = lambda _: False
        """Whether the row of a symbol is highlighted, because its alert was met a moment ago."""
        self.is_tight = False
        """Whether to lay out again: a text outgrew its column, or an empty column has one now."""
        self.is_cut = False
        """Whether a text that outgrew its column was a figure. If cut, it is shown as `…`."""
        self.on_cut: Callable[[], object] = lambda: None
        """Called when `is_cut` becomes true."""
        self._feed = feed
        self._board = feed.board
        self._zone = zone
        self._sparks = Sparks()
        self._palette: Palette | None = None
        self._styles: dict[tuple[Look, str, int], Style] = {}

    def strip(
        self, row: Row, age: Age, layout: ColumnLayout, palette: Palette, *, is_chosen: bool
    ) -> Strip:
        """Return the line of `row`, as wide as `layout`."""
        if palette is not self._palette:
            self._palette = palette
            self._styles.clear()
        is_told = self.is_told(row.symbol)
        ground = palette.chosen if is_chosen else palette.told if is_told else palette.ground
        level = strength(row.day_change_percent)
        plain = self._style(Look.TEXT, ground)
        segments: list[Segment] = []
        at = 0
        for place in layout.places:
            if is_told and not at and place.start:
                segments.append(Segment("!", self._style(Look.WARNING, ground)))
                at = 1
            if place.start > at:
                segments.append(Segment(" " * (place.start - at), plain))
            at = place.start + place.width
            column = place.column
            if column.is_drawn:
                segments += [
                    Segment(text, self._style(look, ground, level))
                    for text, look in self._drawn(row, age, place)
                ]
            else:
                segments += self._text(row, age, place, palette, ground, level)
        if at < layout.width:
            segments.append(Segment(" " * (layout.width - at), plain))
        strip = Strip(segments, max(at, layout.width)).crop(0, layout.width)
        return strip if row.price is not None else self._explained(strip, row, age, layout, ground)

    def _explained(
        self, strip: Strip, row: Row, age: Age, layout: ColumnLayout, ground: str
    ) -> Strip:
        """Return `strip`, the line of a row without a price, with the reason in its free cells."""
        words = reason_text(age)
        named = ("symbol", "name") if row.name else ("symbol",)
        names = [place for place in layout.places if place.column.key in named]
        at = max((place.start + place.width + SPACE for place in names), default=1)
        room = layout.width - at - 1
        if words in strip.text or room <= 0:
            return strip
        style = self._style(Look.WARNING if age.is_trouble else Look.DIM, ground)
        said = words.ljust(room) if cell_len(words) <= room else cut(words, room)
        return Strip.join([strip.crop(0, at), Strip([Segment(said, style)]), strip.crop(at + room)])

    def _text(  # noqa: PLR0917  all that a cell depends on
        self, row: Row, age: Age, place: PlacedColumn, palette: Palette, ground: str, level: int
    ) -> list[Segment]:
        column = place.column
        text = column.text(row, age)
        if not self.is_cut and place.outgrown(text):
            self.is_tight = True
            if column.is_figure:
                self.is_cut = True
                self.on_cut()
        text = fit(text, place)
        if column.is_marked and self._is_lit(row):
            return self._marked(text, row, age, place, palette, ground)
        look = column.style(text, age)
        return [Segment(text, self._style(look, ground, level))]

    def _style(self, look: Look, ground: str, level: int = 0) -> Style:
        if look not in _COLOURED:
            level = 0
        key = (look, ground, level)
        style = self._styles.get(key)
        if style is None:
            assert self._palette is not None  # noqa: S101  for the type checker
            style = self._palette.cell(look, ground)
            if look in _COLOURED:
                style += Style(color=shade(self._palette, look, level))
            self._styles[key] = style
        return style

    def _drawn(self, row: Row, age: Age, place: PlacedColumn) -> list[tuple[str, Look]]:
        key, width = place.column.key, place.width
        if key != "sparkline":
            time = getattr(row, key)
            words = "" if time is None else clock(time, self._zone, now=self._feed.clock())
            return [(words[-width:].ljust(width), Look.DIM)]
        if self.is_loading(row.symbol):
            return [(" " * width, Look.DIM)]
        line = self._sparks.line(self._board, row, width)
        minutes = [(line.minutes, Look.DIM)] if line.minutes else []
        return [*minutes, (line.ticks, line_style(row, age))]

    def _marked(  # noqa: PLR0917  all that a cell depends on
        self, text: str, row: Row, age: Age, place: PlacedColumn, palette: Palette, ground: str
    ) -> list[Segment]:
        former = msgspec.structs.replace(row, price=row.before)
        before = fit(place.column.text(former, age), place)
        return list(marked(text, before, row.direction, palette, ground))

    def _is_lit(self, row: Row) -> bool:
        """Tell whether the row's last move still flashes."""
        if row.moved is None or self._board.held is not None:
            return False
        return self._feed.elapsed() < row.moved + FLASH
