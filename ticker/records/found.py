"""What a source's search finds. Shown, and never stored."""

from __future__ import annotations

import msgspec


class Found(msgspec.Struct, frozen=True, omit_defaults=True):
    """One instrument that a search found. Texts are unchanged."""

    symbol: str
    name: str = ""
    kind: str = ""
    """Yahoo's `quoteType`, in lower case."""
    exchange: str = ""
