# ruff: noqa: S608, T201 - a query over our own columns; a bench prints its figures
"""Recordings: size, frames, reading, opening, seeking; and import. `pytest -m bench -s`."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

import ticker
from ticker.exchange import Market, listings
from ticker.importing import Options, import_files
from ticker.simulation import BEGIN, simulated_poll
from ticker.streams.recording import Recorder, RecordingStream
from ticker.streams.recording.reading import RecordingReader
from ticker.streams.recording.searching import quotes
from ticker.units import HOUR, SECOND

pytestmark = pytest.mark.bench

START = 1_795_447_805_000_000
ROWS = 1_000_000
SYMBOLS = 200


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An hour of a random walk in 200 symbols, with all fields."""
    path = tmp_path_factory.mktemp("recording") / "hour.parquet"
    with Recorder(path) as recorder:
        recorder.connection.execute(
            f"""
            INSERT INTO staged
            SELECT 'SYM' || (n % {SYMBOLS}), 'exchange', 'k3v9xq2m', n // {SYMBOLS} + 1,
                make_timestamptz(moment), make_timestamptz(moment + 300), price, price - 0.01,
                round(price - 100, 2), round(price - 100, 3), n * 7, price - 0.01, price + 0.01,
                CASE WHEN n % {SYMBOLS} < 20 THEN 'EUR' ELSE 'USD' END, 'regular', NULL, true, n
            FROM (SELECT n, {START} + n * 3_600 AS moment,
                         round(100 + n % {SYMBOLS} + sin(n / 5_000.0) + (hash(n) % 5) / 100, 2)
                         AS price FROM range({ROWS}) t(n))
            """
        )
        recorder.ticks = ROWS
        recorder.finish()
    return path


def cpu(work: Callable[[], object]) -> float:
    """CPU seconds: other programs of the machine do not count."""
    begin = time.process_time()
    work()
    return time.process_time() - begin


def test_a_frame_of_a_recording_keeps_up_with_duckdb_itself(recording: Path) -> None:
    def bare() -> None:
        connection = duckdb.connect()
        connection.execute("SET TimeZone = 'UTC'")
        result = connection.execute(f"SELECT * FROM read_parquet('{recording}')")
        assert len(result.df()) == ROWS

    def ours() -> None:
        assert len(ticker.frames.read(str(recording))) == ROWS

    pairs = [(cpu(bare), cpu(ours)) for _ in range(3)]
    theirs, mine = (min(column) for column in zip(*pairs, strict=True))
    size = recording.stat().st_size / ROWS
    print(f"\n{size:.1f} bytes a tick; frames.read {ROWS / mine:,.0f} ticks/s, {theirs / mine:.2f}")
    print("of DuckDB's own .df()")
    assert theirs / mine >= 0.8


async def test_a_recording_is_read_and_searched_quickly(recording: Path) -> None:
    begin = time.perf_counter()
    reader = RecordingReader(recording)
    opened = time.perf_counter() - begin
    seeks = []
    choose = random.Random(7)  # noqa: S311  (places to seek)
    for _ in range(30):
        at = START + choose.randrange(ROWS) * 3_600
        begin = time.perf_counter()
        quotes(reader, reader.find(at))
        seeks.append(time.perf_counter() - begin)
    reader.close()
    begin = time.process_time()
    ticks = 0
    async with RecordingStream(recording) as tape:
        async for batch in tape.read("start", follow=False):
            ticks += len(batch.ticks)
    rate = ticks / (time.process_time() - begin)
    print(f"\nopen {opened * 1000:.0f} ms; seek p50 {sorted(seeks)[15] * 1000:.0f} ms, ")
    print(f"worst {max(seeks) * 1000:.0f} ms; read {rate:,.0f} ticks/s")
    assert ticks == ROWS


async def test_an_hour_of_the_exchange_is_made_in_seconds_and_is_small(tmp_path: Path) -> None:
    path = tmp_path / "hour.parquet"
    begin = time.process_time()
    with Recorder(path) as recorder:
        await simulated_poll(
            recorder,
            Market(7, listings=listings(SYMBOLS)),
            [listing.symbol for listing in listings(SYMBOLS)],
            seed=7,
            begin=BEGIN,
            duration=HOUR,
            every=SECOND,
        ).run()
        manifest = recorder.finish()
    size = path.stat().st_size / manifest.ticks
    rate = manifest.ticks / (time.process_time() - begin)
    print(f"\nan hour of {SYMBOLS} symbols: {manifest.ticks:,} ticks, {rate:,.0f} per CPU second, ")
    print(f"{size:.1f} bytes a tick")
    assert size <= 22


def test_an_import_keeps_its_rate(tmp_path: Path) -> None:
    source = tmp_path / "ticks.csv"
    duckdb.execute(
        f"""COPY (SELECT {START // 1000} + n AS time, 'SYM' || (n % 50) AS symbol,
            round(100 + (hash(n) % 1000) / 100, 2) AS price, n % 9 + 1 AS size
            FROM range({ROWS}) t(n)) TO '{source}' (FORMAT csv, HEADER)"""
    )

    def bare() -> None:
        target = tmp_path / "bare.parquet"
        duckdb.execute(f"COPY (FROM read_csv('{source}')) TO '{target}' (COMPRESSION zstd)")

    def ours() -> None:
        import_files([source], tmp_path / "ours.parquet", Options(), replace=True)

    rounds = []
    for _ in range(5):
        theirs = cpu(bare)
        begin = time.perf_counter()
        rounds.append((theirs, cpu(ours), time.perf_counter() - begin))
    theirs, mine, wall = (min(column) for column in zip(*rounds, strict=True))
    print(f"\nimport: {ROWS / wall:,.0f} rows/s on the clock, {ROWS / mine:,.0f} per CPU second; ")
    print(f"DuckDB's bare copy: {ROWS / theirs:,.0f} per CPU second")
    # Beside it: times and numbers are checked, rows put in order, counted and hashed, four times as
    # many columns written.
    assert mine / theirs <= 5
