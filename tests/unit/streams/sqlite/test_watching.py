"""Readers with and without the system's notification of writes."""

import asyncio
import fcntl
import os
import resource
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest

from ticker.records import Batch, Position, Tick
from ticker.streams.reader import ReadRequest
from ticker.streams.sqlite import SqliteLog
from ticker.streams.sqlite.following import SqliteRead
from ticker.streams.sqlite.retention import Retention
from ticker.streams.sqlite.watching import Watch
from ticker.streams.sqlite.writing import SqliteWriter

LONG = 30.0
"""Longer than any write takes (s)."""

told_here = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells of writes")


def ticks(origin: str, *numbers: int) -> list[Tick]:
    return [Tick("A", "s", origin, n, n, 100 + n, 1.0 + n) for n in numbers]


@told_here
async def test_a_write_ends_the_wait_of_a_reader(tmp_path: Path) -> None:
    async with SqliteLog(tmp_path / "log.sqlite") as log:
        watch = Watch.begin(tmp_path / "log.sqlite")
        assert watch is not None
        assert not watch.wait(0)
        waiting = asyncio.create_task(asyncio.to_thread(watch.wait, LONG))
        await log.append(Batch(ticks=ticks(log.origin, 1)))
        assert await waiting
        watch.close()


@told_here
async def test_another_thread_can_end_a_readers_wait(tmp_path: Path) -> None:
    async with SqliteLog(tmp_path / "log.sqlite"):
        watch = Watch.begin(tmp_path / "log.sqlite")
        assert watch is not None
        waiting = asyncio.create_task(asyncio.to_thread(watch.wait, LONG))
        watch.wake()
        assert await waiting
        watch.close()
        watch.close()
        watch.wake()


@told_here
async def test_a_descriptor_of_any_number_can_be_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 2_048:
        pytest.skip("this system allows no such descriptor")
    resource.setrlimit(resource.RLIMIT_NOFILE, (2_048, hard))
    try:
        async with SqliteLog(tmp_path / "log.sqlite"):
            watch = Watch.begin(tmp_path / "log.sqlite")
            assert watch is not None
            high = fcntl.fcntl(watch._events, fcntl.F_DUPFD, 1_500)
            os.close(watch._events)
            monkeypatch.setattr(watch, "_events", high)
            assert not watch.wait(0)
            watch.wake()
            assert watch.wait(LONG)
            watch.close()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_log_without_a_wal_cannot_be_watched(tmp_path: Path) -> None:
    assert Watch.begin(tmp_path / "log.sqlite") is None


class Scene:
    """A reader whose clock runs while it sleeps, and its `Watch`."""

    def __init__(self, folder: Path, *, tells: bool) -> None:
        self.writer = SqliteWriter(folder / "log.sqlite", "origin12", Retention(None, None), 1.0)
        self.now = 0.0
        self.sleeps = 0
        self.is_watched = False
        self.write: list[Tick] = []
        """Ticks to commit during the next sleep."""
        self._tells = tells
        start = self.append()
        self.read = SqliteRead(
            folder / "log.sqlite",
            ReadRequest(start),
            monotonic=lambda: self.now,
            sleep=self.sleep,
        )

    def begin(self, _: Path) -> Self:
        self.is_watched = True
        return self

    def wait(self, seconds: float) -> bool:
        is_written = bool(self.write)
        self.sleep(seconds)
        return is_written and self._tells

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.sleeps += 1
        written, self.write = self.write, []
        if written:
            self.append(*written)

    def append(self, *some: Tick) -> Position:
        return self.writer.append(Batch(ticks=some), round(self.now * 1e6))

    def wake(self) -> None:
        pass

    def close(self) -> None:
        self.is_watched = False

    def be_silent(self, seconds: float) -> float:
        """Return the sleeps per second during so long a silence."""
        until, before = self.now + seconds, self.sleeps
        while self.now < until:
            assert not self.read.next()
        return (self.sleeps - before) / seconds


@pytest.fixture
def scene(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Scene]:
    scene = Scene(tmp_path, tells=request.param)
    monkeypatch.setattr("ticker.streams.sqlite.following.Watch", scene)
    yield scene
    scene.read.close()
    scene.writer.close()


@pytest.mark.parametrize("scene", [True], indirect=True)
def test_a_reader_with_a_working_watch_sleeps_long_in_silence(scene: Scene) -> None:
    scene.be_silent(5)
    assert scene.be_silent(10) <= 2


@pytest.mark.parametrize("scene", [True], indirect=True)
def test_a_watch_that_reports_writes_is_kept(scene: Scene) -> None:
    scene.be_silent(5)
    for number in range(1, 4):
        scene.write = ticks("origin12", number)
        batch = scene.read.next()
        assert batch is not None
        assert [tick.sequence for tick in batch.ticks] == [number]
        scene.be_silent(5)
    assert scene.is_watched


@pytest.mark.parametrize("scene", [False], indirect=True)
def test_a_watch_that_reports_nothing_is_replaced_by_polls(scene: Scene) -> None:
    scene.be_silent(5)
    assert scene.is_watched
    scene.write = ticks("origin12", 1)
    batch = scene.read.next()
    assert batch is not None
    assert len(batch.ticks) == 1
    assert not scene.is_watched
    assert scene.be_silent(10) > 20
    assert not scene.is_watched
