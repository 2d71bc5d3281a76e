"""Suggests a known word for an unknown one. Pure."""

from __future__ import annotations

from collections.abc import Collection


def did_you_mean(word: str, known: Collection[str]) -> str:
    """Suggest the known word that is closest to `word`. If none is close, list all."""
    from difflib import get_close_matches  # few runs need it

    close = get_close_matches(word, known, n=1)
    return f'Did you mean "{close[0]}"?' if close else f"There are: {', '.join(known)}"
