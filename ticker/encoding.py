"""Text for a terminal whose character set is not all of Unicode.

`SUBSTITUTE` names an error handler for encoders. It writes a character that the character set does
not have as one that it has, in as many cells: `▲` becomes `^`, `é` becomes `e`, `…` becomes `.`.
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
    **dict.fromkeys("─━╌╍┄┅┈┉═╴╶╸╺–—‐‑‒−▔▁", "-"),  # noqa: RUF001  (dashes, all of them)
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
_SURROGATES: Final = range(0xD800, 0xE000)


def substitute(error: UnicodeError) -> tuple[str, int]:
    """The error handler: what to write for the characters that cannot be encoded."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    characters = error.object[error.start : error.end]
    return "".join(_plain(character) for character in characters), error.end


def _plain(character: str) -> str:
    if ord(character) in _SURROGATES:
        return f"\\u{ord(character):04x}"
    if character in _PLAIN:
        return _PLAIN[character]
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return ""  # it takes no cell
    parts = unicodedata.normalize("NFKD", character)
    if parts[0].isascii() and all(unicodedata.combining(mark) for mark in parts[1:]):
        return parts[0]
    return "??" if unicodedata.east_asian_width(character) in "WF" else "?"


codecs.register_error(SUBSTITUTE, substitute)
