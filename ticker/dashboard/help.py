"""The page of keys. It lists only the keys that work."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.console import Group
from rich.table import Table
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
        keys = Table.grid(padding=(0, 2, 0, 0))
        keys.add_column(no_wrap=True)
        for key in filter(lambda key: key.does, self._keys):
            keys.add_row(
                Text(key.keys, style=f"bold {palette.text}"), Text(key.does, style=palette.text)
            )
        age = "Age counts from the price's own time; the words beside it say why it is old."
        self.text.update(Group(keys, Text(f"\n{age}", style=palette.dim)))
