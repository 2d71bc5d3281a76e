"""A follower and a file that comes, goes, is replaced, or was edited by others."""

import asyncio
import contextlib
import os
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from ticker.errors import StreamMissing, StreamUnusable
from ticker.records import Batch, Gap, Heartbeat, Quote, Tick
from ticker.streams.sqlite import SqliteLog, SqliteStream, rows
from ticker.streams.sqlite.reading import SqliteReader

SOON = 0.05
"""The silence of these readers (s)."""


def ticks(origin: str, first: int, last: int, symbol: str = "A") -> list[Tick]:
    return [Tick(symbol, "s", origin, n, n, 100 + n, 1.0) for n in range(first, last + 1)]


def remove(path: Path) -> None:
    for side in ("", "-wal", "-shm"):
        Path(f"{path}{side}").unlink(missing_ok=True)


async def until_some(reading: AsyncIterator[Batch]) -> Batch:
    async with asyncio.timeout(30):
        async for batch in reading:
            if batch:
                return batch
    raise AssertionError("the reading ended")


async def test_a_removed_file_is_waited_for_and_reported_as_missing(tmp_path: Path) -> None:
    path, aside = tmp_path / "log.sqlite", tmp_path / "aside.sqlite"
    stream = SqliteStream(path, silence=SOON)
    async with SqliteLog(path) as log:
        await log.append(Batch(ticks=ticks(log.origin, 1, 2)))
    reading = stream.read(await stream.find("start"))
    async with contextlib.aclosing(reading):
        assert len((await until_some(reading)).ticks) == 2
        path.rename(aside)
        async with asyncio.timeout(30):
            batch = await anext(reading)
        assert not batch
        assert (await stream.health()).state == "missing"
        aside.rename(path)
        async with SqliteLog(path) as log:
            await log.append(Batch(ticks=ticks(log.origin, 3, 3)))
        batch = await until_some(reading)
        assert ([t.sequence for t in batch.ticks], list(batch.gaps)) == ([3], [])
        assert (await stream.health()).state == "ok"


async def test_a_replaced_log_is_reported_as_a_gap_and_read_from_its_start(
    tmp_path: Path,
) -> None:
    path = tmp_path / "log.sqlite"
    stream = SqliteStream(path, silence=SOON)
    async with SqliteLog(path) as log:
        old = log.origin
        await log.append(Batch(ticks=ticks(old, 1, 5)))
        reading = stream.read(await stream.find("start"))
        assert len((await until_some(reading)).ticks) == 5
        remove(path)
    async with SqliteLog(path) as fresh, contextlib.aclosing(reading):
        assert fresh.origin != old
        await fresh.append(Batch(ticks=ticks(fresh.origin, 1, 9)))
        batch = await until_some(reading)
        assert [t.sequence for t in batch.ticks] == list(range(1, 10))
        (gap,) = batch.gaps
        assert (gap.reason, gap.from_, gap.until) == ("replaced by another log", 105, 109)


async def test_ticks_that_are_sent_to_the_new_log_again_are_not_repeated(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    stream = SqliteStream(path, silence=SOON)
    async with SqliteLog(path) as log:
        await log.append(Batch(ticks=ticks("machine1", 1, 5)))
        reading = stream.read(await stream.find("start"))
        assert len((await until_some(reading)).ticks) == 5
        remove(path)
    async with SqliteLog(path) as fresh, contextlib.aclosing(reading):
        await fresh.append(Batch(ticks=ticks("machine1", 1, 7)))
        batch = await until_some(reading)
        assert [t.sequence for t in batch.ticks] == [6, 7]
        assert [gap.reason for gap in batch.gaps] == ["replaced by another log"]


async def test_an_empty_new_log_makes_no_gap_since_1970(
    tmp_path: Path,
) -> None:
    path = tmp_path / "log.sqlite"
    stream = SqliteStream(path, silence=SOON)
    async with SqliteLog(path) as log:
        await log.append(Batch(ticks=ticks(log.origin, 1, 5)))
        reading = stream.read(await stream.find("start"))
        assert len((await until_some(reading)).ticks) == 5
        remove(path)
    async with SqliteLog(path), contextlib.aclosing(reading):
        (gap,) = (await until_some(reading)).gaps
        assert (gap.reason, gap.from_, gap.until) == ("replaced by another log", 105, 105)


async def test_without_following_a_missing_file_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    async with SqliteLog(path) as log:
        position = await log.append(Batch(ticks=ticks(log.origin, 1, 1)))
    remove(path)
    with pytest.raises(StreamMissing):
        await anext(SqliteStream(path).read(position, follow=False))


@pytest.mark.parametrize("left", [0, 100, 5_000])
async def test_a_file_cut_short_while_it_is_followed_is_reported_as_unusable(
    tmp_path: Path, left: int
) -> None:
    path = tmp_path / "log.sqlite"
    async with SqliteLog(path) as log:
        await log.append(Batch(ticks=ticks(log.origin, 1, 900)))
    stream = SqliteStream(path, silence=SOON)
    reading = stream.read(await stream.find("start"))
    async with contextlib.aclosing(reading):
        assert len((await until_some(reading)).ticks) == 900
        os.truncate(path, left)
        with pytest.raises(StreamUnusable):
            await until_some(reading)
    assert (await stream.health()).state == "unusable"


async def test_closing_a_stream_ends_its_readings(tmp_path: Path) -> None:
    async with SqliteLog(tmp_path / "log.sqlite") as log:
        stream = SqliteStream(tmp_path / "log.sqlite")
        reading = stream.read(await log.find("end"))
        waiting = asyncio.ensure_future(anext(reading, None))
        async with asyncio.timeout(30):
            await stream.health()  # meanwhile the reading has begun
            assert stream._readings
            await stream.close()
            assert await waiting is None


async def test_rows_edited_into_nonsense_are_counted_and_skipped(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    async with SqliteLog(path) as log:
        o = log.origin
        await log.append(
            Batch(
                ticks=ticks(o, 1, 8),
                gaps=[Gap("s", o, "w", 9, "stopped", symbols=("A",), from_=1, until=2)],
                quotes=[Quote("A", "s", 8, 108, 1.0, o, 8)],
                heartbeats=[Heartbeat(o, "w", "s", 8, 108, 1, "ok", 1, 1)],
            )
        )
    other = sqlite3.connect(path)
    for change in (
        "UPDATE ticks SET price = 0 WHERE sequence = 2",
        "UPDATE ticks SET volume = 'many' WHERE sequence = 4",
        "UPDATE ticks SET currency = CAST(x'ff' AS TEXT) WHERE sequence = 6",
        "UPDATE gaps SET symbols = 'not json'",
        "UPDATE quotes SET price = 0",
        "UPDATE heartbeats SET refused = CAST(x'ff' AS TEXT)",
    ):
        other.execute(change)
    other.commit()
    other.close()
    stream = SqliteStream(path, silence=SOON)
    batches = [b async for b in stream.read(await stream.find("start"), follow=False)]
    assert [t.sequence for b in batches for t in b.ticks] == [1, 3, 5, 7, 8]
    assert [(g.first_sequence, g.last_sequence) for b in batches for g in b.gaps] == [
        (2, 2),
        (4, 4),
        (6, 6),
    ]
    health = await stream.health()
    assert (health.state, health.broken, health.holes) == ("ok", 6, 3)
    assert not await stream.snapshot()
    assert sum(len(chunk["price"]) for chunk in stream.columns()) >= 5


def test_the_columns_are_the_json_fields(tmp_path: Path) -> None:
    async def make() -> None:
        async with SqliteLog(tmp_path / "log.sqlite"):
            pass

    asyncio.run(make())
    other = sqlite3.connect(tmp_path / "log.sqlite")
    for table, kind in (
        ("ticks", Tick),
        ("gaps", Gap),
        ("quotes", Quote),
        ("heartbeats", Heartbeat),
    ):
        columns = [row[1] for row in other.execute(f"PRAGMA table_info({table})")]
        assert columns == ["position", *kind.__struct_encode_fields__]
    other.close()
    assert rows.CONSTANT == "simulated"


async def test_a_filter_finds_a_rare_symbol_far_behind_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ticker.streams.sqlite.unread.SPAN", 1)
    async with SqliteLog(tmp_path / "log.sqlite") as log:
        await log.append(
            Batch(ticks=[*ticks(log.origin, 1, 2_000), *ticks(log.origin, 1, 1, "RARE")])
        )
        begin = await log.find("start")
        batches = [b async for b in log.read(begin, symbols=["RARE"], follow=False)]
        assert [t.symbol for b in batches for t in b.ticks] == ["RARE"]


async def test_a_file_truncated_while_it_is_followed_is_reported_as_damaged(
    tmp_path: Path,
) -> None:
    path = tmp_path / "log.sqlite"
    stream = SqliteStream(path, silence=SOON)
    async with SqliteLog(path) as log:
        await log.append(Batch(ticks=ticks(log.origin, 1, 500)))
    reading = stream.read(await stream.find("start"))
    async with contextlib.aclosing(reading):
        await until_some(reading)
        with path.open("r+b") as file:
            file.truncate(5_000)
        with pytest.raises(StreamUnusable):
            await until_some(reading)


class Damaged:
    """A connection for which every query finds the file damaged."""

    def execute(self, *_: object) -> None:
        raise apsw.CorruptError("database disk image is malformed")

    def close(self) -> None:
        pass


async def test_damage_found_while_waiting_is_reported_in_words(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    async with SqliteLog(path) as log:
        await log.append(Batch(ticks=ticks(log.origin, 1, 5)))
        reader = SqliteReader(path)
        monkeyed: Any = reader
        reader.close()
        monkeyed._connection = Damaged()
        with pytest.raises(StreamUnusable, match="is damaged"):
            reader.data_version()


async def test_a_hole_between_ticks_is_reported_in_the_batch_after_it(
    tmp_path: Path,
) -> None:
    path = tmp_path / "log.sqlite"
    async with SqliteLog(path) as log:
        o = log.origin
        for n in range(1, 7):
            await log.append(
                Batch(
                    ticks=[*ticks(o, n, n), *ticks(o, n, n, "B")],
                    quotes=[Quote("A", "s", n, n, 1.0, o, n)],
                )
            )
    with contextlib.closing(sqlite3.connect(path)) as other, other:
        other.execute("DELETE FROM ticks WHERE symbol = 'A' AND sequence IN (2, 5)")
    stream = SqliteStream(path)
    begin = await stream.find("start")
    batches = [batch async for batch in stream.read(begin, follow=False)]
    told = [
        ([g.first_sequence for g in b.gaps], [f"{t.symbol}{t.sequence}" for t in b.ticks])
        for b in batches
    ]
    assert told == [
        ([], ["A1", "B1", "B2"]),
        ([2], ["A3", "B3", "A4", "B4", "B5"]),
        ([5], ["A6", "B6"]),
    ]
    assert (stream.read_stats().holes, stream.read_stats().repeats) == (2, 0)
    rest = [batch async for batch in stream.read(batches[0].position, follow=False)]
    assert [t.sequence for b in rest for t in b.ticks] == [3, 3, 4, 4, 5, 6, 6]
