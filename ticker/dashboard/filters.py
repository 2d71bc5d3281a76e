"""Filters of painted lines, for terminals without colours or without Unicode."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from rich.color import Color as RichColor
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter

from ticker.dashboard.palette import Palette
from ticker.missing_characters import SUBSTITUTE

_LOCALE: Final[tuple[str, ...]] = ("LC_ALL", "LC_CTYPE", "LANG")
"""The first one that is set decides the character set."""
_ASCII_LOCALES: Final = ("C", "POSIX")
_DEFAULT: Final = RichColor.default()


def is_ascii(environ: Mapping[str, str]) -> bool:
    """Tell whether the locale is `C` or `POSIX`, which means ASCII. If nothing is set: no.

    If `LANG` is `C`, Python sets `LC_CTYPE` to `C.UTF-8`, so that value does not count.
    """
    names = _LOCALE
    if environ.get("LANG") in _ASCII_LOCALES and environ.get("LC_CTYPE") == "C.UTF-8":
        names = ("LC_ALL", "LANG")
    return next((environ[name] for name in names if environ.get(name)), "") in _ASCII_LOCALES


class Ascii(LineFilter):
    """Replaces characters by similar ASCII characters of the same width."""

    def apply(
        self,
        segments: list[Segment],
        background: Color,  # noqa: ARG002  Textual passes it
    ) -> list[Segment]:
        """Write each segment in ASCII."""
        return [
            segment
            if segment.text.isascii()
            else Segment(
                segment.text.encode("ascii", SUBSTITUTE).decode(), segment.style, segment.control
            )
            for segment in segments
        ]


class NoColours(LineFilter):
    """Replaces the colours of `palette` by dim and reverse. Bold text stays bold."""

    def __init__(self, palette: Palette) -> None:
        super().__init__()
        self._dim = _triplet(palette.dim)
        grounds = (palette.chosen, palette.up_ground, palette.down_ground)
        badges = (palette.accent, palette.warning, palette.up, palette.down)
        self._raised = {_triplet(color) for color in (*grounds, *badges)}
        self._plain = lru_cache(maxsize=256)(self._without)

    def apply(
        self,
        segments: list[Segment],
        background: Color,  # noqa: ARG002  Textual passes it
    ) -> list[Segment]:
        """Remove the colours."""
        return [
            Segment(text, None if style is None else self._plain(style), control)
            for text, style, control in segments
        ]

    def _without(self, style: Style) -> Style:
        ground, color = style.bgcolor, style.color
        is_raised = ground is not None and ground.triplet in self._raised
        is_dim = color is not None and color.triplet == self._dim
        plain = Style(
            color=_DEFAULT,
            bgcolor=_DEFAULT,
            reverse=is_raised or bool(style.reverse),
            dim=is_dim and not is_raised,
        )
        return style + plain


def _triplet(color: str) -> object:
    return RichColor.parse(color).triplet
