r"""Makes text from outside harmless on a terminal.

`escape(text)` promises one line of at most `limit` characters. Controls, escape sequences,
direction marks, lone surrogates and other invisible characters become visible (`␛`, `␀`,
`\u202e`). A letter keeps at most two marks. Other printable text comes back unchanged. The module
does not know markup: give the result to Rich as `Text`, never as a markup string. It does not know
widths: cut the text to a width where the width is known.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import Final

LIMIT: Final = 256
"""The default `limit` (characters)."""

_MARKS_A_LETTER: Final = 2
_DELETE: Final = 0x7F
_INVISIBLE_LETTERS: Final = frozenset("\u115f\u1160\u17b4\u17b5\u3164\uffa0\u2800")
"""Letters and symbols, by category, that show nothing: a name of them would look empty."""


@lru_cache(maxsize=8192)
def escape(text: str, limit: int = LIMIT) -> str:
    """Return `text` on one line without hidden characters. Cut it to `limit`, with a `…`."""
    # The text is cut first, so that a name of 10 MB costs no more than one of 256 characters. It
    # is cut again, because an escaped character may become several.
    cut = len(text) > limit
    text = text[:limit]
    if not (text.isascii() and text.isprintable()):
        text = _visible(text)
        cut = cut or len(text) > limit
    return text[: limit - 1] + "…" if cut else text


def _visible(text: str) -> str:
    shown: list[str] = []
    marks = 0
    for character in text:
        category = unicodedata.category(character)
        if category in ("Mn", "Me", "Mc"):
            # A mark without a letter would change the cell before this text. Many marks would cover
            # the lines above. Variation selectors only make widths uncertain.
            marks += 1
            if not shown:
                shown.append("◌")
            if marks <= _MARKS_A_LETTER and not _is_variation_selector(character):
                shown.append(character)
            continue
        marks = 0
        shown.append(_shown(character, category))
    return "".join(shown)


def _shown(character: str, category: str) -> str:
    code = ord(character)
    if category == "Cc":
        if code < 0x20:  # noqa: PLR2004 - the C0 controls have pictures, in the same order
            return chr(0x2400 + code)
        return "␡" if code == _DELETE else f"\\x{code:02x}"
    if category == "Zs":
        return " "
    if category[0] == "C" or category in ("Zl", "Zp") or character in _INVISIBLE_LETTERS:
        return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004 - the BMP
    return character


def _is_variation_selector(character: str) -> bool:
    return "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef"
