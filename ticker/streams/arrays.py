"""Ticks as numpy arrays: the kind of each field, and arrays from columns of Python values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from ticker.streams.texts import Texts, encode

INTEGERS: Final = ("sequence", "time", "received")
FLOATS: Final = (
    *("price", "previous_price", "day_change", "day_change_percent"),
    *("volume", "bid", "ask", "size"),
)
TEXTS: Final = ("symbol", "source", "origin", "currency", "session")
_DTYPES: Final[Mapping[str, Any]] = {
    **dict.fromkeys(INTEGERS, np.int64),
    **dict.fromkeys(FLOATS, np.float64),
    "simulated": np.bool_,
}

Column = np.ndarray | Texts


def as_arrays(columns: Mapping[str, Sequence[Any]]) -> dict[str, Column]:
    """Convert field name → values to arrays. An unknown float becomes NaN."""
    return {
        name: encode(values) if name in TEXTS else np.array(values, dtype=_DTYPES[name])
        for name, values in columns.items()
    }
