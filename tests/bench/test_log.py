# ruff: noqa: S608, T201 - queries over our own columns; a bench prints its figures
"""How fast the SQLite log is, against bare libraries in the same run. `pytest -m bench -s`."""

import asyncio
import multiprocessing
import sqlite3
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median, quantiles

import apsw
import pytest
from msgspec.structs import astuple

from ticker.records import Batch, Tick
from ticker.streams import open_log, open_stream, retained
from ticker.streams.sqlite.retention import Retention
from ticker.streams.sqlite.writing import SqliteWriter

pytestmark = pytest.mark.bench

BATCH = 5_000
BATCHES = 20
SYMBOLS = [f"SYM{n}" for n in range(500)]
NOW = 1_795_447_805_000_000


def ticks(origin: str, batch: int) -> list[Tick]:
    made = []
    for n in range(BATCH):
        number = batch * BATCH + n
        made.append(
            Tick(
                symbol=SYMBOLS[number % len(SYMBOLS)],
                source="exchange",
                origin=origin,
                sequence=number // len(SYMBOLS) + 1,
                time=NOW + number,
                received=NOW + number + 300_000,
                price=100 + number % 97 / 8,
                previous_price=100.25,
                day_change=1.5,
                day_change_percent=1.4778325123152709,
                volume=120_431 + number,
                bid=100.5,
                ask=100.75,
                currency="USD",
                session="regular",
                simulated=True,
            )
        )
    return made


def append_bare(path: Path) -> float:
    """Seconds that the standard library's executemany takes for the same columns and pragmas."""
    path.unlink(missing_ok=True)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=wal")
    connection.execute("PRAGMA synchronous=FULL")
    fields = Tick.__struct_encode_fields__
    columns = ", ".join(f'"{field}"' for field in fields)
    places = ", ".join("?" * len(fields))
    connection.execute(f"CREATE TABLE ticks(position INTEGER PRIMARY KEY AUTOINCREMENT, {columns})")
    batches = [[astuple(tick) for tick in ticks("bare", n)] for n in range(BATCHES)]
    start = time.perf_counter()
    for batch in batches:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(f"INSERT INTO ticks({columns}) VALUES ({places})", batch)
        connection.execute("COMMIT")
    taken = time.perf_counter() - start
    connection.close()
    return taken


def append_ours(path: Path) -> float:
    path.unlink(missing_ok=True)
    writer = SqliteWriter(path, "bench", Retention(keep_for=10**12), 5.0)
    batches = [ticks(writer.origin, n) for n in range(BATCHES)]
    start = time.perf_counter()
    for n, batch in enumerate(batches):
        writer.append(Batch(ticks=batch), NOW + n)
    taken = time.perf_counter() - start
    writer.close()
    return taken


def test_appending_with_the_sequence_check_beats_a_bare_executemany(tmp_path: Path) -> None:
    rows = BATCH * BATCHES
    pairs = [(append_bare(tmp_path / "bare"), append_ours(tmp_path / "ours")) for _ in range(3)]
    bare, ours = min(a for a, _ in pairs), min(b for _, b in pairs)
    print(
        f"\nappend: ours {rows / ours:,.0f} ticks/s, sqlite3 {rows / bare:,.0f}: {bare / ours:.2f}"
    )
    assert bare / ours >= 1.2


async def test_reading_keeps_up_with_a_bare_fetchall(tmp_path: Path) -> None:
    # CPU seconds, of all threads: other programs of the machine do not count.
    path = tmp_path / "log.sqlite"
    append_ours(path)
    rows = BATCH * BATCHES
    columns = ", ".join(Tick.__struct_encode_fields__)

    def bare() -> float:
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        start = time.process_time()
        position = seen = 0
        while True:
            found = connection.execute(
                f"SELECT {columns}, position FROM ticks "
                "WHERE position > ? ORDER BY position LIMIT ?",
                (position, BATCH),
            ).fetchall()
            if not found:
                break
            seen += len(found)
            position = found[-1][-1]  # type: ignore[assignment]  # an INTEGER column
        taken = time.process_time() - start
        connection.close()
        assert seen == rows
        return taken

    def at_once() -> float:
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        start = time.process_time()
        found = connection.execute(f"SELECT {columns} FROM ticks ORDER BY position").fetchall()
        taken = time.process_time() - start
        connection.close()
        assert len(found) == rows
        return taken

    async def ours() -> float:
        async with open_stream(f"sqlite:{path}") as stream:
            begin = await stream.find("start")
            start = time.process_time()
            seen = 0
            async for batch in stream.read(begin, follow=False, limit=BATCH):
                seen += len(batch.ticks)
            taken = time.process_time() - start
        assert seen == rows
        return taken

    def columnar() -> float:
        start = time.process_time()
        seen = sum(len(chunk["price"]) for chunk in open_stream(f"sqlite:{path}").columns())
        assert seen == rows
        return time.process_time() - start

    pairs = [(at_once(), bare(), await ours(), columnar()) for _ in range(5)]
    whole, least, read, by_column = (min(column) for column in zip(*pairs, strict=True))
    print(
        f"\nread: {rows / read:,.0f} records/s, columns {rows / by_column:,.0f} rows/s, "
        f"apsw fetchall {rows / whole:,.0f} rows/s: {whole / read:.2f}, {whole / by_column:.2f}; "
        f"the same in batches of {BATCH:,}: {rows / least:,.0f} rows/s: {least / read:.2f}"
    )
    assert whole / read >= 0.65
    assert whole / by_column >= 0.95


def _follow(path: str, pipe: Connection) -> None:
    """In another process: print when each tick was seen, and the CPU time used."""

    async def follow() -> None:
        async with open_stream(f"sqlite:{path}") as stream:
            end = await stream.find("end")
            pipe.send("ready")
            seen: list[tuple[int, int]] = []
            begin, used = time.monotonic(), time.process_time()
            silent_since, silent_used = 0.0, 0.0
            async for batch in stream.read(end):
                now = time.time_ns() // 1_000
                seen += [(tick.received, now) for tick in batch.ticks[:1]]
                if batch.ticks and batch.ticks[0].price == 2.0:
                    pipe.send((seen, (time.process_time() - used) / (time.monotonic() - begin)))
                    begin = time.monotonic()
                elif len(seen) and not batch and time.monotonic() - begin > 5 and not silent_since:
                    silent_since, silent_used = time.monotonic(), time.process_time()
                elif silent_since and time.monotonic() - silent_since > 4:
                    break
            idle = (time.process_time() - silent_used) / (time.monotonic() - silent_since)
            pipe.send(idle)

    asyncio.run(follow())


@pytest.fixture
def spawned(tmp_path: Path) -> Iterator[tuple[Path, Connection]]:
    path = tmp_path / "log.sqlite"
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_follow, args=(str(path), there))
    SqliteWriter(path, "bench", Retention(), 5.0).close()
    process.start()
    yield path, here
    process.terminate()
    process.join()


async def test_a_reader_in_another_process_sees_a_commit_soon_at_little_cost(
    spawned: tuple[Path, Connection],
) -> None:
    path, pipe = spawned
    assert pipe.recv() == "ready"
    commits: dict[int, int] = {}
    async with retained(open_log(f"sqlite:{path}")) as log:
        for n in range(1, 301):
            stamp = time.time_ns() // 1_000
            price = 2.0 if n == 300 else 1.0
            group = [
                Tick(symbol, "bench", log.origin, n, stamp, stamp, price) for symbol in SYMBOLS[:10]
            ]
            await log.append(Batch(ticks=group))
            commits[stamp] = time.time_ns() // 1_000
            await asyncio.sleep(
                0.033 + n % 7 / 1_000
            )  # 28 commits a second, out of step with the reader
        seen, busy = pipe.recv()
        delays = [at - commits[stamp] for stamp, at in seen]
        idle = pipe.recv()
    p50, p99 = median(delays) / 1_000, quantiles(delays, n=100)[98] / 1_000
    print(
        f"\ncommit to reader in another process: p50 {p50:.1f} ms, p99 {p99:.1f} ms; "
        f"its CPU {busy:.1%} while ticks flow, {idle:.2%} after 5 s of silence"
    )
    assert len(delays) == 300
    assert p50 < 10
    assert busy <= 0.04
    assert idle < 0.015
