"""Which part of a stream is played, and what is known before it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import duckdb
import pytest

from ticker.errors import StreamError
from ticker.play import NothingToPlay, Player, Span, load, tape_of
from ticker.play.schedule import MAX_SPEED
from ticker.records import Batch, Gap, Tick
from ticker.streams.history import last_day
from ticker.streams.recording import Recorder, RecordingStream
from ticker.streams.sqlite import SqliteLog, SqliteStream
from ticker.units import SECOND

NOW = 1_795_447_805_000_000


def ticks() -> list[Tick]:
    """Ten ticks each of two symbols, one a second."""
    return [
        Tick(symbol, "test", "o", n, NOW + n * SECOND, NOW + n * SECOND, 100.0 + n)
        for n in range(1, 11)
        for symbol in ("A", "B")
    ]


@pytest.fixture
async def log(tmp_path: Path) -> SqliteStream:
    async with SqliteLog(tmp_path / "log.sqlite") as log:
        everything = ticks()
        for first in range(0, len(everything), 5):
            await log.append(Batch(ticks=everything[first : first + 5]))
    return SqliteStream(tmp_path / "log.sqlite")


@pytest.fixture
def tape(tmp_path: Path) -> RecordingStream:
    path = tmp_path / "a.parquet"
    with Recorder(path) as recorder:
        recorder.add(ticks())
        recorder.finish()
    return RecordingStream(path)


@pytest.mark.parametrize(
    ("since", "until", "symbols"),
    [
        (None, None, None),
        (None, None, ("B",)),
        (4, None, None),
        (3, 8, ("B",)),
        (10, 11, None),
        (None, 2, ("B",)),
    ],
)
async def test_a_tape_of_a_log_holds_the_span_and_the_facts_before_it(
    tape: RecordingStream,
    log: SqliteStream,
    since: int | None,
    until: int | None,
    symbols: tuple[str, ...] | None,
) -> None:
    begin, end = (None if n is None else NOW + n * SECOND for n in (since, until))
    span = Span(symbols, begin, end)
    read: list[int] = []
    async with tape_of(log, span, on_progress=read.append) as made:
        reels = [await load(tape, span), await load(made, span)]
        told = [(reel.start, reel.end) for reel in reels]
        assert told[0] == told[1]
        known: list[Sequence[Tick]] = [
            [
                t
                for t in (await r.tape.last_ticks(r.start - 1)).ticks
                if not symbols or t.symbol in symbols
            ]
            for r in reels
        ]
        assert sorted(known[0], key=repr) == sorted(known[1], key=repr)
        assert made.url == log.url
    assert read


async def test_the_past_on_a_tape_of_a_log_holds_nothing_later(log: SqliteStream) -> None:
    at = ticks()[3].received
    async with tape_of(log, Span()) as made:
        found = last_day(made, at, [tick.symbol for tick in ticks()])
        past = [tick async for batch in found for tick in batch.ticks]
    assert past == [tick for tick in ticks() if tick.received <= at]
    assert 0 < len(past) < len(ticks())


async def test_a_span_without_a_tick_is_nothing_to_play(log: SqliteStream) -> None:
    span = Span(since=NOW + 99 * SECOND)
    with pytest.raises(NothingToPlay):
        async with tape_of(log, span):
            pass
    with pytest.raises(NothingToPlay):
        async with tape_of(log, Span(("Z",))):
            pass


async def test_a_replay_ends_with_its_last_gap(tmp_path: Path) -> None:
    gap = Gap("test", "o", "w", NOW + 30 * SECOND, "stopped", None, NOW, NOW + 30 * SECOND)
    with Recorder(tmp_path / "a.parquet") as recorder:
        recorder.add(ticks())
        recorder.add([], [gap])
        recorder.finish()
    async with RecordingStream(tmp_path / "a.parquet") as tape:
        assert (await load(tape, Span())).end == NOW + 30 * SECOND
        assert (await load(tape, Span(until=NOW + 20 * SECOND))).end == NOW + 10 * SECOND


async def test_a_replay_of_one_symbol_ends_before_the_gap_of_another(
    tmp_path: Path,
) -> None:
    gap = Gap("test", "o", "w", NOW + 30 * SECOND, "stopped", ("Z",), NOW, NOW + 30 * SECOND)
    with Recorder(tmp_path / "a.parquet") as recorder:
        recorder.add(ticks())
        recorder.add([], [gap])
        recorder.finish()
    async with RecordingStream(tmp_path / "a.parquet") as tape:
        span = Span(symbols=(ticks()[-1].symbol,))
        assert (await load(tape, span)).end == ticks()[-1].received
        assert (await load(tape, Span(symbols=("A", "Z")))).end == gap.received


def bad_file(kind: str, folder: Path) -> Path:
    """A file that cannot be played."""
    path = folder / f"{kind}.parquet"
    with Recorder(path) as recorder:
        recorder.add([] if kind == "tickless" else ticks() * (2_000 if kind == "damaged" else 1))
        recorder.finish()
    data = path.read_bytes()
    match kind:
        case "empty":
            path.write_bytes(b"")
        case "text":
            path.write_bytes(b"symbol,price\nA,1\n")
        case "truncated":
            path.write_bytes(data[: len(data) // 2])
        case "damaged":
            middle = len(data) // 3
            path.write_bytes(data[:middle] + b"\xff" * 400 + data[middle + 400 :])
        case "foreign":
            duckdb.execute(f"COPY (SELECT 1 AS a) TO '{path}' (FORMAT parquet)")
        case "newer":
            duckdb.execute(
                f"COPY (SELECT 1 AS a) TO '{path}' "
                """(FORMAT parquet, KV_METADATA {'ticker.manifest': '{"version":99}'})"""
            )
    return path


async def play(tape: RecordingStream) -> None:
    await Player(await load(tape, Span()), MAX_SPEED).run()


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("tickless", "has no tick in this span"),
        ("empty", "is an empty file"),
        ("text", "not a Parquet file"),
        ("truncated", "cut off"),
        ("foreign", "not a recording"),
        ("newer", "another version"),
        ("damaged", "damaged|cannot be read"),
    ],
)
async def test_a_file_that_cannot_be_played_is_reported_in_words(
    tmp_path: Path, kind: str, words: str
) -> None:
    async with RecordingStream(bad_file(kind, tmp_path)) as tape:
        with pytest.raises(StreamError, match=words) as caught:
            await asyncio.wait_for(play(tape), 30)
        assert len(str(caught.value)) < 300
        assert "\n" not in str(caught.value)
