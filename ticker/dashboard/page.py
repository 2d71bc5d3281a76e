"""Pages over the table: text that scrolls, or a list with a cursor. The usual keys close them."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rich.console import RenderableType
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.geometry import Region
from textual.screen import ModalScreen
from textual.widgets import Static

from ticker.dashboard.palette import Palette


class Page(ModalScreen[bool | None]):
    """A page `WIDTH` cells wide, at most as wide as the terminal. Escape, `q` and enter close it.

    Subclasses fill its `text`. Its last lines show `KEYS`, and do not scroll.
    """

    DEFAULT_CSS = """
    Page { align: center middle; }
    Page > VerticalScroll { max-width: 100%; height: auto; max-height: 100%; padding: 0 2;
        scrollbar-size-vertical: 1; }
    Page .keys { dock: bottom; height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,escape,enter", "dismiss", show=False),
    ]
    WIDTH: int = 66
    KEYS: ClassVar[str] = ""

    def __init__(self, palette: Palette) -> None:
        super().__init__()
        self.palette = palette
        self.text = Static()

    def compose(self) -> ComposeResult:
        """Yield the text and the keys in a box that scrolls."""
        keys = Text(self.KEYS, style=self.palette.dim, no_wrap=True, overflow="ellipsis")
        box = VerticalScroll(self.text, *([Static(keys, classes="keys")] if self.KEYS else []))
        box.styles.width = self.WIDTH
        box.styles.background = self.palette.raised
        box.can_focus = True
        yield box


class TextPage(Page):
    """A page of the text that `tell` returns, refreshed each second. `i` and `?` close it too."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("i,question_mark,f1", "dismiss", show=False),
    ]

    def __init__(self, tell: Callable[[], RenderableType], palette: Palette, width: int) -> None:
        super().__init__(palette)
        self.WIDTH = width
        self._tell = tell

    def on_mount(self) -> None:
        """Show the text, and refresh it each second."""
        self._show()
        self.set_interval(1.0, self._show)

    def _show(self) -> None:
        self.text.update(self._tell())


class ListPage(Page):
    """A page of lines with a cursor, which is on line `at`. Subclasses draw and count the lines."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "go(-1)", show=False, priority=True),
        Binding("down,j", "go(1)", show=False, priority=True),
    ]
    ABOVE: ClassVar[int] = 0
    """The lines above the first line of the list."""

    def __init__(self, palette: Palette) -> None:
        super().__init__(palette)
        self.at = 0

    @property
    def count(self) -> int:
        """Return the number of lines."""
        raise NotImplementedError

    def draw(self) -> None:
        """Draw all lines."""
        raise NotImplementedError

    def on_mount(self) -> None:
        """Show the list."""
        self.draw()

    def ground(self, line: int) -> str:
        """Return what to append to the style of `line`: a background if it has the cursor."""
        return f" on {self.palette.chosen}" if line == self.at else ""

    def action_go(self, lines: int) -> None:
        """Move the cursor up or down."""
        self.at = max(0, min(self.at + lines, self.count - 1))
        self.draw()
        hidden = len(self.KEYS.splitlines())  # lines below the cursor that the keys would cover
        line = Region(0, self.at + self.ABOVE if self.at else 0, 1, 1 + hidden)
        self.query_one(VerticalScroll).scroll_to_region(line, animate=False)
