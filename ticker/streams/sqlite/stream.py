"""`SqliteStream` reads a log file. `SqliteLog` also writes it.

This module only moves synchronous work into threads. Questions go to a thread of the event loop's
pool. Each `read` has its own thread, which waits and decodes. A log has one thread that writes. So
a wait for the disk never stops the loop, and appends keep their order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

from ticker.errors import StreamUnreachable
from ticker.health import Health
from ticker.records import Batch, Gap, Hold, Position
from ticker.streams.arguments import checked_batch
from ticker.streams.base import BaseStream
from ticker.streams.new_origin import new_origin
from ticker.streams.protocol import Retained
from ticker.streams.reader import EMPTY_BATCH_AFTER, ColumnRequest, ReadRequest
from ticker.streams.sqlite import opening
from ticker.streams.sqlite.following import SqliteRead
from ticker.streams.sqlite.reading import SqliteReader
from ticker.streams.sqlite.retention import Retention
from ticker.streams.sqlite.writing import SqliteWriter
from ticker.system_clock import now

_R = TypeVar("_R")


class SqliteStream(BaseStream):
    """A reader of the log at `path`. It never creates or changes the file."""

    def __init__(
        self, path: Path, *, busy: float = opening.BUSY, silence: float = EMPTY_BATCH_AFTER
    ) -> None:
        """`silence`: after this time without a record (s), a reading yields an empty batch."""
        super().__init__(opening.url(path), silence=silence)
        self._path = path
        self._busy = busy

    async def snapshot(self) -> Batch:
        batch, broken = await self._ask(SqliteReader.snapshot)
        self._passed_over(broken)
        return batch

    async def _find(self, place: int | Literal["start", "end"]) -> Position:
        return (await self._ask(lambda reader: reader.find(place))).position()

    async def _find_last(self, ticks: int, symbols: Collection[str] | None) -> Position:
        return (await self._ask(lambda reader: reader.find_last(ticks, symbols))).position()

    async def count(self, after: Position) -> int:
        return await self._ask(lambda reader: reader.count(after))

    async def _begin(self, request: ReadRequest) -> SqliteRead:
        return SqliteRead(self._path, request)

    def _columns(self, request: ColumnRequest) -> Iterator[Mapping[str, Sequence[Any]]]:
        with SqliteReader(self._path, self._busy) as reader:
            yield from reader.columns(request)

    def _arrays(self, request: ColumnRequest) -> Iterator[Mapping[str, Any]]:
        with SqliteReader(self._path, self._busy) as reader:
            yield from reader.arrays(request)

    async def gaps(self) -> Sequence[Gap]:
        return await self._ask(SqliteReader.gaps)

    async def _read_health(self) -> Health:
        return await self._ask(SqliteReader.health)

    async def _ask(self, question: Callable[[SqliteReader], _R]) -> _R:
        def answer() -> _R:
            with SqliteReader(self._path, self._busy) as reader:
                return question(reader)

        return await asyncio.to_thread(answer)


class SqliteLog(SqliteStream, Retained):
    """The log at `path`. Entering creates it if it is missing.

    `keep_for` (µs since appending) and `keep_bytes` limit what is retained; `None`: no limit.
    `clock` returns the time of appending (µs, UTC).
    """

    def __init__(
        self,
        path: Path,
        *,
        keep_for: int | None = None,
        keep_bytes: int | None = None,
        busy: float = opening.BUSY,
        clock: Callable[[], int] = now,
    ) -> None:
        super().__init__(path, busy=busy)
        self._retention = Retention(keep_for, keep_bytes)
        self._clock = clock
        self._thread: ThreadPoolExecutor | None = None
        self._writer: SqliteWriter | None = None

    @property
    def id(self) -> str:
        return self._entered().origin

    async def last(self) -> Mapping[tuple[str, str], int]:
        return await self._write(self._entered().last)

    async def append(self, batch: Batch) -> Position:
        writer = self._entered()
        checked = checked_batch(batch)
        return await self._write(lambda: writer.append(checked, self._clock()))

    async def hold(self, reader: str, position: Position | None) -> None:
        writer = self._entered()
        await self._write(lambda: writer.hold(reader, position))

    async def holds(self) -> Mapping[str, Hold]:
        return await self._ask(SqliteReader.holds)

    async def prune(self) -> int:
        writer = self._entered()
        total = 0
        while deleted := await self._write(lambda: writer.prune(self._clock())):
            total += deleted
        return total

    async def close(self, within: float = 5.0) -> int:
        await super().close(within)
        thread, writer = self._thread, self._writer
        self._thread = self._writer = None
        if thread is not None:
            if writer is not None:
                closing = asyncio.wrap_future(thread.submit(writer.close))
                await asyncio.wait([closing], timeout=within)
            thread.shutdown(wait=False, cancel_futures=False)
        return 0

    async def __aenter__(self) -> Self:
        if self._writer is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="ticker-write")
            try:
                self._writer = await self._write(
                    lambda: SqliteWriter(self._path, new_origin(), self._retention, self._busy)
                )
            except BaseException:
                await self.close()
                raise
        return self

    def _entered(self) -> SqliteWriter:
        if self._writer is None:
            raise StreamUnreachable(self.url, "the log is not open: use `async with`")
        return self._writer

    async def _write(self, work: Callable[[], _R]) -> _R:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)
