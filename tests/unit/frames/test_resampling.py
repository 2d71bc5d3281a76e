from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

import ticker
from ticker.errors import UsageError
from ticker.units import SECOND

NOW = 1_795_447_805_000_000


def traded(at: float, price: float, **other: Any) -> dict[str, Any]:
    moment = pd.Timestamp(NOW // 60_000_000 * 60_000_000 + int(at * SECOND), unit="us", tz="UTC")
    row = {
        "received": moment,
        "symbol": "A",
        "source": "test",
        "volume": np.nan,
        "size": np.nan,
        "price": price,
    }
    return {"time": moment.as_unit("us"), **row, **other}


def frame_of(*rows: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame(rows).set_index("time")


def test_a_bar_has_prices_and_volume_and_ticks() -> None:
    ticks = frame_of(
        traded(1, 10.0, volume=1_000),
        traded(2, 12.0, volume=1_300),
        traded(3, 9.0, volume=1_350),
        traded(61, 11.0, volume=1_400),
        traded(62, 11.5, volume=200),  # a new day
        traded(63, 11.0, volume=260),
    )
    bars = ticker.frames.bars(ticks, "1min")
    assert list(bars.columns) == ["symbol", "open", "high", "low", "close", "volume", "ticks"]
    assert bars.iloc[0].tolist() == ["A", 10.0, 12.0, 9.0, 9.0, 350.0, 3.0]
    assert bars.iloc[1].tolist() == ["A", 11.0, 11.5, 11.0, 11.0, 310.0, 3.0]


def test_without_a_volume_a_bar_sums_the_sizes() -> None:
    ticks = frame_of(traded(1, 10.0, size=5), traded(2, 11.0, size=7))
    assert ticker.frames.bars(ticks, "1min")["volume"].tolist() == [12.0]


def test_a_bar_counts_trades_that_did_not_move_the_price() -> None:
    ticks = frame_of(
        traded(1, 10.0, volume=5, size=5),
        traded(2, 11.0, volume=30, size=7),  # and 18 at the price before
        traded(61, 12.0, volume=31, size=1),
        traded(62, 11.0, volume=9, size=4),  # a new day, and 5 before its first move
    )
    assert ticker.frames.bars(ticks, "1min")["volume"].tolist() == [30.0, 10.0]


def test_a_corrected_volume_does_not_count_the_day_twice() -> None:
    ticks = frame_of(
        traded(1, 10.0, volume=1_000),
        traded(2, 11.0, volume=990),
        traded(3, 12.0, volume=985, size=3),
        traded(4, 11.0, volume=986),
    )
    assert ticker.frames.bars(ticks, "1min")["volume"].tolist() == [4.0]


def test_an_empty_bar_is_unknown_only_during_a_gap() -> None:
    ticks = frame_of(
        traded(1, 10.0, volume=1), traded(301, 11.0, volume=2), traded(301, 5.0, symbol="B")
    )
    begin = ticks.index[0].floor("1min")
    gaps = pd.DataFrame(
        {
            "symbol": pd.array(["A", "B", None], dtype="str"),
            "from": [begin + pd.Timedelta("130s"), begin, begin + pd.Timedelta("241s")],
            "until": [begin + pd.Timedelta("150s"), begin, begin + pd.Timedelta("242s")],
        }
    )
    bars = ticker.frames.bars(ticks, "1min", gaps)
    apple = bars[bars["symbol"] == "A"]
    assert apple["close"].tolist() == pytest.approx(
        [10.0, np.nan, np.nan, np.nan, np.nan, 11.0], nan_ok=True
    )
    assert apple["ticks"].tolist() == pytest.approx([1, 0, np.nan, 0, np.nan, 1], nan_ok=True)
    assert apple["volume"].tolist() == pytest.approx([np.nan, 0, np.nan, 0, np.nan, 1], nan_ok=True)


def test_an_early_gap_of_a_late_symbol_lies_before_its_bars() -> None:
    ticks = frame_of(traded(1, 10.0), traded(301, 11.0))
    ticks["received"] += pd.Timedelta("2min")
    begin = ticks.index[0].floor("1min") + pd.Timedelta("250s")
    gaps = pd.DataFrame({"symbol": ["A"], "from": [begin], "until": [begin + pd.Timedelta("20s")]})
    unknown = ticker.frames.bars(ticks, "1min", gaps)["ticks"].isna()
    assert unknown.tolist() == [False, False, True, False, False, False]


@pytest.mark.parametrize("day_of_gap", [7, 9, 13])  # Monday to Sunday of the second week
def test_a_gap_touches_its_week_though_weeks_are_named_by_their_last_day(day_of_gap: int) -> None:
    day = 86_400.0
    ticks = frame_of(traded(0, 1.0), traded(21 * day, 2.0))  # Mondays, three weeks apart
    begin = ticks.index[0] + pd.Timedelta(days=day_of_gap)
    gap = {"symbol": "A", "from": begin, "until": begin + pd.Timedelta(hours=1)}
    bars = ticker.frames.bars(ticks, "1W", gaps=pd.DataFrame([gap]))
    assert bars["ticks"].tolist()[:1] == [1.0]
    assert bars["ticks"].isna().tolist() == [False, True, False, False]


def test_bars_of_a_day_begin_at_midnight_without_a_warning() -> None:
    ticks = frame_of(traded(1, 10.0), traded(100_000, 11.0))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        bars = ticker.frames.bars(ticks, "1D")
    assert bars.index.tolist() == sorted({moment.normalize() for moment in ticks.index})


@pytest.mark.parametrize("every", ["xyz", "0s", "-1min", ""])
def test_bars_refuse_an_invalid_frequency(every: str) -> None:
    with pytest.raises(UsageError, match="is not a frequency"):
        ticker.frames.bars(frame_of(traded(1, 10.0)), every)


def test_bars_need_the_time_as_index() -> None:
    with pytest.raises(UsageError, match="`time` as index"):
        ticker.frames.bars(frame_of(traded(1, 10.0)).reset_index(), "1min")


def test_bars_without_ticks_are_an_empty_frame_with_the_same_columns() -> None:
    ticks = frame_of(traded(1, 10.0))
    full, empty = ticker.frames.bars(ticks, "1min"), ticker.frames.bars(ticks.iloc[:0], "1min")
    assert empty.empty
    assert_frame_equal(full.iloc[:0], empty, check_freq=False)
