"""Bars: open, high, low, close, volume and number of ticks of each span of time."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd

from ticker.errors import UsageError
from ticker.frames.reading import TIME


def bars(ticks: pd.DataFrame, every: str, gaps: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return open, high, low, close, volume and number of ticks for each span of `every`.

    `ticks` is a frame of `read`; `every` is a frequency of pandas, such as `"1min"` or `"5s"`. The
    result has one row for each symbol and bar, from the symbol's first tick to its last.
    The index is the beginning of the bar (inclusive), or its last day where pandas labels bars so
    (`"W"`, `"ME"`). Prices agree with pandas' own `resample(every).ohlc()`.

    A bar without a tick has no prices (NaN). Its `ticks` and `volume` are 0 if the price was
    polled and did not change. They are NaN if the bar touches one of `gaps` (a frame of `gaps`).

    `volume` adds up how much the day's volume grew since the symbol's previous tick. So it includes
    trades that did not move the price. If the day's volume falls to less than half, a new day has
    begun, and the tick adds the whole new volume. A smaller fall is a correction, or the 24-hour
    window of a coin. Then, and if the growth is unknown, the tick adds the size of its trade.
    `volume` is NaN if the source gives neither.

    Raises `UsageError` if `ticks` has no index `time`, and if `every` is no frequency.
    """
    if not isinstance(ticks.index, pd.DatetimeIndex) or ticks.index.name != "time":
        raise UsageError("bars needs a frame as read() returns it, with `time` as index")
    width = _width(every)
    ticks = ticks if ticks.index.is_monotonic_increasing else ticks.sort_index(kind="stable")
    if ticks.empty:
        return _long(pd.DataFrame(columns=_BARS, dtype=np.float64, index=_bins([], [])))
    # Bars of days and longer begin at midnight anyway, and pandas would warn about `origin`.
    fixed = isinstance(width, pd.offsets.Tick)
    origin = ticks.index[0].normalize() if fixed else "start_day"
    bar = pd.Grouper(level="time", freq=width, origin=origin)
    grouped = ticks.assign(_traded=_traded(ticks)).groupby(["symbol", bar])
    made = grouped["price"].ohlc()
    made["volume"] = grouped["_traded"].sum(min_count=1)
    made["ticks"] = grouped.size().astype(np.float64)
    # Between a symbol's first and last bar, a bar without a tick has a row too.
    at = made.index.get_level_values("time")
    spans = at.to_series().groupby(made.index.get_level_values("symbol")).agg(["first", "last"])
    steps = pd.date_range(at.min(), at.max(), freq=width, unit="us")
    begins, ends = steps.searchsorted(spans["first"]), steps.searchsorted(spans["last"])
    made = made.reindex(
        _bins(
            spans.index.repeat(ends - begins + 1),
            steps[np.concatenate([np.arange(a, b + 1) for a, b in zip(begins, ends, strict=True)])],
        )
    )
    empty = made["ticks"].isna()
    told = made["volume"].groupby(level="symbol").transform("any")
    made.loc[empty, "ticks"] = 0.0
    made.loc[empty & told, "volume"] = 0.0
    if gaps is not None:
        late = (ticks["received"] - ticks.index).groupby(ticks["symbol"]).min()
        unknown = empty & _touched(made.index, width, gaps, late)
        made.loc[unknown, ["volume", "ticks"]] = np.nan
    return _long(made)


def _width(every: str) -> Any:
    try:
        width = pd.tseries.frequencies.to_offset(every)
    except ValueError:
        width = None
    if width is None or width.n < 1:
        raise UsageError(f"{every!r:.80} is not a frequency: give one such as '1min' or '5s'")
    return width


_LEVELS: Final = ["symbol", "time"]
_BARS: Final = ["open", "high", "low", "close", "volume", "ticks"]


def _bins(symbols: Any, times: Any) -> pd.MultiIndex:
    index = pd.DatetimeIndex(times, dtype=TIME)
    return pd.MultiIndex.from_arrays([pd.Index(symbols, dtype="str"), index], names=_LEVELS)


def _long(made: pd.DataFrame) -> pd.DataFrame:
    """Make `symbol` a column, and sort by time."""
    return made.reset_index("symbol").sort_index(kind="stable")


def _traded(ticks: pd.DataFrame) -> pd.Series[float]:
    """Return what each tick adds to its bar's volume."""
    volume = ticks["volume"]
    before = volume.groupby([ticks["symbol"], ticks["source"]], sort=False).shift()
    increase = (volume - before).where(volume >= before / 2, volume.where(before.notna()))
    added = increase.where(increase >= 0, ticks["size"])
    return added.where(added.notna() | increase.isna(), 0.0)


def _touched(bins: pd.Index[Any], width: Any, gaps: pd.DataFrame, late: Any) -> np.ndarray:
    """Tell which bars touch a span of `gaps` of their symbol.

    Bars are in the time of events, gaps in the time of the poller. `late` is symbol → the delay
    between the two. If prices come 10 minutes late, a gap lies 10 minutes earlier among the bars.
    """
    symbols = bins.get_level_values("symbol")
    begins = bins.get_level_values("time") + pd.TimedeltaIndex(late.reindex(symbols))
    ends = begins + width
    if pd.Grouper(freq=width).label == "right":  # weeks and months are named by their last day
        day = pd.Timedelta(days=1)
        begins, ends = begins - width + day, begins + day
    found = np.zeros(len(bins), dtype=bool)
    spans = gaps.dropna(subset=["from", "until"])
    for symbol, begin, end in zip(spans["symbol"], spans["from"], spans["until"], strict=True):
        touched = (begins < end) & (ends > begin)
        found |= touched if pd.isna(symbol) else touched & (symbols == symbol)
    return found
