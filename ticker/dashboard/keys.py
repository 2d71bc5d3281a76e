"""The keys of the dashboard: their bindings, their descriptions, and the page of help.

The table binds the keys that only act on rows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from rich.console import Group
from rich.table import Table
from rich.text import Text
from textual.binding import Binding, BindingType

from ticker.dashboard.palette import Palette


class Needs(Enum):
    """What a key needs to work."""

    NOTHING = "nothing"
    LIVE = "a live stream"
    REPLAY = "a replay of this screen's own"
    TABLE = "the table"
    DETAIL = "the detail of a symbol"
    ALERTS = "alerts that are watched for"


@dataclass(frozen=True, slots=True)
class Key:
    """A key, or several that belong together, and its description."""

    keys: str
    word: str
    """Its word on the line of keys; empty: it is only on the page of help."""
    does: str
    """Its text on the page of help; empty: it is not there."""
    needs: Needs = Needs.NOTHING
    importance: int = 5
    """On a narrow line, keys with a high number are left out first."""
    action: str = ""
    """What a click on it does."""
    pair: tuple[str, str] | None = None
    """What a click on the first and on the second of two keys does."""


KEYS: Final = (
    Key("↑↓ j k", "row", "row, also PgUp PgDn, mouse; ctrl+home, ctrl+end", importance=8),
    Key(
        "enter", "detail", "chart (v: candles) and all fields; esc: back", Needs.TABLE, 6, "detail"
    ),
    Key("esc", "back", "back to the table; ↑↓: to other symbols", Needs.DETAIL, 1, "clear"),
    Key("v", "candles", "chart as candles, or as a line", Needs.DETAIL, 3, "candles"),
    Key("space", "pause", "freeze the board, and go on", Needs.LIVE, 4, "pause"),
    Key("space", "pause", "pause, and go on", Needs.REPLAY, 2, "pause"),
    Key(
        "←→",
        "10 s",
        "back, forward 10 s; with shift 1 min",
        Needs.REPLAY,
        2,
        pair=("time('move', -10)", "time('move', 10)"),
    ),
    Key(
        ", .",
        "tick",
        "to the previous, next tick on this screen",
        Needs.REPLAY,
        4,
        pair=("time('step', -1)", "time('step', 1)"),
    ),
    Key(
        "[ ]",
        "speed",
        "slower, faster; backspace: speed 1",
        Needs.REPLAY,
        3,
        pair=("time('slower')", "time('faster')"),
    ),
    Key(
        "n N",
        "mark",
        "to the next, previous mark; m: set one",
        Needs.REPLAY,
        5,
        "time('mark', 1)",
        pair=("time('mark', 1)", "time('mark', -1)"),
    ),
    Key("g", "go to", "to a time: 09:30, -10m, 2026-11-23T09:30", Needs.REPLAY, 6, "ask('time')"),
    Key("home end", "", "to the start, the end; 0 to 9: tenths", Needs.REPLAY),
    Key("u", "", "undo the last seek, addition or removal", Needs.REPLAY, 9, "undo"),
    Key("l", "loop", "loop from here, to here, off", Needs.REPLAY, 7, "time('loop')"),
    Key("L", "live", "go to live, where the stream still grows", Needs.REPLAY, 9, "time('live')"),
    Key("/", "filter", "filter: name, >2%, kind:etf, session:pre; esc", action="ask('filter')"),
    Key("tab", "list", "next list: watchlists, kinds, gainers", Needs.TABLE, 7, action="list(1)"),
    Key("s S", "sort", "sort by the next column; reverse", Needs.TABLE, 6, action="sort"),
    Key("a", "alert", "an alert: AAPL > 250, AAPL moves 1% in 5m", Needs.ALERTS, 8, "ask('alert')"),
    Key("A", "", "alerts: their states, and the past ones", Needs.ALERTS, action="open('alerts')"),
    Key("+", "add", "add symbols", Needs.TABLE, 7, "ask('add')"),
    Key("-", "remove", "remove the symbol of this row; u: undo", Needs.TABLE, 7, "drop"),
    Key("w", "", "save the symbols in a watchlist", action="ask('save')"),
    Key(
        "c",
        "columns",
        "show, hide and move columns; or drag a heading",
        Needs.TABLE,
        9,
        "open('columns')",
    ),
    Key("y", "copy", "copy the row as JSON", importance=9, action="copy"),
    Key("p", "picture", "save the screen as an SVG file", importance=9, action="picture"),
    Key(":", "commands", "all commands, and themes", importance=8, action="commands"),
    Key("i", "health", "health of stream and writers", importance=8, action="open('health')"),
    Key("?", "help", "this page, also F1", importance=0, action="open('help')"),
    Key("q", "quit", "quit; ctrl+z: suspend", importance=0, action="leave"),
)
"""In the order in which they are shown."""

_AT_ONCE: Final = ("interrupt", "ask(", "commands")
"""Beginnings of actions that run at once, because the next key may be text for the input line."""

BINDINGS: Final[tuple[BindingType, ...]] = tuple(
    Binding(keys, action, show=False, priority=action.startswith(_AT_ONCE))
    for keys, action in (
        ("q", "leave"),
        ("ctrl+c,ctrl+q", "interrupt"),
        ("ctrl+z", "suspend_process"),
        ("question_mark,f1", "open('help')"),
        ("c", "open('columns')"),
        ("i", "open('health')"),
        ("a", "ask('alert')"),
        ("A", "open('alerts')"),
        ("slash", "ask('filter')"),
        ("plus", "ask('add')"),
        ("w", "ask('save')"),
        ("minus", "drop"),
        ("escape", "clear"),
        ("enter", "detail"),
        ("v", "candles"),
        ("y", "copy"),
        ("p", "picture"),
        ("colon", "commands"),
        ("space", "pause"),
        ("left", "time('move', -10)"),
        ("right", "time('move', 10)"),
        ("shift+left", "time('move', -60)"),
        ("shift+right", "time('move', 60)"),
        ("comma", "time('step', -1)"),
        ("full_stop", "time('step', 1)"),
        ("left_square_bracket", "time('slower')"),
        ("right_square_bracket", "time('faster')"),
        ("backspace", "time('normal')"),
        ("u", "undo"),
        ("n", "time('mark', 1)"),
        ("N", "time('mark', -1)"),
        ("m", "time('own')"),
        ("l", "time('loop')"),
        ("L", "time('live')"),
        ("g", "ask('time')"),
        ("home", "edge(0)"),
        ("end", "edge(-1)"),
        *((str(tenth), f"time('tenth', {tenth})") for tenth in range(10)),
    )
)


def help_text(keys: Iterable[Key], palette: Palette) -> Group:
    """Return the text of the page of help, with these keys."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    for key in keys:
        if key.does:
            grid.add_row(Text(key.keys, f"bold {palette.text}"), Text(key.does, palette.text))
    age = "Age counts from the price's own time; the words beside it say why it is old."
    return Group(grid, Text(f"\n{age}", palette.dim))


def keys_for(there: Collection[Needs]) -> list[Key]:
    """Return the keys that work with what is `there`."""
    return [key for key in KEYS if key.needs is Needs.NOTHING or key.needs in there]


def fitting(keys: Collection[Key], width: int) -> list[Key]:
    """Return the keys that fit a line of `width` cells; the least important are left out first."""
    chosen = [key for key in keys if key.word]
    while len(chosen) > 1 and sum(room(key) for key in chosen) > width:
        # Of equally important keys, the first is left out. `?` and `q` are never left out.
        least = max(chosen, key=lambda key: key.importance)
        if least.importance == 0:
            break
        chosen.remove(least)
    return chosen


def room(key: Key) -> int:
    """Return the width of a key on the line of keys (cells)."""
    return len(key.keys) + 1 + len(key.word) + 3
