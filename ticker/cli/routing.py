"""Which command the first word means, when it names none. Pure.

`ticker AAPL GC=F` is `ticker run AAPL GC=F`; `ticker wacth` is a mistake, and is told what it may
have meant. What looks like a symbol has a capital, a digit or one of `^ = . -` and is no option.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

from ticker.errors import UsageError


def route(words: Sequence[str], commands: Sequence[str], *, on_terminal: bool) -> list[str]:
    """The words with a command in front. Raises `UsageError` for a word that means nothing.

    No words at all are `run` on a terminal and a call for help elsewhere.
    """
    if not words:
        return ["run"] if on_terminal else ["--help"]
    first = words[0]
    if first in commands or first.startswith("-"):
        return list(words)
    if re.search(r"[A-Z0-9^=.\-]", first):
        return ["run", *words]
    close = difflib.get_close_matches(first, commands, n=1)
    hint = f'Did you mean "{close[0]}"?' if close else f"A symbol? Then: ticker run {first.upper()}"
    raise UsageError(f'No command "{first}". {hint}')
