"""What every backend's stream shares: arguments, entering and leaving, health, statistics.

It checks the arguments, and a backend answers (`_find`, `_begin`, `_columns`, …). `health` turns a
backend's errors into states, and adds up what all readings noticed. Knows no backend.
"""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Collection, Iterator, Mapping, Sequence
from typing import Any, Literal, Self

import msgspec

from ticker.errors import StreamError, StreamMissing, StreamUnreachable, UsageError
from ticker.health import Health, StreamState
from ticker.records import Batch, Gap, Position
from ticker.streams.arguments import (
    checked_fields,
    checked_last_seen,
    checked_moment,
    checked_number,
    checked_place,
    checked_symbols,
)
from ticker.streams.protocol import ReadStats, Stream
from ticker.streams.reader import EMPTY_BATCH_AFTER, ActiveRead, ColumnRequest, ReadRequest
from ticker.streams.sequence import Key


class BaseStream(Stream, ABC):
    """The base of a `Stream` at `url`. `Stream` describes the methods without a docstring."""

    def __init__(self, url: str, *, silence: float = EMPTY_BATCH_AFTER) -> None:
        """`silence`: after this time without a record (s), a reading yields an empty batch."""
        self.url = url
        self._silence = silence
        self._readings: set[ActiveRead] = set()
        self._ended = ReadStats()  # of the readings that have ended, and of snapshots

    @abstractmethod
    async def _find(self, place: int | Literal["start", "end"]) -> Position: ...

    @abstractmethod
    async def _find_last(self, ticks: int, symbols: Collection[str] | None) -> Position: ...

    @abstractmethod
    async def _begin(self, request: ReadRequest) -> ActiveRead:
        """Make the reading of `request`. It begins when its batches are asked for."""

    @abstractmethod
    def _columns(self, request: ColumnRequest) -> Iterator[Mapping[str, Sequence[Any]]]: ...

    def _arrays(self, request: ColumnRequest) -> Iterator[Mapping[str, Any]]:
        from ticker.streams.arrays import as_arrays  # numpy takes 0.1 s to load

        yield from map(as_arrays, self._columns(request))

    @abstractmethod
    async def _read_health(self) -> Health:
        """Return the health now, without the counts of readings. Raises `StreamError`."""

    async def find(self, when: int | Literal["start", "end"]) -> Position:
        return await self._find(checked_place(when))

    async def find_last(self, ticks: int, *, symbols: Collection[str] | None = None) -> Position:
        return await self._find_last(checked_number("ticks", ticks, 0), checked_symbols(symbols))

    async def read(
        self,
        after: Position | Literal["start", "end"],
        *,
        last_seen: Mapping[Key, int] | None = None,
        symbols: Collection[str] | None = None,
        follow: bool = True,
        limit: int = 5_000,
    ) -> AsyncGenerator[Batch, None]:
        known, chosen = checked_last_seen(last_seen), checked_symbols(symbols)
        most = checked_number("limit", limit, 1)
        if not isinstance(after, str):
            raise UsageError(
                f'read: expected "start", "end" or the position of a batch, not {after!r:.60}'
            )
        is_word = after in ("start", "end")
        position = await self._find(checked_place(after)) if is_word else Position(after)
        reading = await self._begin(
            ReadRequest(position, known, chosen, follow, most, self._silence)
        )
        with self._under_way(reading):
            async with contextlib.aclosing(reading.batches()) as batches:
                async for batch in batches:
                    yield batch

    async def gaps(self) -> Sequence[Gap]:
        begin = await self.find("start")
        batches = self.read(begin, follow=False)
        async with contextlib.aclosing(batches):
            return [gap async for batch in batches for gap in batch.gaps]

    def columns(
        self,
        *,
        symbols: Collection[str] | None = None,
        since: int | None = None,
        until: int | None = None,
        fields: Sequence[str] | None = None,
    ) -> Iterator[Mapping[str, Sequence[Any]]]:
        yield from self._columns(_column_request(symbols, since, until, fields))

    def arrays(
        self,
        *,
        symbols: Collection[str] | None = None,
        since: int | None = None,
        until: int | None = None,
        fields: Sequence[str] | None = None,
    ) -> Iterator[Mapping[str, Any]]:
        yield from self._arrays(_column_request(symbols, since, until, fields))

    async def health(self) -> Health:
        try:
            found = await self._read_health()
        except StreamError as error:
            found = Health(stream=self.url, state=_state_of(error), problem=error.problem)
        noticed = self.read_stats()
        return msgspec.structs.replace(
            found,
            problem=found.problem or noticed.problem,
            # Both may have counted the same broken records.
            broken=max(found.broken, noticed.broken),
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

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _passed_over(self, broken: int) -> None:
        """Count unreadable records of a snapshot."""
        self._ended = self._ended.plus(ReadStats(broken=broken))

    @contextlib.contextmanager
    def _under_way(self, reading: ActiveRead) -> Iterator[None]:
        """Include the counts of `reading` in `read_stats`, also after its end."""
        self._readings.add(reading)
        try:
            yield
        finally:
            self._readings.discard(reading)
            ended = msgspec.structs.replace(reading.read_stats(), problem=None)
            self._ended = self._ended.plus(ended)


def _column_request(symbols: Any, since: Any, until: Any, fields: Any) -> ColumnRequest:
    moments = checked_moment("since", since), checked_moment("until", until)
    return ColumnRequest(checked_symbols(symbols), *moments, checked_fields(fields))


def _state_of(error: StreamError) -> StreamState:
    match error:
        case StreamMissing():
            return StreamState.MISSING
        case StreamUnreachable():
            return StreamState.UNREACHABLE
        case _:
            return StreamState.UNUSABLE
