"""What a source's search finds. It is shown, but never stored."""

from __future__ import annotations

import msgspec


class Found(msgspec.Struct, frozen=True, omit_defaults=True):
    """One instrument that a search found. Its texts may hold anything: escape them to show them."""

    symbol: str
    name: str = ""
    kind: str = ""
    """Yahoo's `quoteType`, in lower case."""
    exchange: str = ""
