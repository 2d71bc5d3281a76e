"""What times without a date mean, on a log and on a recording."""

from __future__ import annotations

import asyncio
from datetime import UTC
from pathlib import Path

import pytest

from ticker import frames
from ticker.cli.since_until import span_of
from ticker.errors import StreamUnusable, UsageError
from ticker.records import Batch, Tick
from ticker.streams import StreamChoice, open_log
from ticker.streams.recording import Recorder
from ticker.units import HOUR, MINUTE

LAST = 1_795_447_805_000_000
"""2026-11-23 15:30:05 UTC."""


@pytest.fixture
def tape(tmp_path: Path) -> str:
    path = tmp_path / "hour.parquet"
    times = (LAST - HOUR, LAST)
    with Recorder(path) as recorder:
        recorder.add(
            [Tick("A", "test", "one", n, t, t, 6.0 + n - 1) for n, t in enumerate(times, 1)]
        )
        recorder.finish()
    return str(path)


@pytest.mark.parametrize(
    ("words", "moment"),
    [
        ("14:30:05", LAST - HOUR),
        ("-10m", LAST - 10 * MINUTE),
        ("start", "start"),
        ("now", "end"),
        ("2026-11-23T15:00:05Z", LAST - 30 * MINUTE),
    ],
)
def test_a_time_for_a_recording_means_its_last_day(tape: str, words: str, moment: object) -> None:
    choice = StreamChoice(tape, named=True)
    assert span_of(choice, words, None, UTC) == (moment, None)
    if words != "start":
        end = moment if isinstance(moment, int) else None
        assert span_of(choice, None, words, UTC) == (None, end)


def test_an_unreadable_recording_is_reported_not_taken_for_an_empty_one(tmp_path: Path) -> None:
    path = tmp_path / "damaged.parquet"
    path.write_bytes(b"PAR1 no footer")
    with pytest.raises(StreamUnusable, match=r"damaged\.parquet"):
        span_of(StreamChoice(str(path), named=True), "14:30", None, UTC)


def test_an_end_before_the_start_is_reported(tape: str) -> None:
    with pytest.raises(UsageError, match="--until start leaves nothing"):
        span_of(StreamChoice(tape, named=True), None, "start", UTC)
    with pytest.raises(UsageError, match="--until 14:30 is before --since 15:00"):
        span_of(StreamChoice(tape, named=True), "15:00", "14:30", UTC)


def test_a_time_for_a_log_means_today(tmp_path: Path) -> None:
    choice = StreamChoice(f"sqlite:{tmp_path / 'no.sqlite'}", named=True)
    begin, end = span_of(choice, "-10m", None, UTC)
    assert end is None
    assert isinstance(begin, int)
    assert begin != LAST - 10 * MINUTE


def test_frames_read_times_as_the_command_line_does(tape: str) -> None:
    assert list(frames.read(tape, since="-10m")["price"]) == [7.0]


async def fill(url: str) -> None:
    async with open_log(url) as log:
        await log.append(Batch(ticks=[Tick("A", "test", "one", 1, LAST, LAST, 6.0)]))


def test_a_time_for_a_replay_of_a_log_means_the_day_of_its_last_tick(tmp_path: Path) -> None:
    url = f"sqlite:{tmp_path / 'log.sqlite'}"
    asyncio.run(fill(url))
    choice = StreamChoice(url, named=True)
    begin, end = span_of(choice, "14:30:05", "-10m", UTC, is_replay=True)
    assert (begin, end) == (LAST - HOUR, LAST - 10 * MINUTE)
