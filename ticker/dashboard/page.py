"""A page over the table: text that scrolls. The usual keys close it."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from ticker.dashboard.palette import Palette


class Page(ModalScreen[None]):
    """A page `WIDTH` cells wide, at most as wide as the terminal. Escape, `q` and enter close it.

    Subclasses fill its `text`.
    """

    DEFAULT_CSS = """
    Page { align: center middle; }
    Page > VerticalScroll { max-width: 100%; height: auto; max-height: 100%; padding: 0 2;
        scrollbar-size-vertical: 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,escape,enter", "dismiss", show=False),
    ]
    WIDTH: ClassVar[int] = 66

    def __init__(self, palette: Palette) -> None:
        super().__init__()
        self.palette = palette
        self.text = Static()

    def compose(self) -> ComposeResult:
        """Yield the text in a box that scrolls."""
        box = VerticalScroll(self.text)
        box.styles.width = self.WIDTH
        box.styles.background = self.palette.raised
        box.can_focus = True
        yield box
