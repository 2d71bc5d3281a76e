"""An unfinished recording is finished once, with all that it held."""

from __future__ import annotations

from pathlib import Path

import pytest

from ticker.address import part_path
from ticker.errors import RecordingUnderWay, StreamMissing, StreamNotWritable
from ticker.records import Batch, Quote, Tick
from ticker.streams import open_stream
from ticker.streams.recording import Recorder, RecordingStream
from ticker.streams.sqlite import SqliteLog
from ticker.streams.unfinished import UnfinishedRecording, mend
from ticker.units import SECOND

NOW = 1_795_447_805_000_000


def ticks(count: int) -> list[Tick]:
    return [
        Tick("AAPL", "test", "o", n, NOW + n * SECOND, NOW + n * SECOND, 100.0 + n)
        for n in range(1, count + 1)
    ]


def quote(session: str, **other: object) -> Quote:
    return Quote("AAPL", "test", NOW, NOW, 1.0, "o", 1, name="Apple", session=session, **other)  # type: ignore[arg-type]  # by name


async def left(path: Path, count: int, *, replace: bool = False) -> None:
    """Leave the files of a killed recorder with so many ticks."""
    with UnfinishedRecording(path, replace=replace) as part:
        part.tell(0, [quote("pre")])
        async with SqliteLog(part.log) as log:
            await log.append(Batch(ticks=ticks(count)))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def held(path: Path) -> list[Tick]:
    async with RecordingStream(path) as stream:
        return [
            tick
            async for batch in stream.read("start", follow=False)
            for tick in batch.ticks
        ]  # fmt: skip


async def test_opening_an_unfinished_recording_finishes_it(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    await left(path, 3)
    async with open_stream(str(path)) as stream:
        assert (await stream.health()).ticks == 3
    assert await held(path) == ticks(3)
    assert names(tmp_path) == ["a.parquet"]


async def test_reading_columns_inside_a_running_loop_finishes_it(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    await left(path, 3)
    chunks = list(open_stream(str(path)).columns())
    assert [list(chunk["sequence"]) for chunk in chunks] == [[1, 2, 3]]


async def test_an_unfinished_recording_without_ticks_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    assert mend(path) is None
    await left(path, 0)
    made = mend(path)
    assert made is not None
    assert made.ticks == 0
    assert names(tmp_path) == []
    with pytest.raises(StreamMissing):
        await RecordingStream(path, mend=mend).snapshot()


async def test_facts_hold_from_the_tick_at_which_they_came(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    with UnfinishedRecording(path) as part:
        async with SqliteLog(part.log) as log:
            part.tell(0, [quote("pre", previous_close=99.0)])
            await log.append(Batch(ticks=ticks(2)[:1]))
            part.tell(2, [quote("regular", previous_close=100.0)])
            await log.append(Batch(ticks=ticks(2)[1:]))
        await part.finish()
    async with RecordingStream(path) as tape:
        first = await tape.step(await tape.find("start"), 1)
        before, after = await tape.snapshot_at(first), await tape.snapshot()
    assert [(q.previous_close, q.session) for q in before.quotes] == [(99.0, "pre")]
    assert [(q.previous_close, q.session) for q in after.quotes] == [(100.0, "regular")]


async def test_lost_ticks_and_a_truncated_line_do_no_harm(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.parquet"
    await left(path, 2)
    with UnfinishedRecording(path) as part:
        part.tell(9, [quote("regular")])
    with (tmp_path / "a.parquet.part.facts").open("a") as file:
        file.write('[3,{"origin":"o","sym')
    assert mend(path) is not None
    assert await held(path) == ticks(2)


async def test_a_kill_just_after_writing_the_file_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    await left(path, 3)
    copies = {tmp_path / name: (tmp_path / name).read_bytes() for name in names(tmp_path)}
    assert mend(path) is not None
    for each, content in copies.items():
        each.write_bytes(content)
    assert mend(path) is not None
    assert await held(path) == ticks(3)
    assert not part_path(path).exists()


async def test_an_existing_file_is_replaced_only_on_request(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    await left(path, 3)
    with Recorder(path) as other:
        other.add(ticks(1))
        other.finish()
    with pytest.raises(StreamNotWritable):
        mend(path)
    assert (len(await held(path)), part_path(path).exists()) == (1, True)
    part_path(path).unlink()
    await left(path, 3, replace=True)
    assert mend(path) is not None
    assert await held(path) == ticks(3)


async def test_the_recording_of_a_living_recorder_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    await left(path, 3)
    with UnfinishedRecording(path):
        with pytest.raises(RecordingUnderWay):
            mend(path)
        with pytest.raises(RecordingUnderWay), UnfinishedRecording(path):
            pass
    assert mend(path) is not None


def test_a_missing_folder_is_reported(tmp_path: Path) -> None:
    with pytest.raises(StreamNotWritable), UnfinishedRecording(tmp_path / "none" / "a.parquet"):
        pass
