"""How cells look that say more than a text: a price that just moved, a sparkline. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from rich.segment import Segment

from ticker.board import Age, Row
from ticker.board.columns import Style
from ticker.dashboard.palette import Palette

_STEPS: Final = (0.5, 1.5, 3.0)
"""From these day changes on (%) a colour is stronger by a step."""
_FAINTEST: Final = 0.4
"""The share of its colour that the smallest change has; the rest is that of dim text."""


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


def strength(percent: float | None) -> int:
    """How strong the colour of a day change is, from 0 to 3."""
    size = abs(percent or 0.0)
    return sum(size >= step for step in _STEPS)


@lru_cache(maxsize=64)
def shade(palette: Palette, look: Style, level: int) -> str:
    """The colour of a day change of this `strength`: between that of dim text and the full one."""
    full = palette.up if look is Style.UP else palette.down
    share = _FAINTEST + (1 - _FAINTEST) * level / len(_STEPS)
    if palette.is_few:
        return full
    parts = (
        round(int(full[at : at + 2], 16) * share + int(palette.dim[at : at + 2], 16) * (1 - share))
        for at in (1, 3, 5)
    )
    return "#" + "".join(f"{part:02x}" for part in parts)
