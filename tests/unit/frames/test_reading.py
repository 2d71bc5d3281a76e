"""Frames against an independent reading of the same file: sqlite3 and pandas by hand."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

import ticker
from ticker.errors import StreamMissing, UsageError
from ticker.records import Batch, Gap, Quote, Tick
from ticker.streams import open_log
from ticker.streams.arrays import as_arrays
from ticker.streams.recording import Recorder

NOW = 1_795_447_805_000_000
FLOATS = (
    *("price", "previous_price", "day_change", "day_change_percent"),
    *("volume", "bid", "ask", "size"),
)


def tick(symbol: str, sequence: int, **other: Any) -> Tick:
    fields: dict[str, Any] = {
        "source": "test",
        "origin": "o",
        "time": NOW + sequence * 1_000,
        "received": NOW + sequence * 1_000 + 500,
        "price": 100.0 + sequence,
        "volume": 7 * sequence,
    }
    return Tick(symbol=symbol, sequence=sequence, **{**fields, **other})


def varied() -> list[Tick]:
    """Return ticks with unordered times and with missing fields."""
    made = []
    for n in range(1, 40):
        made += [
            tick("AAPL", n, currency="USD", session="regular" if n % 7 else "pre", bid=99.5),
            tick("GC=F", n, time=NOW + n * 997, currency=None if n % 3 else "USD", size=n),
            tick("^X", n, time=NOW, origin="other", source="import", volume=0.5, simulated=False),
        ]
    return made


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


async def write(folder: Path, *records: Tick, **others: Any) -> str:
    url = f"sqlite:{folder / 'log.sqlite'}"
    async with open_log(url) as log:
        await log.append(Batch(ticks=records, **others))
    return url


def by_hand(url: str) -> pd.DataFrame:
    with sqlite3.connect(url.removeprefix("sqlite:")) as connection:
        frame = pd.read_sql_query("SELECT * FROM ticks", connection)
    connection.close()
    frame = frame.drop(columns="position").sort_values(["time", "received", "symbol", "sequence"])
    for name in ("time", "received"):
        frame[name] = pd.to_datetime(frame[name], unit="us", utc=True).astype("datetime64[us, UTC]")
    for name in ("symbol", "source", "origin", "currency", "session"):
        frame[name] = frame[name].astype("str")
    for name in FLOATS:
        frame[name] = frame[name].astype("float64")
    frame["simulated"] = frame["simulated"].astype("bool")
    return frame.set_index("time")


async def test_a_frame_agrees_with_an_independent_reading_row_by_row(tmp_path: Path) -> None:
    url = await write(tmp_path, *varied())
    frame = ticker.frames.read(url)
    assert len(frame) == 117
    assert frame.index.is_monotonic_increasing
    assert_frame_equal(frame, by_hand(url), check_freq=False)


@pytest.mark.usefixtures("berlin")
async def test_times_are_utc_in_any_zone_of_the_machine(tmp_path: Path) -> None:
    url = await write(tmp_path, tick("AAPL", 1))
    frame = ticker.frames.read(url, since="2026-11-23T16:30")  # 15:30 UTC
    assert str(frame.index.dtype) == str(frame["received"].dtype) == "datetime64[us, UTC]"
    assert frame.index[0] == pd.Timestamp(NOW + 1_000, unit="us", tz="UTC")
    assert ticker.frames.read(url, since="2026-11-23T16:31").empty
    assert ticker.frames.read(url, since=datetime(2026, 11, 23, 16, 31)).empty  # noqa: DTZ001
    assert len(ticker.frames.read(url, since=datetime(2026, 11, 23, 15, 30, tzinfo=UTC))) == 1


async def test_an_empty_stream_gives_the_same_columns_and_dtypes(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    empty = ticker.frames.read(await write(tmp_path / "empty"))
    full = ticker.frames.read(await write(tmp_path, *varied()))
    assert empty.empty
    assert_frame_equal(empty, full.iloc[:0], check_freq=False)
    assert tuple(full.columns) == tuple(
        name for name in Tick.__struct_encode_fields__ if name != "time"
    )


async def test_a_frame_from_python_values_equals_one_from_arrays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = await write(tmp_path, *varied())
    arrays = ticker.frames.read(url)
    stream = ticker.open_stream(url)

    class Plain:
        """A backend that makes arrays of columns, as Kafka; symbols come one after another."""

        def arrays(self, **_: Any) -> Iterator[Any]:
            for symbol in ("^X", "GC=F", "AAPL"):
                yield from map(as_arrays, stream.columns(symbols=[symbol]))

    monkeypatch.setattr("ticker.frames.reading.open_stream", lambda _: Plain())
    assert_frame_equal(ticker.frames.read(url), arrays, check_freq=False)


async def test_symbols_since_and_until_choose_rows(tmp_path: Path) -> None:
    url = await write(tmp_path, *varied())
    assert set(ticker.frames.read(url, symbols="aapl")["symbol"]) == {"AAPL"}
    assert set(ticker.frames.read(url, ["AAPL", "^X"])["symbol"]) == {"AAPL", "^X"}
    assert ticker.frames.read(url, []).empty
    begin, end = NOW + 3_500, NOW + 6_500  # `received` of the third tick and of the sixth
    for since, until in (
        (begin, end),
        (np.int64(begin), np.int64(end)),
        (pd.Timestamp(begin, unit="us", tz="UTC"), pd.Timestamp(end, unit="us", tz="UTC")),
        (
            f"{pd.Timestamp(begin, unit='us', tz='UTC')}",
            f"{pd.Timestamp(end, unit='us', tz='UTC')}",
        ),
    ):
        chosen = ticker.frames.read(url, "AAPL", since, until)
        assert list(chosen["sequence"]) == [3, 4, 5]
    assert len(ticker.frames.read(url, since="start", until="now")) == 117
    assert ticker.frames.read(url, until="-7d").empty is (time.time() < NOW / 1e6 + 7 * 86_400)


@pytest.mark.parametrize("when", ["soon", pd.NaT, 1.5, object()])
async def test_an_invalid_time_is_refused(tmp_path: Path, when: Any) -> None:
    url = await write(tmp_path, tick("AAPL", 1))
    with pytest.raises(UsageError):
        ticker.frames.read(url, since=when)


def test_a_missing_stream_is_named(tmp_path: Path) -> None:
    url = f"sqlite:{tmp_path / 'none.sqlite'}"
    for function in (ticker.frames.read, ticker.frames.quotes, ticker.frames.gaps):
        with pytest.raises(StreamMissing, match=r"none\.sqlite"):
            function(url)
    assert list(tmp_path.iterdir()) == []


async def test_the_demo_and_names_of_the_configuration_are_streams(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = await write(tmp_path, tick("AAPL", 1))
    config = tmp_path / "config.toml"
    config.write_text(f'[streams]\nwork = "{url}"\n')
    monkeypatch.setenv("TICKER_CONFIG", str(config))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert len(ticker.frames.read("work")) == 1
    with pytest.raises(StreamMissing, match=r"demo\.sqlite"):
        ticker.frames.read("demo")


async def test_rows_edited_into_nonsense_are_left_out(tmp_path: Path) -> None:
    url = await write(tmp_path, *varied())
    with sqlite3.connect(url.removeprefix("sqlite:")) as connection:
        connection.execute("UPDATE ticks SET volume = 'much' WHERE position = 1")
        connection.execute("UPDATE ticks SET session = CAST(x'ff' AS TEXT) WHERE position = 2")
    connection.close()
    frame = ticker.frames.read(url)
    assert len(frame) == 115
    assert_frame_equal(frame.iloc[:0], ticker.frames.read(url, []), check_freq=False)


async def test_quotes_are_the_latest_of_each_symbol(tmp_path: Path) -> None:
    def quote(symbol: str, origin: str, at: int, **other: Any) -> Quote:
        return Quote(symbol, "test", at, at + 5, 10.0, origin, 3, **other)

    url = await write(
        tmp_path,
        quotes=[
            quote("B", "one", NOW + 9, market_cap=2**40, price_hint=2),
            quote("A", "one", NOW, name="Old"),
            quote("A", "two", NOW + 1, name="New", delay=15),
        ],
    )
    quotes = ticker.frames.quotes(url)
    assert list(quotes["symbol"]) == ["A", "B"]
    assert list(quotes["name"]) == ["New", np.nan]
    assert list(quotes["delay"]) == [15, pd.NA]
    assert quotes.index.name == "time"
    assert {str(quotes[name].dtype) for name in ("price", "market_cap", "open")} == {"float64"}
    assert str(quotes["sequence"].dtype) == "int64"
    assert str(quotes["price_hint"].dtype) == "Int64"


async def test_gaps_have_a_row_for_each_symbol(tmp_path: Path) -> None:
    span = Gap("test", "o", "w", NOW + 9, "stopped", ("A", "B"), NOW, NOW + 9)
    whole = Gap("test", "o", "w", NOW + 30, "unreachable", None, NOW + 20, NOW + 30)
    lost = Gap("test", "o", "w", NOW + 40, "lost", symbol="A", first_sequence=2, last_sequence=5)
    gaps = ticker.frames.gaps(await write(tmp_path, gaps=[span, whole, lost]))
    assert list(gaps["symbol"]) == ["A", "B", np.nan, "A"]
    assert list(gaps["reason"]) == ["stopped", "stopped", "unreachable", "lost"]
    micros = [NOW, NOW, NOW + 20, NOW + 40]
    assert list(gaps.index) == [pd.Timestamp(at, unit="us", tz="UTC") for at in micros]
    assert list(gaps["until"].notna()) == [True, True, True, False]
    assert list(gaps["last_sequence"]) == [pd.NA, pd.NA, pd.NA, 5]


async def test_follow_gives_a_frame_for_each_batch_and_ends_when_it_is_left(
    tmp_path: Path,
) -> None:
    url = await write(tmp_path, *varied())
    arriving = ticker.frames.follow(url, "AAPL", since="start")
    first = next(arriving)
    assert set(first["symbol"]) == {"AAPL"}
    assert len(first) == 39
    assert next(arriving).empty  # after a second of silence
    await write(tmp_path, tick("AAPL", 40))
    while (later := next(arriving)).empty:
        pass
    assert list(later["sequence"]) == [40]
    arriving.close()  # type: ignore[attr-defined]  # it is a generator


def test_a_recording_gives_the_frame_that_an_independent_reading_gives(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    ticks = [
        Tick(
            symbol=symbol,
            source="test",
            origin="o",
            sequence=n,
            time=NOW + n,
            received=NOW + 2 * n,
            price=100.0 + n,
            volume=None if n == 2 else n,
            currency="USD" if symbol == "A" else None,
        )
        for n in range(1, 4)
        for symbol in ("A", "B")
    ]
    with Recorder(path) as recorder:
        recorder.add(ticks)
        recorder.finish()
    frame = ticker.frames.read(str(path))
    rows = duckdb.execute(
        "SELECT epoch_us(time), symbol, sequence, price, volume, currency FROM read_parquet(?) "
        "ORDER BY time, symbol",
        [str(path)],
    ).fetchall()
    columns = ["symbol", "sequence", "price", "volume", "currency"]
    assert [
        (index.value // 1_000, *(None if pd.isna(value) else value for value in values))
        for index, values in zip(frame.index, frame[columns].itertuples(index=False), strict=True)
    ] == rows
    assert str(frame.index.dtype) == "datetime64[us, UTC]"
    assert frame["session"].isna().all()
    assert list(ticker.frames.read(str(path), symbols="b", since=NOW + 4)["sequence"]) == [2, 3]


def test_every_row_and_column_of_a_recording_equals_duckdbs_and_pandas_reading(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.parquet"
    with Recorder(path) as recorder:
        recorder.add(varied())
        recorder.finish()
    frame = ticker.frames.read(str(path))
    micros = "epoch_us(time) AS time, epoch_us(received) AS received"
    found = duckdb.execute(f"SELECT * REPLACE ({micros}) FROM read_parquet(?)", [str(path)])  # noqa: S608
    rows = pd.DataFrame(found.fetchall(), columns=[column[0] for column in found.description])
    for name in ("time", "received"):
        rows[name] = pd.to_datetime(rows[name], unit="us", utc=True)
    rows = rows.sort_values(["time", "received", "symbol", "sequence"]).set_index("time")
    assert len(frame) == len(rows) == 117
    assert set(rows.columns) == set(frame.columns)
    alike = rows[frame.columns].astype(dict(frame.dtypes))  # None is NaN
    assert_frame_equal(frame, alike, check_index_type=False, check_freq=False)


GAPS = [
    Gap("test", "o", "w", NOW + 9, "stopped", ("A", "B"), NOW, NOW + 9),
    Gap("test", "o", "w", NOW + 40, "lost", symbol="AAPL", first_sequence=2, last_sequence=5),
]


async def test_gaps_are_found_without_reading_a_tick(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = await write(tmp_path, tick("AAPL", 1), gaps=GAPS)
    recording = tmp_path / "a.parquet"
    with Recorder(recording) as recorder:
        recorder.add([tick("AAPL", 1), tick("AAPL", 6)], GAPS)
        recorder.finish()
    for url in (log, str(recording)):
        quick = ticker.frames.gaps(url)
        async with ticker.open_stream(url) as stream:
            read = [gap async for batch in stream.read("start", follow=False) for gap in batch.gaps]
        assert sorted(quick["reason"]) == sorted([*("stopped", "stopped"), "lost"])
        assert {gap.reason for gap in read} == {"stopped", "lost"}
        with monkeypatch.context() as patch:
            patch.setattr("ticker.streams.base.BaseStream.read", None)
            assert_frame_equal(ticker.frames.gaps(url), quick)
