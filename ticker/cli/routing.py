"""Finds the command that a command line means. Pure.

`ticker AAPL GC=F` and `ticker aapl gc=f` mean `ticker run AAPL GC=F`. `ticker wacth` is a mistake,
and the error suggests a command. `ticker help tail` means `ticker tail --help`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from ticker.errors import UsageError

HELP: Final = "help"
_CLOSE: Final = 0.65
"""How similar a word must be to a command: `rnu` is close to `run`, `coin` is not to `config`."""
_SYMBOL: Final = re.compile(r"[A-Za-z]{1,5}(,[A-Za-z]{1,5})*|\S*[\d^=.\-]\S*")


def route(words: Sequence[str], commands: Sequence[str], *, on_terminal: bool) -> list[str]:
    """Return the words with a command in front. Raises `UsageError` for an unknown word.

    Without words: `run` on a terminal, the help elsewhere.
    """
    if not words:
        return ["run"] if on_terminal else ["--help"]
    first = words[0]
    if first == HELP:
        return _help(words[1:], commands)
    if first in commands or first.startswith("-"):
        return list(words)
    if re.search(r"[A-Z0-9^=.]", first):
        return ["run", *words]
    close = _closest(first, [*commands, HELP])
    if close is None and _SYMBOL.fullmatch(first):
        return ["run", *words]
    raise _no_command(first, close)


def _help(words: Sequence[str], commands: Sequence[str]) -> list[str]:
    if not words or words[0] in ("-h", "--help"):
        return ["--help"]
    if words[0] in commands:
        return [words[0], "--help"]
    raise _no_command(words[0], _closest(words[0], commands))


def _closest(word: str, commands: Sequence[str]) -> str | None:
    import difflib

    return next(iter(difflib.get_close_matches(word, commands, n=1, cutoff=_CLOSE)), None)


def _no_command(word: str, close: str | None) -> UsageError:
    hint = f'Did you mean "{close}"?' if close else "All commands: ticker --help"
    if _SYMBOL.fullmatch(word):
        hint += f" A symbol? Then: ticker run {word.upper()}"
    return UsageError(f'No command "{word}". {hint}')
