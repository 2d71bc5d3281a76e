"""What frames promise on every backend."""

from pathlib import Path
from typing import Any

import pandas as pd
from pandas.testing import assert_frame_equal

import ticker
from ticker.records import Batch, Gap, Quote, Tick

NOW = 1_795_447_805_000_000


def ticks(origin: str) -> list[Tick]:
    """On Kafka, the symbols A, D and F lie in three partitions."""
    made = []
    for n in range(1, 8):
        moment = NOW + n * 1_000
        made += [
            Tick("F", "test", origin, n, moment, moment + 7, 9.5 + n, volume=n, currency="USD"),
            Tick("A", "test", origin, n, moment, moment + 7, 1.5 + n, session="pre"),
            Tick("D", "test", origin, n, moment - 500, moment + 7, 5.5 + n, size=0.5),
        ]
    return made


async def test_every_backend_gives_the_same_frames(log_backend: Any, tmp_path: Path) -> None:
    async with log_backend.writer(tmp_path) as log:
        origin, url = getattr(log, "origin", "program"), log.url
        assert ticker.frames.read(url).empty
        gap = Gap("test", origin, "w", NOW + 9, "stopped", ("A", "D"), NOW, NOW + 9)
        quote = Quote("A", "test", NOW, NOW + 7, 8.5, origin, 7, name="Apple", price_hint=2)
        await log.append(Batch(ticks=ticks(origin), gaps=[gap], quotes=[quote]))
    frame, gaps, quotes = (
        function(url) for function in (ticker.frames.read, ticker.frames.gaps, ticker.frames.quotes)
    )
    assert [str(dtype) for dtype in frame.dtypes.drop_duplicates()] == [
        *("str", "int64", "datetime64[us, UTC]", "float64", "bool"),
    ]
    rows = sorted(ticks(origin), key=lambda tick: (tick.time, tick.symbol))
    assert frame["symbol"].tolist() == [tick.symbol for tick in rows]
    assert frame["price"].tolist() == [tick.price for tick in rows]
    assert frame.index.tolist() == [pd.Timestamp(tick.time, unit="us", tz="UTC") for tick in rows]
    assert frame["volume"].sum() == 28
    assert frame["currency"].isna().sum() == 14
    assert gaps["symbol"].tolist() == ["A", "D"]
    assert set(quotes["symbol"]) >= {"A"}
    some = ticker.frames.read(url, ["A", "D"], since=NOW + 3_007, until=NOW + 6_007)
    expected = frame[frame["symbol"].isin(["A", "D"]) & frame["sequence"].between(3, 5)]
    assert_frame_equal(some, expected, check_freq=False)
