"""A log in memory is shared by its name, and by threads and event loops."""

from __future__ import annotations

import asyncio
import threading
import uuid
from pathlib import Path

import pytest

import ticker
from ticker.cli.settings import Settings
from ticker.config.reading import load
from ticker.errors import StreamMissing, StreamUnreachable, UsageError
from ticker.records import Batch, Tick
from ticker.streams import open_log, open_stream

NOW = 1_795_447_805_000_000


@pytest.fixture
def url() -> str:
    return f"memory:{uuid.uuid4()}"


def ticks(first: int, last: int) -> list[Tick]:
    return [Tick("A", "test", "o", n, NOW + n, NOW + n, 1.0 + n) for n in range(first, last + 1)]


async def test_all_that_open_one_name_share_a_log_that_outlives_them(url: str) -> None:
    with pytest.raises(StreamMissing, match="no such log in this process"):
        await open_stream(url).snapshot()
    async with open_log(url) as one:
        await one.append(Batch(ticks=ticks(1, 2)))
        one_id = one.id
    async with open_log(url) as two:
        await two.append(Batch(ticks=ticks(3, 3)))
        assert two.id == one_id
    batches = [batch async for batch in open_stream(url).read("start", follow=False)]
    assert [tick for batch in batches for tick in batch.ticks] == ticks(1, 3)
    with pytest.raises(StreamMissing):
        await open_stream(f"{url}-other").find("end")
    with pytest.raises(StreamUnreachable, match="async with"):
        await one.append(Batch(ticks=ticks(4, 4)))


async def test_a_follower_in_another_event_loop_sees_each_append(url: str) -> None:
    seen: list[Tick] = []
    following = threading.Event()

    async def follow() -> None:
        position = await open_stream(url).find("end")
        following.set()
        async for batch in open_stream(url).read(position):
            seen.extend(batch.ticks)
            if len(seen) == 4:
                return

    async with open_log(url) as log:
        thread = threading.Thread(target=lambda: asyncio.run(follow()))
        thread.start()
        await asyncio.to_thread(following.wait, 5)
        await log.append(Batch(ticks=ticks(1, 2)))
        await log.append(Batch(ticks=ticks(3, 4)))
        await asyncio.to_thread(thread.join, 5)
    assert seen == ticks(1, 4)


async def test_a_reading_ends_soon_when_its_stream_is_closed(url: str) -> None:
    async with open_log(url) as log:
        await log.append(Batch(ticks=ticks(1, 1)))
        reading = log.read("start")
        await anext(reading)
        coming = asyncio.ensure_future(anext(reading, None))
        await asyncio.sleep(0)
        async with asyncio.timeout(0.5):  # sooner than the next silence
            await log.close()
            assert await coming is None


async def test_a_frame_of_a_memory_log_holds_its_ticks(url: str) -> None:
    async with open_log(url) as log:
        await log.append(Batch(ticks=ticks(1, 3)))
    assert ticker.frames.read(url)["price"].tolist() == [2.0, 3.0, 4.0]


def test_a_command_refuses_a_memory_log_and_suggests_a_file(url: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="which no command can see"):
        Settings(load(tmp_path / "none.toml")).stream(url)
