"""The text of `ticker --help`: every command in a line or two, in panels.

It uses neither typer nor Rich, because importing them takes longer than everything else. Typer
writes the help of a single command, which looks the same. Pure: width and colour are parameters.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final

from ticker.cli.commands import Command

WIDTH: Final = 80
"""The width without a terminal."""
_LEAST: Final = 40
_ABOUT: Final = (
    "A poller turns quotes into ticks on a stream; anything may subscribe.",
    (
        "ticker AAPL GC=F is short for ticker run AAPL GC=F. ticker help COMMAND explains a "
        "command. Without a network: ticker demo"
    ),
)
_OPTIONS: Final = (
    ("--version             -V", "Print the version."),
    ("--install-completion", "Install completion for the current shell."),
    (
        "--show-completion",
        "Print the completion script of the current shell.",
    ),
    ("--help                -h", "Show this message and exit."),
)
_NAME, _DIM, _BOLD, _PLAIN = "\x1b[1;36m", "\x1b[2m", "\x1b[1m", "\x1b[0m"


def overview(commands: Iterable[Command], *, width: int | None = None, colour: bool = False) -> str:
    """Return the text, `width` cells wide: at least 40, and 80 for `None`."""
    wide = max(_LEAST, width or WIDTH)
    panels = [_panel("Options", _OPTIONS, wide, colour=colour)]
    everything = [(each.panel, (each.name, each.help)) for each in commands]
    longest = max(len(name) for _, (name, _) in everything)
    for title, entries in groupby(everything, key=lambda each: each[0]):
        rows = [row for _, row in entries]
        panels.append(_panel(title, rows, wide, first=longest, colour=colour))
    about, usage = _ABOUT, "Usage: ticker [OPTIONS] COMMAND [ARGS]..."
    head = [usage, "", *textwrap.wrap(about[0], wide - 2), ""]
    lines = [_painted(line, _BOLD, colour=colour) for line in head]
    lines += [_painted(line, _DIM, colour=colour) for line in textwrap.wrap(about[1], wide - 2)]
    intro = "\n".join(f" {line}".rstrip() for line in ["", *lines, ""])
    return "\n".join([intro, *(line for panel in panels for line in panel), "", ""])


def _panel(
    title: str, rows: Sequence[tuple[str, str]], width: int, *, first: int = 0, colour: bool
) -> Iterator[str]:
    """Yield the lines of a box around `rows`. Their first column has at least `first` cells."""
    first = max(first, *(len(name) for name, _ in rows))
    room = width - first - 6
    edge = f"╭─ {title} ".ljust(width - 1, "─") + "╮"
    yield _painted(edge, _DIM, colour=colour)
    side = _painted("│", _DIM, colour=colour)
    for name, words in rows:
        for number, line in enumerate(textwrap.wrap(words, room)):
            shown = _painted(name.ljust(first), _NAME, colour=colour) if not number else " " * first
            yield f"{side} {shown}  {line.ljust(room)} {side}"
    yield _painted("╰" + "─" * (width - 2) + "╯", _DIM, colour=colour)


def _painted(text: str, style: str, *, colour: bool) -> str:
    return f"{style}{text}{_PLAIN}" if colour and text else text
