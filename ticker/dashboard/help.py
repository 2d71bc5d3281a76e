"""The page of keys: only those that work are on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from ticker.dashboard.keys import Key
from ticker.dashboard.palette import Palette


class Help(ModalScreen[None]):
    """Keys and what they do; any of `?`, `q`, escape and enter closes it."""

    DEFAULT_CSS = """
    Help { align: center middle; }
    Help > VerticalScroll { width: 66; max-width: 100%; height: auto; max-height: 100%;
        padding: 0 2; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark,q,escape,enter", "dismiss", show=False)
    ]

    def __init__(self, keys: Sequence[Key], palette: Palette) -> None:
        super().__init__()
        self._keys = keys
        self._palette = palette

    def compose(self) -> ComposeResult:
        """One page."""
        palette = self._palette
        text = Text("Keys\n\n", style=f"bold {palette.accent}")
        for key in filter(lambda key: key.does, self._keys):
            text.append(f"{key.keys:<10}", style=f"bold {palette.text}")
            text.append(f"{key.does}\n", style=palette.text)
        text.append(
            "\nAge counts from the price's own time; the words beside it say why it is old.",
            style=palette.dim,
        )
        page = VerticalScroll(Static(text))
        page.styles.background = palette.raised
        page.can_focus = True
        yield page
