"""The colours of day changes: by direction, and stronger for a greater change. Pure."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from ticker.board import Age, Row
from ticker.board.columns import Style
from ticker.dashboard.palette import Palette

_STEPS: Final = (0.5, 1.5, 3.0)
"""The day changes (%) at which a colour becomes one step stronger."""
_FAINTEST: Final = 0.4
"""The share of the full colour for the smallest change; the rest is the colour of dim text."""


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
    """Return the colour of `look` (up or down), closer to dim text the lower `level` is.

    `level` is a `strength`. A palette with few colours has no mixed ones.
    """
    full = palette.up if look is Style.UP else palette.down
    share = _FAINTEST + (1 - _FAINTEST) * level / len(_STEPS)
    if palette.is_few:
        return full
    parts = (
        round(int(full[at : at + 2], 16) * share + int(palette.dim[at : at + 2], 16) * (1 - share))
        for at in (1, 3, 5)
    )
    return "#" + "".join(f"{part:02x}" for part in parts)
