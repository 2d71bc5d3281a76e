"""The colours of each theme. Colour is never the only sign: arrows, signs and words say the same.

All text, even dim text, has a contrast of 4.5 or more with its background (WCAG AA).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from rich.style import Style
from textual.theme import Theme

from ticker.board import columns as board

STRONGEST: Final = 3
"""The strength of the full colour of a rise or a fall."""
_FAINTEST: Final = 0.4
"""The share of the full colour at strength 0; the rest is the colour of dim text."""
_COLOURS: Final = {
    board.Style.SYMBOL: "accent",
    board.Style.PRICE: "text",
    board.Style.STALE_PRICE: "dim",
    board.Style.UP: "up",
    board.Style.DOWN: "down",
    board.Style.TEXT: "text",
    board.Style.DIM: "dim",
    board.Style.WARNING: "warning",
}
"""Style of a cell → the colour of its text, a field of `Palette`."""
_BOLD: Final = (board.Style.SYMBOL, board.Style.PRICE)


@dataclass(frozen=True)
class Palette:
    """Colours by their meaning, as `#rrggbb`."""

    ground: str
    raised: str
    """The background of bars and pages."""
    chosen: str
    """The background of the row with the cursor."""
    text: str
    dim: str
    """Less important text, and prices that are not fresh."""
    accent: str
    up: str
    down: str
    up_ground: str
    """The background of a price that just rose."""
    down_ground: str
    warning: str
    is_dark: bool = True
    is_few: bool = False
    """Whether its colours are a terminal's 16, so that they cannot be blended."""

    @property
    def told(self) -> str:
        """Return the background of a row whose alert was met a moment ago."""
        if self.is_few:
            return self.chosen
        # Neutral: no colour of a rise or a fall. `!` marks the row, too.
        return blend(self.ground, self.text, 0.07)

    def style(
        self, color: str, ground: str | None = None, *, bold: bool = False, italic: bool = False
    ) -> Style:
        """Return Rich's style for text of `color` on `ground` (default: the palette's own)."""
        return Style(color=color, bgcolor=ground or self.ground, bold=bold, italic=italic)

    def colour(self, name: board.Style) -> str:
        """Return the colour of text of the style `name`."""
        return str(getattr(self, _COLOURS[name]))

    def cell(self, name: board.Style, ground: str, level: int = STRONGEST) -> Style:
        """Return Rich's style for a cell of the style `name` on `ground`.

        `level` is the strength of a rise or a fall, from 0 to `STRONGEST`: the lower it is, the
        closer is the colour to dim text. A palette with few colours has no mixed ones.
        """
        color = self.colour(name)
        if name in (board.Style.UP, board.Style.DOWN) and not self.is_few:
            color = blend(self.dim, color, _FAINTEST + (1 - _FAINTEST) * level / STRONGEST)
        return self.style(color, ground, bold=name in _BOLD)

    def theme(self, name: str) -> Theme:
        """Return the palette as a theme for Textual's own parts."""
        return Theme(
            name=name,
            primary=self.accent,
            foreground=self.text,
            background=self.ground,
            surface=self.ground,
            panel=self.raised,
            dark=self.is_dark,
        )


def blend(one: str, other: str, share: float) -> str:
    """Mix `one` with a `share` (0 to 1) of `other`."""
    pairs = ((int(one[at : at + 2], 16), int(other[at : at + 2], 16)) for at in (1, 3, 5))
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


DARK: Final = Palette(
    ground="#11151c",
    raised="#1a212c",
    chosen="#243044",
    text="#dfe5ee",
    dim="#8692a3",
    accent="#7fb4ff",
    up="#5ccf97",
    down="#ff8078",
    up_ground="#173c2d",
    down_ground="#4a2226",
    warning="#ffc25c",
)

LIGHT: Final = Palette(
    ground="#fbfaf7",
    raised="#eeece6",
    chosen="#dde7f5",
    text="#1d2430",
    dim="#626b78",
    accent="#1d5fb8",
    up="#0f7048",
    down="#b3261e",
    up_ground="#cdeedd",
    down_ground="#f9d9d6",
    warning="#8a5300",
    is_dark=False,
)

BLUE_ORANGE: Final = replace(
    DARK,
    accent="#c5b8ff",
    up="#63b3ff",
    down="#ff9f45",
    up_ground="#163a5c",
    down_ground="#4f3010",
    warning="#ffe27a",
)
"""One man in twelve cannot tell red from green. Almost everyone can tell blue from orange."""

PALETTES: Final = {"dark": DARK, "light": LIGHT, "blue-orange": BLUE_ORANGE}

_FEW_DARK: Final = replace(
    DARK,
    ground="#000000",
    raised="#000000",
    chosen="#000080",
    text="#ffffff",
    dim="#c0c0c0",
    accent="#00ffff",
    up="#00ff00",
    down="#ff0000",
    up_ground="#000080",
    down_ground="#000080",
    warning="#ffff00",
    is_few=True,
)
_FEW: Final = {
    "dark": _FEW_DARK,
    "light": replace(
        LIGHT,
        ground="#ffffff",
        raised="#ffffff",
        chosen="#c0c0c0",
        text="#000000",
        dim="#555555",
        accent="#000080",
        up="#008000",
        down="#800000",
        up_ground="#c0c0c0",
        down_ground="#c0c0c0",
        warning="#800080",
        is_few=True,
    ),
    "blue-orange": replace(
        _FEW_DARK, accent="#ffffff", up="#00ffff", down="#ffff00", warning="#ff00ff"
    ),
}


def palette_of(theme: str, colours: str | None = None) -> Palette:
    """Return the colours of `theme`, a name in `PALETTES`.

    `colours` is Rich's name of the terminal's colours: `standard` is 16.
    """
    return (_FEW if colours == "standard" else PALETTES)[theme]
