"""The flash of a price that just moved: an arrow, and a background behind its new digits. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from rich.segment import Segment

from ticker.dashboard.palette import Palette

FLASH: Final = 700_000
"""How long a changed price flashes (µs)."""


def marked(
    text: str, before: str, direction: int, palette: Palette, ground: str
) -> Iterable[Segment]:
    """Return a price with an arrow, and a background from the first changed digit on.

    `text` and `before`, the previous price, are as wide as their column.
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
    """Return `text` with an arrow two cells before its first digit, if there is room."""
    blanks = len(text) - len(text.lstrip())
    at = blanks - 2
    return text[:at] + arrow + text[at + 1 :] if at >= 0 else text
