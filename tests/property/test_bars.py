"""Bars against pandas' own resampling, symbol by symbol."""

from __future__ import annotations

from typing import Any

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

import ticker

NOW = 1_795_447_805_000_000
PRICES = ["open", "high", "low", "close"]


@st.composite
def ticks(draw: st.DrawFn) -> pd.DataFrame:
    """Some minutes of ticks of a few symbols, sorted by time."""
    row = st.tuples(
        st.integers(0, 600_000_000), st.sampled_from(["A", "B", "C"]), st.integers(1, 9)
    )
    rows = sorted(draw(st.lists(row, min_size=1, max_size=60)))
    frame = pd.DataFrame(rows, columns=["time", "symbol", "price"])
    frame["time"] = pd.to_datetime(frame["time"] + NOW, unit="us", utc=True).dt.as_unit("us")
    frame["price"] = frame["price"].astype("float64")
    frame["source"] = "test"
    frame["volume"] = frame["size"] = float("nan")
    return frame.set_index("time")


@settings(deadline=None)  # pandas' first calls take long
@given(ticks(), st.sampled_from(["1s", "7s", "1min", "90s", "1h"]))
def test_bars_agree_with_pandas_own_resampling(frame: pd.DataFrame, every: Any) -> None:
    bars = ticker.frames.bars(frame, every)
    assert set(bars["symbol"]) == set(frame["symbol"])
    for symbol, some in frame.groupby("symbol"):
        price = some["price"].resample(every)
        mine = bars[bars["symbol"] == symbol]
        assert_frame_equal(mine[PRICES], price.ohlc(), check_freq=False)
        assert mine["ticks"].tolist() == price.size().tolist()
