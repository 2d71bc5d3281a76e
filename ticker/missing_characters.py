"""Writes text to a terminal whose character set lacks some characters.

`SUBSTITUTE` is the name of an error handler for encoders. It replaces a missing character by one
that the character set has, with the same width: `▲` becomes `^`, `é` becomes `e`, `…` becomes `.`.
Encoding with it never fails.
"""

from __future__ import annotations

import codecs
import unicodedata
from typing import Final

SUBSTITUTE: Final = "ticker.substitute"

_PLAIN: Final = {
    **dict.fromkeys("▲↑⇑⬆", "^"),
    **dict.fromkeys("▼↓⇓⬇", "v"),
    **dict.fromkeys("→▶▸►", ">"),
    **dict.fromkeys("←◀◂◄", "<"),
    **dict.fromkeys("─╌╍┄┅┈┉╴╶╸╺–—‐‑‒−▔▁", "-"),  # noqa: RUF001  (dashes, all of them)
    **dict.fromkeys("━═", "="),
    **dict.fromkeys("│┃╎╏┆┇┊┋║╵╷╹╻▏▎▍▌▐▕", "|"),
    **dict.fromkeys("┌┐└┘├┤┬┴┼╭╮╯╰╔╗╚╝╠╣╦╩╬┏┓┗┛┣┫┳┻╋", "+"),
    **dict.fromkeys("▂▃▄▅▆▇█▉▊▋▀░▒▓■", "#"),
    **dict.fromkeys("●•◆★✓✔", "*"),
    **dict.fromkeys("…·○◌◦∙", "."),
    **dict.fromkeys("‘’‚‛′", "'"),  # noqa: RUF001  (quotation marks)
    **dict.fromkeys("“”„«»″", '"'),
    **dict.fromkeys("×✗✕✖", "x"),
    "µ": "u",
    "\u00a0": " ",
    "␛": "?",
}
_BRAILLE: Final = range(0x2800, 0x2900)
_UPPER, _LOWER, _MIDDLE = 0x1B, 0xE4, 0x36
"""The bits of a braille character's dots in its two upper, two lower and two middle rows."""
_SURROGATES: Final = range(0xD800, 0xE000)


def substitute(error: UnicodeError) -> tuple[str, int]:
    """Return substitutes for characters that cannot be encoded, as the handler of this error."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    characters = error.object[error.start : error.end]
    return "".join(_plain(character) for character in characters), error.end


def _plain(character: str) -> str:
    if ord(character) in _SURROGATES:
        return f"\\u{ord(character):04x}"
    if character in _PLAIN:
        return _PLAIN[character]
    if ord(character) in _BRAILLE:
        return _dots(ord(character) & 0xFF)
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return ""  # it has no width
    parts = unicodedata.normalize("NFKD", character)
    if parts[0].isascii() and all(unicodedata.combining(mark) for mark in parts[1:]):
        return parts[0]
    return "??" if unicodedata.east_asian_width(character) in "WF" else "?"


def _dots(bits: int) -> str:
    """Return a character whose ink is about as high as these dots of braille."""
    if not bits & ~_MIDDLE:
        return "-" if bits else " "
    if not bits & _LOWER:
        return "'"
    return ":" if bits & _UPPER else "."


codecs.register_error(SUBSTITUTE, substitute)
