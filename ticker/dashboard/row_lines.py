"""Draws the line of a row: its texts, colours, flash and sparkline.

The colours of day changes are stronger for a greater change. Styles are cached, because making one
takes longer than all texts of a line.
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
from ticker.dashboard.flash import flash_end, marked
from ticker.dashboard.palette import Palette
from ticker.dashboard.sparks import Sparks
from ticker.feed import Feed
from ticker.times import Zone, clock

_STEPS: Final = (0.5, 1.5, 3.0)
"""The day changes (%) at which a colour becomes one step stronger, up to `STRONGEST`."""


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
        """Whether a figure outgrew its column, so that it is shown as `…`."""
        self.on_cut: Callable[[], object] = lambda: None
        """Called when `is_cut` becomes true."""
        self._feed = feed
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
        level = sum(abs(row.day_change_percent or 0.0) >= step for step in _STEPS)
        plain = self._style(palette, Look.TEXT, ground)
        segments: list[Segment] = []
        at = 0
        for place in layout.places:
            if is_told and not at and place.start:
                segments.append(Segment("!", self._style(palette, Look.WARNING, ground)))
                at = 1
            if place.start > at:
                segments.append(Segment(" " * (place.start - at), plain))
            at = place.start + place.width
            column = place.column
            if column.is_drawn:
                pieces = self._drawn(row, age, place)
            elif column.is_marked and flash_end(row, self._feed) is not None:
                former = msgspec.structs.replace(row, price=row.before)
                text, before = self._text(row, age, place), fit(column.text(former, age), place)
                segments += marked(text, before, row.direction, palette, ground)
                continue
            else:
                text = self._text(row, age, place)
                pieces = [(text, column.style(text, age))]
            segments += [
                Segment(text, self._style(palette, look, ground, level)) for text, look in pieces
            ]
        if at < layout.width:
            segments.append(Segment(" " * (layout.width - at), plain))
        strip = Strip(segments, max(at, layout.width)).crop(0, layout.width)
        if row.price is not None:
            return strip
        style = self._style(palette, Look.WARNING if age.is_trouble else Look.DIM, ground)
        return _explained(strip, row, age, layout, style)

    def _text(self, row: Row, age: Age, place: PlacedColumn) -> str:
        text = place.column.text(row, age)
        if not self.is_cut and place.outgrown(text):
            self.is_tight = True
            if place.column.is_figure:
                self.is_cut = True
                self.on_cut()
        return fit(text, place)

    def _style(self, palette: Palette, look: Look, ground: str, level: int = 0) -> Style:
        key = (look, ground, level)
        style = self._styles.get(key)
        if style is None:
            style = self._styles[key] = palette.cell(look, ground, level)
        return style

    def _drawn(self, row: Row, age: Age, place: PlacedColumn) -> list[tuple[str, Look]]:
        key, width = place.column.key, place.width
        if key != "sparkline":
            time = getattr(row, key)
            words = "" if time is None else clock(time, self._zone, now=self._feed.clock())
            return [(words[-width:].ljust(width), Look.DIM)]
        if self.is_loading(row.symbol):
            return [(" " * width, Look.DIM)]
        line = self._sparks.line(self._feed.board, row, width)
        look = Look.DIM
        if row.day_change and not age.is_trouble:
            look = Look.UP if row.day_change > 0 else Look.DOWN
        return [*([(line.minutes, Look.DIM)] if line.minutes else []), (line.ticks, look)]


def _explained(strip: Strip, row: Row, age: Age, layout: ColumnLayout, style: Style) -> Strip:
    """Return `strip`, the line of a row without a price, with the reason in its free cells."""
    words = reason_text(age)
    named = ("symbol", "name") if row.name else ("symbol",)
    names = [place for place in layout.places if place.column.key in named]
    at = max((place.start + place.width + SPACE for place in names), default=1)
    room = layout.width - at - 1
    if words in strip.text or room <= 0:
        return strip
    said = words.ljust(room) if cell_len(words) <= room else cut(words, room)
    return Strip.join([strip.crop(0, at), Strip([Segment(said, style)]), strip.crop(at + room)])
