"""The page of keys. It lists only the keys that work."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType

from ticker.dashboard.keys import Key
from ticker.dashboard.page import Page
from ticker.dashboard.palette import Palette


class Help(Page):
    """Keys and what they do; `?` closes it too."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark,f1", "dismiss", show=False),
    ]

    def __init__(self, keys: Sequence[Key], palette: Palette) -> None:
        super().__init__(palette)
        self._keys = keys

    def on_mount(self) -> None:
        """Fill the page."""
        palette = self.palette
        text = Text("Keys\n\n", style=f"bold {palette.accent}")
        for key in filter(lambda key: key.does, self._keys):
            text.append(f"{key.keys:<10}", style=f"bold {palette.text}")
            text.append(f"{key.does}\n", style=palette.text)
        text.append(
            "\nAge counts from the price's own time; the words beside it say why it is old.",
            style=palette.dim,
        )
        self.text.update(text)
