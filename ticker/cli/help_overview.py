"""The text of `ticker --help`: every command in a line or two, in panels.

It uses neither typer nor Rich, because importing them takes longer than everything else. Typer
writes the help of a single command, which looks the same. Pure: width and colour are parameters.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from typing import Final

from ticker.cli.commands import COMMANDS, PANELS

WIDTH: Final = 80
"""The width without a terminal."""
_LEAST: Final = 40
_ABOUT: Final = (
    "Follow prices in your terminal. Other programs read the same prices as a stream of events."
)
_SHORT: Final = (
    "ticker AAPL GC=F is short for ticker run AAPL GC=F. ticker help COMMAND explains a command. "
    "Without a network: ticker demo"
)
_OPTIONS: Final = (
    ("--version             -V", "Print the version."),
    ("--install-completion", "Install completion for the current shell."),
    ("--show-completion", "Print the completion script of the current shell."),
    ("--help                -h", "Show this message and exit."),
)
_NAME, _DIM, _BOLD, _PLAIN = "\x1b[1;36m", "\x1b[2m", "\x1b[1m", "\x1b[0m"
_STYLE: Final = re.compile(r"\x1b\[[\d;]*m")


def overview(*, width: int | None = None, colour: bool = False) -> str:
    """Return the text, `width` cells wide: at least 40, and 80 for `None`."""
    wide = max(_LEAST, width or WIDTH)
    panels = [_panel("Options", _OPTIONS, wide)]
    longest = max(map(len, COMMANDS))
    for title, commands in PANELS.items():
        rows = [(each.name, each.help) for each in commands]
        panels.append(_panel(title, rows, wide, longest))
    head = ["Usage: ticker [OPTIONS] COMMAND [ARGS]...", "", *textwrap.wrap(_ABOUT, wide - 2), ""]
    lines = [_painted(line, _BOLD) for line in head]
    lines += [_painted(line, _DIM) for line in textwrap.wrap(_SHORT, wide - 2)]
    intro = "\n".join(f" {line}".rstrip() for line in ["", *lines, ""])
    text = "\n".join([intro, *(line for panel in panels for line in panel), "", ""])
    return text if colour else _STYLE.sub("", text)


def _panel(
    title: str, rows: Sequence[tuple[str, str]], width: int, first: int = 0
) -> Iterator[str]:
    """Yield the lines of a box around `rows`. Their first column has at least `first` cells."""
    first = max(first, *(len(name) for name, _ in rows))
    room = width - first - 6
    yield _painted(f"╭─ {title} ".ljust(width - 1, "─") + "╮", _DIM)
    side = _painted("│", _DIM)
    for name, words in rows:
        for number, line in enumerate(textwrap.wrap(words, room)):
            shown = " " * first if number else _painted(name.ljust(first), _NAME)
            yield f"{side} {shown}  {line.ljust(room)} {side}"
    yield _painted("╰" + "─" * (width - 2) + "╯", _DIM)


def _painted(text: str, style: str) -> str:
    return f"{style}{text}{_PLAIN}" if text else ""
