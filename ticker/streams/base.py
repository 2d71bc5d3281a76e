"""What every backend's stream does alike: how it is entered and left, its health, what it noticed.

A backend says how it reads its health (`_read_health`). Here its errors become states, and what
its readings noticed, ended or under way, is added up. Knows no backend, and no way to read.
"""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from types import TracebackType
from typing import Final, Generic, Literal, Protocol, Self, TypeVar

import msgspec

from ticker.errors import StreamError, StreamMissing, StreamUnreachable, UsageError
from ticker.health import Health, StreamState
from ticker.records import Position
from ticker.streams.protocol import ReadStats, Stream

_STATES: Final = {
    StreamMissing: StreamState.MISSING,
    StreamUnreachable: StreamState.UNREACHABLE,
}


class ActiveRead(Protocol):
    """One `read` under way."""

    def read_stats(self) -> ReadStats:
        """Since it began."""
        ...

    def stop(self) -> None:
        """Make it end soon."""
        ...


_R = TypeVar("_R", bound=ActiveRead)


class BaseStream(Stream, ABC, Generic[_R]):
    """The frame of a `Stream` at `url`. Methods without a docstring have the one of `Stream`."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._readings: set[_R] = set()
        self._ended = ReadStats()  # of the readings that have ended, and of snapshots

    @abstractmethod
    async def _read_health(self) -> Health:
        """The stream as it is now, without what readings noticed. Raises `StreamError`."""

    async def health(self) -> Health:
        try:
            found = await self._read_health()
        except StreamError as error:
            state = _STATES.get(type(error), StreamState.UNUSABLE)
            found = Health(stream=self.url, state=state, problem=error.problem)
        noticed = self.read_stats()
        return msgspec.structs.replace(
            found,
            problem=found.problem or noticed.problem,
            broken=max(found.broken, noticed.broken),  # a look finds what a reading found before
            holes=noticed.holes,
            repeats=noticed.repeats,
        )

    def read_stats(self) -> ReadStats:
        noticed = self._ended
        for reading in tuple(self._readings):
            noticed = noticed.plus(reading.read_stats())
        return noticed

    async def close(self, within: float = 5.0) -> int:  # noqa: ARG002 - a reader has nothing to send
        for reading in tuple(self._readings):
            reading.stop()
        return 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    def _passed_over(self, broken: int) -> None:
        """Count records of a snapshot that could not be read."""
        self._ended = self._ended.plus(ReadStats(broken=broken))

    async def _position(self, after: Position | Literal["start", "end"]) -> Position:
        """The position that `read(after)` begins at. Raises `UsageError` for what is none."""
        if not isinstance(after, str):
            raise UsageError(
                f'read: expected "start", "end" or the position of a batch, not {after!r:.60}'
            )
        match after:
            case "start":
                return await self.find("start")
            case "end":
                return await self.find("end")
            case _:
                return Position(after)

    @contextlib.contextmanager
    def _under_way(self, reading: _R) -> Iterator[None]:
        """Count what `reading` notices, from now on and after its end."""
        self._readings.add(reading)
        try:
            yield
        finally:
            self._readings.discard(reading)
            ended = msgspec.structs.replace(reading.read_stats(), problem=None)
            self._ended = self._ended.plus(ended)
