"""The flash of a price that just moved: an arrow, and a background behind its new digits."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from rich.segment import Segment

from ticker.board import Row
from ticker.dashboard.palette import Palette
from ticker.feed import Feed

FLASH: Final = 700_000
"""How long a changed price flashes (µs)."""


def flash_end(row: Row, feed: Feed) -> int | None:
    """Return when the row's flash ends (µs, by `elapsed`); `None` if it does not flash."""
    if row.moved is None or feed.board.held is not None:
        return None
    return end if (end := row.moved + FLASH) > feed.elapsed() else None


def marked(
    text: str, before: str, direction: int, palette: Palette, ground: str
) -> Iterable[Segment]:
    """Return a price with an arrow, and a background from the first changed digit on.

    `text` and `before`, the previous price, are as wide as their column. Without room, there is no
    arrow.
    """
    color, behind, arrow = (
        (palette.up, palette.up_ground, "▲")
        if direction > 0
        else (palette.down, palette.down_ground, "▼")
    )
    end = len(text.rstrip())
    pairs = enumerate(zip(text, before, strict=True))
    at = next((n for n, (new, old) in pairs if new != old), end)
    room = len(text) - len(text.lstrip()) - 2
    if room >= 0:
        text = text[:room] + arrow + text[room + 1 :]
    end = max(at, end)
    yield Segment(text[:at], palette.style(color, ground, bold=True))
    yield Segment(text[at:end], palette.style(color, behind, bold=True))
    yield Segment(text[end:], palette.style(color, ground))
