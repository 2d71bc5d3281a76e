"""The random ids of logs."""

from __future__ import annotations

import base64
import os


def new_origin() -> str:
    """Return 8 random letters of base32, lower case: 40 bits."""
    return base64.b32encode(os.urandom(5)).decode().lower()
