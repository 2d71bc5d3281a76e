"""The columns of a frame and their dtypes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd

from ticker.records import Gap, Quote

TIME: Final = pd.DatetimeTZDtype("us", "UTC")
LEVELS: Final = ["symbol", "time"]

DTYPES: Final[Mapping[str, Any]] = {
    **dict.fromkeys(("time", "received", "from", "until"), TIME),
    **dict.fromkeys(("symbol", "source", "origin", "currency", "session"), "str"),
    **dict.fromkeys(("name", "kind", "exchange", "writer", "reason"), "str"),
    **dict.fromkeys(("price_hint", "delay", "first_sequence", "last_sequence"), "Int64"),
    "sequence": np.dtype(np.int64),
    "simulated": np.dtype(np.bool_),
}
"""Field → the dtype of its column; all others are float64. `Int64` allows missing values."""

QUOTE_FIELDS: Final = Quote.__struct_encode_fields__
GAP_FIELDS: Final = (
    "time",
    "symbol",
    *(f for f in Gap.__struct_encode_fields__ if f not in {"symbol", "symbols"}),
)
NO_TIME: Final = np.iinfo(np.int64).min  # NaT, as numpy stores it
