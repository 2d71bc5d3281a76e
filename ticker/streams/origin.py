"""The random ids of logs."""

from __future__ import annotations

import secrets
from typing import Final

_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz234567"


def new_origin() -> str:
    """Return 8 random letters of base32, lower case: 40 bits."""
    return "".join(secrets.choice(_LETTERS) for _ in range(8))
