"""The look of special cells: the flash of a price that just moved, a sparkline. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from textwrap import wrap
from typing import Final

from rich.segment import Segment

from ticker.board import Age, Row
from ticker.board.columns import Style
from ticker.dashboard.palette import Palette

_STEPS: Final = (0.5, 1.5, 3.0)
"""The day changes (%) at which a colour becomes one step stronger."""
_FAINTEST: Final = 0.4
"""How much of its colour the smallest change has; the rest is the colour of dim text."""


def marked(
    text: str, before: str, direction: int, palette: Palette, ground: str
) -> Iterable[Segment]:
    """Return a price with an arrow, and a background from the first changed digit on.

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
    """Return `text` with an arrow two cells before its first digit, in room left for it."""
    blanks = len(text) - len(text.lstrip())
    at = blanks - 2
    return text[:at] + arrow + text[at + 1 :] if at >= 0 else text


def hint_text(hint: str, line: int, width: int, height: int) -> str:
    """Line `line` of `hint` in a table of this size without rows: in the upper third, centred."""
    lines = wrap(hint, max(1, min(width - 2, 64)))
    at = line - max(0, (height - len(lines)) // 3)
    return lines[at].center(width) if 0 <= at < len(lines) else ""


def line_style(row: Row, age: Age) -> Style:
    """Return the style of a row's sparkline, which is the style of its day change."""
    if age.is_trouble or not row.day_change:
        return Style.DIM
    return Style.UP if row.day_change > 0 else Style.DOWN


def strength(percent: float | None) -> int:
    """Return the strength of a day change's colour, from 0 to 3."""
    size = abs(percent or 0.0)
    return sum(size >= step for step in _STEPS)


@lru_cache(maxsize=64)
def shade(palette: Palette, look: Style, level: int) -> str:
    """Return a colour between dim text and `color`, by the `strength` of a day change."""
    full = palette.up if look is Style.UP else palette.down
    share = _FAINTEST + (1 - _FAINTEST) * level / len(_STEPS)
    if palette.is_few:
        return full
    parts = (
        round(int(full[at : at + 2], 16) * share + int(palette.dim[at : at + 2], 16) * (1 - share))
        for at in (1, 3, 5)
    )
    return "#" + "".join(f"{part:02x}" for part in parts)
