"""The page for choosing columns: which are shown, in which order, how wide."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, Final

from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType

from ticker.board.chosen_columns import WIDEST, wished
from ticker.board.columns import COLUMNS, Column
from ticker.dashboard.columns import cut
from ticker.dashboard.page import ListPage
from ticker.dashboard.palette import Palette

_KEPT: Final = ("symbol", "price")
"""A row needs these, so they cannot be hidden."""
_WIDTH: Final = 10
"""The first change of an automatic width starts from at least this width (cells)."""
_CLICK: Final = "column"
"""The key in a style's `meta` for the line of a column and the action of a click."""
_BESIDE: Final = 17
"""The cells of a line beside the column's name."""


class ColumnsPage(ListPage):
    """The page. After each change, `on_change` gets the columns from left to right.

    An empty sequence means the default columns, which are `usual`. `save` saves the choice.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,shift+up,K", "move(-1)", show=False, priority=True),
        Binding("right,shift+down,J", "move(1)", show=False, priority=True),
        Binding("less_than_sign,minus", "widen(-1)", show=False),
        Binding("greater_than_sign,plus", "widen(1)", show=False),
        Binding("0", "widen(0)", show=False),
        Binding("space", "show", show=False),
        Binding("backspace", "reset", show=False),
        Binding("w", "save", show=False),
        Binding("c", "dismiss", show=False),
    ]
    WIDTH = 53
    KEYS = "space show  ←→ move  <>0 width\nw save  backspace reset  esc back"

    def __init__(
        self,
        shown: Sequence[Column],
        usual: Sequence[Column],
        on_change: Callable[[Sequence[Column]], None],
        save: Callable[[], None],
        palette: Palette,
    ) -> None:
        super().__init__(palette)
        self._shown = {column.key for column in shown}
        others = (column for column in COLUMNS if column.key not in self._shown)
        self._order = [*shown, *others]
        self._usual = usual
        self._on_change = on_change
        self._save = save

    def on_resize(self) -> None:
        """Draw again, because the room for the names changed."""
        self.draw()

    @property
    def count(self) -> int:
        """Return the number of columns."""
        return len(self._order)

    def draw(self) -> None:
        """Draw the columns from left to right, the hidden ones last."""
        palette, text = self.palette, Text()
        room = max(1, min(self.WIDTH, self.app.size.width) - 5 - _BESIDE)
        for at, column in enumerate(self._order):
            ground = self.ground(at)
            name = _name(column)
            name = name.ljust(room) if len(name) <= room else cut(name, room)

            def word(words: str, action: str, at: int = at, ground: str = ground) -> None:
                meta = Style.from_meta({_CLICK: (at, action)})
                text.append(words, style=Style.parse(palette.text + ground) + meta)

            mark = "x" if column.key in self._shown else " "
            word(f"[{mark}] {name}", "show")
            word(" <", "widen(-1)")
            word(f"{column.width or 'auto':>4}", "widen(0)")
            word(" >", "widen(1)")
            word("  ↑", "move(-1)")
            word("↓\n", "move(1)")
        self.text.update(text)

    def _changed(self) -> None:
        self.draw()
        chosen = (column for column in self._order if column.key in self._shown)
        self._on_change([wished(column, column.width) for column in chosen])

    async def on_click(self, event: events.Click) -> None:
        """Run the action under the pointer on the column of that line."""
        if _CLICK in event.style.meta:
            self.at, action = event.style.meta[_CLICK]
            await self.run_action(action)
            self.draw()

    def action_move(self, places: int) -> None:
        """Move the column under the cursor to the right by `places`; to the left if negative."""
        to = self.at + places
        if 0 <= to < len(self._order):
            self._order.insert(to, self._order.pop(self.at))
            self.at = to
            self._changed()

    def action_widen(self, cells: int) -> None:
        """Widen the column under the cursor by `cells`, or narrow it if negative; 0: automatic."""
        column = self._order[self.at]
        start = column.width or max(_WIDTH, len(column.title) + 2)
        width = max(1, min(WIDEST, start + cells)) if cells else None
        self._order[self.at] = wished(column, width)
        self._changed()

    def action_show(self) -> None:
        """Show or hide the column under the cursor. Symbol and price cannot be hidden."""
        key = self._order[self.at].key
        if key not in _KEPT:
            self._shown ^= {key}
            self._changed()

    def action_save(self) -> None:
        """Save the choice."""
        self._save()

    def action_reset(self) -> None:
        """Return to the default columns and their order."""
        self._order = list(COLUMNS)
        self._shown = {column.key for column in self._usual}
        self._on_change(())
        self.draw()


def _name(column: Column) -> str:
    """Return the key used in the configuration, and the title if it differs."""
    title = column.title
    is_other = title.casefold() != column.key.replace("_", " ")
    return f"{column.key} ({title})" if is_other and len(title) > 1 else column.key
