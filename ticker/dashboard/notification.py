"""What makes a terminal notify its user: the bell, and OSC 9 with a text. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ticker.escape import escape

_MOST: Final = 200
"""The most characters of a notification."""


def notification(words: str, environ: Mapping[str, str]) -> str:
    """Return the bell and OSC 9 with `words`, which may come from outside.

    tmux passes it on to its terminal, if `allow-passthrough` is on. The Linux console gets the bell
    alone, because it would print the text.
    """
    if environ.get("TERM") == "linux":
        return "\a"
    told = f"\x1b]9;ticker: {escape(words, _MOST)}\a"
    if "TMUX" in environ:
        told = "\x1bPtmux;" + told.replace("\x1b", "\x1b\x1b") + "\x1b\\"
    return f"\a{told}"
