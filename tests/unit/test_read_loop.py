"""One loop for all that follow a stream."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

import pytest

from ticker.errors import StreamError, StreamMissing, StreamUnreachable, StreamUnusable
from ticker.read_loop import Following
from ticker.records import Batch, Heartbeat, Position, Tick

NOW = 1_795_447_805_000_000
URL = "sqlite:stand-in.sqlite"
BEAT = Heartbeat("one", "w", "yahoo", NOW, NOW, 1_000_000, "ok", 1, 1)

MakeStream = Callable[..., Any]


def ticks(position: str, sequence: int) -> Batch:
    tick = Tick("AAPL", "yahoo", "one", sequence, NOW, NOW, 10.0)
    return Batch(Position(position), ticks=[tick])


class Follower:
    """A follower of `stream`. It waits for the stream unless `patient` returns false."""

    def __init__(
        self, stream: Any, patient: Callable[[StreamError], bool] = lambda _: True
    ) -> None:
        self.elapsed = 0
        self.pauses: list[float] = []
        self.begun: list[Batch | None] = []
        self._stream = stream
        self._patient = patient
        self.following = Following(
            stream,
            self._begin,
            self._lost,
            longest=1.0,
            elapsed=lambda: self.elapsed,
            pause=self._pause,
        )

    async def _begin(self, stood: Batch | None) -> Batch:
        self.begun.append(stood)
        if stood is not None:
            return stood
        found: Batch = await self._stream.snapshot()
        return found

    def _lost(self, error: StreamError, _seconds: float) -> None:
        if not self._patient(error):
            raise error

    async def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        if len(self.pauses) == 4:
            self._stream.told = Batch(Position("3"))
        await asyncio.sleep(0)

    async def take(self, count: int, *, follow: bool = True) -> list[Batch]:
        taken: list[Batch] = []
        async with asyncio.timeout(30), aclosing(self.following.batches(follow=follow)) as batches:
            async for batch in batches:
                taken.append(batch)
                if len(taken) == count:
                    break
        return taken


async def test_the_pauses_are_bounded_by_the_followers_maximum(
    stream_in_memory: MakeStream,
) -> None:
    stream = stream_in_memory(StreamUnreachable(URL, "does not answer"))
    follower = Follower(stream)
    stream.put(ticks("4", 1))
    await follower.take(1)
    assert follower.pauses == [0.5, 1.0, 1.0, 1.0]
    assert stream.read_after == ["3"]


async def test_a_permanent_error_ends_the_following(
    stream_in_memory: MakeStream,
) -> None:
    stream = stream_in_memory(StreamMissing(URL, "no such file"))
    follower = Follower(stream, lambda error: isinstance(error, StreamMissing))
    stream.put(StreamUnusable(URL, "not a log of ticker"))
    with pytest.raises(StreamUnusable):
        await follower.take(1)
    assert follower.pauses == [0.2] * 4


async def test_a_read_to_the_end_continues_from_the_followers_position(
    stream_in_memory: MakeStream,
) -> None:
    stream = stream_in_memory(Batch(Position("3")))
    follower = Follower(stream)
    for sequence in (1, 2, 3):
        stream.put(ticks(str(3 + sequence), sequence))
    assert [batch.position for batch in await follower.take(1)] == ["4"]
    assert [batch.position for batch in await follower.take(9, follow=False)] == ["5", "6"]
    assert stream.read_after == ["3", "4"]
    assert [stood and stood.position for stood in follower.begun] == [None, "4"]


async def test_a_heartbeat_ends_a_streams_silence_and_not_that_of_its_ticks(
    stream_in_memory: MakeStream,
) -> None:
    stream = stream_in_memory(Batch(Position("3")))
    follower = Follower(stream)
    following = follower.following
    assert following.silent is None
    found: list[tuple[int | None, int]] = []
    follower.elapsed = 1
    stream.put(Batch(Position("3")))
    async with asyncio.timeout(30), aclosing(following.batches()) as batches:
        async for _ in batches:
            found.append((following.silent, following.ticked))
            follower.elapsed += 10
            match len(found):
                case 1:
                    stream.put(Batch(Position("3")))  # "still here" is no record
                case 2:
                    stream.put(Batch(Position("4"), heartbeats=[BEAT]))
                case 3:
                    stream.put(ticks("5", 1))
                case _:
                    break
    assert found == [(0, 1), (10, 1), (0, 1), (0, 31)]
    assert following.silent is None
