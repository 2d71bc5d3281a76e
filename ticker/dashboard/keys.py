"""The keys of the dashboard: what each is bound to, and what is said of it.

The keys of the rows alone are bound in the table.
"""

from __future__ import annotations

from typing import Final

from textual.binding import Binding, BindingType

BINDINGS: Final[tuple[BindingType, ...]] = (
    Binding("q", "leave", show=False),
    Binding("ctrl+c,ctrl+q", "interrupt", show=False, priority=True),
    Binding("question_mark,f1", "help", show=False),
    Binding("slash", "ask('filter')", show=False),
    Binding("plus", "ask('add')", show=False),
    Binding("minus", "drop", show=False),
    Binding("space", "pause", show=False),
    Binding("escape", "clear", show=False),
)

KEYS: Final = (
    ("↑↓ j k", "row, also PgUp PgDn Home End, mouse"),
    ("space", "pause, and go on"),
    ("/", "filter, by symbol or name; esc shows all"),
    ("s S", "sort, by the next column; reverse it"),
    ("+", "add, symbols to poll"),
    ("-", "remove, the symbol of this row"),
    ("?", "help, this page"),
    ("q", "quit"),
)
"""Each key with what it does: a word for the line of keys, then the rest for the page of help."""
