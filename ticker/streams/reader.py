"""What all backends' readings share: one `ActiveRead` is one running `read`.

It has the arguments of a read, what was seen and counted, and the gaps that a reader notices. A
backend adds how records are read. `ThreadRead` is for backends that block. Knows no backend.
"""

from __future__ import annotations

import asyncio
import operator
import threading
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NamedTuple

import msgspec

from ticker.records import READER, TICK_FIELDS, Batch, Gap, GapReason, Position, Tick
from ticker.streams.protocol import ReadStats
from ticker.streams.sequence import Key, SequenceTracker, missing_ticks

EMPTY_BATCH_AFTER: Final = 1.0
"""After this time without a record (s) an empty batch comes."""


class ReadRequest(msgspec.Struct, frozen=True):
    """The arguments of one `Stream.read`, checked."""

    after: Position
    last_seen: Mapping[Key, int] = {}
    symbols: frozenset[str] | None = None
    follow: bool = True
    limit: int = 5_000
    silence: float = EMPTY_BATCH_AFTER
    """After this time without a record (s) an empty batch comes."""


class ColumnRequest(msgspec.Struct, frozen=True):
    """The arguments of one `Stream.columns`, checked."""

    symbols: frozenset[str] | None = None
    since: int | None = None
    until: int | None = None
    fields: Sequence[str] = TICK_FIELDS

    def chunk(self, ticks: Iterable[Tick]) -> Mapping[str, Sequence[Any]] | None:
        """Return the columns of the wanted `ticks`; `None` if there are none."""
        symbols, since, until = self.symbols, self.since, self.until
        wanted = [
            tick
            for tick in ticks
            if (symbols is None or tick.symbol in symbols)
            and (since is None or tick.received >= since)
            and (until is None or tick.received < until)
        ]
        if not wanted:
            return None
        return {name: tuple(map(operator.attrgetter(name), wanted)) for name in self.fields}


class Lost(NamedTuple):
    """Ticks of one (origin, symbol) that retention deleted before a reader read them."""

    key: Key
    through: int
    """The last sequence deleted."""


class ActiveRead(ABC):
    """One running `read`. Any thread may read `read_stats`, and call `stop`."""

    def __init__(self, request: ReadRequest) -> None:
        self.request = request
        self.sequences = SequenceTracker(request.last_seen)
        self.broken = 0
        """Unreadable records that were skipped."""
        self.problem: str | None = None
        """Why it cannot read now; `None` if it can. It may be waiting for a stream that is away."""

    @abstractmethod
    def batches(self) -> AsyncGenerator[Batch, None]:
        """See `Stream.read`. The caller must close it."""

    @abstractmethod
    def stop(self) -> None:
        """Make it end soon."""

    def read_stats(self) -> ReadStats:
        """Return the counts since the reading began."""
        return ReadStats(self.broken, self.sequences.holes, self.sequences.repeats, self.problem)

    def span_gap(
        self,
        reason: GapReason,
        origin: str,
        since: int,
        until: int,
        symbols: Collection[str] | None = None,
    ) -> Gap:
        """Make a gap in what this reader knows, from `since` to `until` (µs, UTC).

        It is about `symbols`; `None`: about all that it reads.
        """
        about = self.request.symbols if symbols is None else symbols
        return Gap(
            source="",
            origin=origin,
            writer=READER,
            received=until,
            reason=reason,
            symbols=None if about is None else tuple(sorted(about)),
            from_=min(since, until),
            until=until,
        )

    def missed(
        self,
        lost: Iterable[Lost],
        origin: str,
        since: int,
        until: int,
        *,
        lost_gaps: bool,
    ) -> list[Gap]:
        """Make gaps for what retention deleted unread.

        If the reader knows a symbol's last sequence, its gap names the missing ticks. The other
        symbols share one gap, from `since` to `until`. If gap records were deleted too
        (`lost_gaps`), that gap is about all symbols that are read. `origin` is the log's. `since`
        is the time of the reader's position, `until` that of the oldest tick held (µs, UTC).
        """
        gaps: list[Gap] = []
        unknown: set[str] = set()
        for key, through in lost:
            known = self.sequences.last(key[0], key[1]) is not None
            span = self.sequences.skip(key[0], key[1], through)
            if span is not None:
                why = GapReason.RETENTION
                gaps.append(missing_ticks(key, span, received=until, reason=why))
            elif not known:
                unknown.add(key[1])
        if unknown or lost_gaps:
            about = None if lost_gaps else unknown
            gaps.append(self.span_gap(GapReason.RETENTION, origin, since, until, about))
        return gaps


class ThreadRead(ActiveRead):
    """A read that blocks. Its own thread calls `next` and `close`."""

    def __init__(self, request: ReadRequest) -> None:
        super().__init__(request)
        self.stopping = threading.Event()

    @abstractmethod
    def next(self) -> Batch | None:
        """Return the next batch, an empty one after a silence, or `None` at the end or a stop."""

    @abstractmethod
    def close(self) -> None:
        """Close what was opened. A second call is harmless."""

    def stop(self) -> None:
        self.stopping.set()

    async def batches(self) -> AsyncGenerator[Batch, None]:
        loop = asyncio.get_running_loop()
        thread = ThreadPoolExecutor(1, thread_name_prefix="ticker-read")
        try:
            while (batch := await loop.run_in_executor(thread, self.next)) is not None:
                yield batch
        finally:
            self.stop()
            thread.submit(self.close)
            thread.shutdown(wait=False)
