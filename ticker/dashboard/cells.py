"""How cells look that say more than a text: a price that just moved, a sparkline. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from rich.segment import Segment

from ticker.board import Age, Row
from ticker.board.columns import Style
from ticker.dashboard.palette import Palette


def marked(
    text: str, before: str, direction: int, palette: Palette, ground: str
) -> Iterable[Segment]:
    """A price with an arrow, and a ground behind it from the first digit on that changed.

    `text` and `before`, the price before it, are as wide as their column.
    """
    color, behind, arrow = (
        (palette.up, palette.up_ground, "▲")
        if direction > 0
        else (palette.down, palette.down_ground, "▼")
    )
    pairs = enumerate(zip(text, before, strict=True))
    at = next((n for n, (new, old) in pairs if new != old), len(text.rstrip()))
    text = _with_arrow(text, arrow)
    end = max(at, len(text.rstrip()))
    yield Segment(text[:at], palette.style(color, ground, bold=True))
    yield Segment(text[at:end], palette.style(color, behind, bold=True))
    yield Segment(text[end:], palette.style(color, ground))


def _with_arrow(text: str, arrow: str) -> str:
    """`text` with an arrow two cells before its first digit; the layout leaves room for it."""
    blanks = len(text) - len(text.lstrip())
    at = blanks - 2
    return text[:at] + arrow + text[at + 1 :] if at >= 0 else text


def line_style(row: Row, age: Age) -> Style:
    """The style of a row's sparkline: that of its day change."""
    if age.is_trouble or not row.day_change:
        return Style.DIM
    return Style.UP if row.day_change > 0 else Style.DOWN
