"""Ticks as numpy arrays: the kind of each field, and arrays from columns of Python values.

Texts repeat, so a column holds each text once, and for each row the number of its text.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from typing import Any, Final, NamedTuple

import numpy as np

INTEGERS: Final = ("sequence", "time", "received")
FLOATS: Final = (
    *("price", "previous_price", "day_change", "day_change_percent"),
    *("volume", "bid", "ask", "size"),
)
TEXTS: Final = ("symbol", "source", "origin", "currency", "session")
DTYPES: Final[Mapping[str, Any]] = {
    **dict.fromkeys(INTEGERS, np.int64),
    **dict.fromkeys(FLOATS, np.float64),
    "simulated": np.bool_,
}
"""Field → its dtype. Texts have none. An unknown float becomes NaN."""


class Texts(NamedTuple):
    """A column of texts; row `n` holds `words[codes[n]]`."""

    codes: np.ndarray
    words: Sequence[str | None]
    """The different texts. `None` is an unknown text."""


def encode(texts: Iterable[str | None]) -> Texts:
    """Convert a column of texts. `words` are in the order of their first row."""
    words: defaultdict[str | None, int] = defaultdict(count().__next__)
    codes = np.fromiter(map(words.__getitem__, texts), dtype=np.int32)
    return Texts(codes, list(words))


def join(pieces: Iterable[Texts]) -> Texts:
    """Join columns of texts, one after another. Each text is in `words` once."""
    words: defaultdict[str | None, int] = defaultdict(count().__next__)
    codes = [
        np.array([words[word] for word in piece.words], dtype=np.int32)[piece.codes]
        for piece in pieces
    ]
    return Texts(np.concatenate(codes) if codes else np.array((), dtype=np.int32), list(words))


Column = np.ndarray | Texts


def as_arrays(columns: Mapping[str, Sequence[Any]]) -> dict[str, Column]:
    """Convert field name → values to arrays. An unknown float becomes NaN."""
    return {
        name: encode(values) if name in TEXTS else np.array(values, dtype=DTYPES[name])
        for name, values in columns.items()
    }
