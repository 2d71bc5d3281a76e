"""What every stream promises, whatever keeps it.

A stream is an ordered log of ticks and gaps with the latest quotes and heartbeats beside it. Live,
late and replayed reading are one read from different positions. Backends are chosen by URL
(`ticker.streams.open`), know nothing of one another and are held to these texts by one contract
suite, parametrised by protocol.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Literal, Protocol, Self, runtime_checkable

from ticker.records import Batch, Gap, Health, Heartbeat, Hold, Position, Quote, Tick
from ticker.streams.frame import Noticed


class Stream(Protocol):
    """A log, read from any position. Safe for many readers at once; raises `StreamError` only.

    Made without input or output: what is wrong with a stream shows at its first use.
    """

    url: str
    """As a user may see it: no secrets."""

    async def snapshot(self) -> Batch:
        """The last quote per (origin, symbol) and the last heartbeat per (writer, source).

        Ticks without a quote are shown by one made of the last, if the backend comes by it.
        `read(after=batch.position)` of this very reader goes on from here without a hole or a
        repeat, whoever writes meanwhile. Raises `StreamMissing` where there is nothing yet.
        """
        ...

    async def find(self, when: int | Literal["start", "end"]) -> Position:
        """Before every record with `received` >= `when` (µs, UTC); earlier ones may follow it.

        `"start"` is before the oldest record still held, `"end"` after the newest. A time beyond
        the end is the end.
        """
        ...

    async def find_last(self, ticks: int, *, symbols: Collection[str] | None = None) -> Position:
        """Before the last `ticks` ticks (of `symbols`); before the first if there are fewer.

        More than that many may follow where the backend can only come near.
        """
        ...

    async def count(self, after: Position) -> int:
        """How many ticks follow `after`, with a few that are none where they are not looked at.

        Raises `WrongPosition` for a position that this stream never gave out.
        """
        ...

    def read(
        self,
        after: Position,
        *,
        symbols: Collection[str] | None = None,
        follow: bool = True,
        limit: int = 5_000,
    ) -> AsyncIterator[Batch]:
        """Batches of at most `limit` ticks, resuming after `after`.

        Each symbol's ticks come in the order of appending, those of different symbols in any. No
        tick twice; a hole, and records lost to retention, come as a `Gap` in the batch in which
        they are noticed; broken records are counted (`health().broken`) and passed over. `symbols`
        keeps ticks, quotes and gaps of these only. With `follow`: an empty batch comes each second
        of silence, and a stream that goes away is waited for, which `health()` tells. Without: ends
        at the end that the stream had when the reading reached it.
        """
        ...

    def columns(
        self,
        *,
        symbols: Collection[str] | None = None,
        since: int | None = None,
        until: int | None = None,
    ) -> Iterator[Mapping[str, Sequence[Any]]]:
        """Ticks by column, field name → values, in chunks, to the present end.

        `since` is inclusive, `until` exclusive, both by `received` (µs, UTC). Synchronous, so that
        it serves where an event loop is running already; makes no object per tick.
        """
        ...

    def noticed(self) -> Noticed:
        """What readings noticed since this reader opened the stream. At once: nobody is asked."""
        ...

    async def health(self) -> Health:
        """How the stream is now. Never raises: what is wrong is in the answer."""
        ...

    async def close(self, within: float = 5.0) -> int:
        """Let go, in at most `within` seconds; the number of ticks not delivered."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class Log(Stream, Protocol):
    """A stream that can be written. Entering it opens it, and makes it if missing."""

    @property
    def origin(self) -> str:
        """The random id of this log, made with it; known once the log is entered."""
        ...

    async def last(self) -> Mapping[tuple[str, str], int]:
        """(origin, symbol) → the sequence of its last tick."""
        ...

    async def append(
        self,
        ticks: Sequence[Tick] = (),
        *,
        gaps: Sequence[Gap] = (),
        quotes: Sequence[Quote] = (),
        heartbeats: Sequence[Heartbeat] = (),
    ) -> Position:
        """Write; durable on return. The position after what was written.

        A tick that is there already changes nothing. One that does not continue its (origin,
        symbol) raises `SequenceConflict` before anything of the call is written. Invented prices in
        a log of real ones, or the reverse, raise `MixedPrices`. A quote replaces the one of its
        (origin, symbol), unless it is older (a lower sequence, or the same and an earlier `time`).
        """
        ...


@runtime_checkable
class Served(Protocol):
    """A stream that lies on servers: they may be known by several names, and so may the stream."""

    async def log_origin(self) -> str:
        """The origin of the log that lies there now: see `Log.origin`. Raises `StreamError`."""
        ...


class Retained(Log, Protocol):
    """A log whose retention is ours: SQLite, not Kafka."""

    async def hold(self, reader: str, position: Position | None) -> None:
        """Keep all that follows `position` for `reader`, across restarts; `None` lets go."""
        ...

    async def holds(self) -> Mapping[str, Hold]:
        """Reader → where its hold stands, and how many ticks wait for it there."""
        ...

    async def prune(self) -> int:
        """Delete what retention allows now; the number of ticks deleted. Never what is held."""
        ...


class Tape(Stream, Protocol):
    """A stream with random access: a recording."""

    async def snapshot_at(self, position: Position) -> Batch:
        """As it was known then, with nothing of what came after."""
        ...

    async def step(self, position: Position, ticks: int) -> Position:
        """`ticks` later (negative: earlier), not beyond either end."""
        ...
