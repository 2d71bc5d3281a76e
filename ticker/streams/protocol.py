"""What every stream promises, on every backend.

A stream is an ordered log of ticks and gaps with the latest quotes and heartbeats beside it. Live
reading, late reading and replay are the same `read` from different positions. The URL decides the
backend (`ticker.streams.open`). Backends know nothing of one another. One contract suite checks
these promises on all of them.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Iterator, Mapping, Sequence
from typing import Any, Literal, Protocol, Self

import msgspec

from ticker.health import Health
from ticker.records import Batch, Gap, Hold, Position


class ReadStats(msgspec.Struct, frozen=True):
    """What the readings of one reader noticed."""

    broken: int = 0
    """Unreadable records that were skipped."""
    holes: int = 0
    """Ticks found missing."""
    repeats: int = 0
    """Repeated ticks that were dropped."""
    problem: str | None = None
    """Why a running reading cannot read now, in a sentence; `None` if it can."""

    def plus(self, other: ReadStats) -> ReadStats:
        """Return the sums, and the first problem."""
        return ReadStats(
            self.broken + other.broken,
            self.holes + other.holes,
            self.repeats + other.repeats,
            self.problem or other.problem,
        )


class Stream(Protocol):
    """An ordered log of ticks and gaps, with the latest quotes and heartbeats beside it.

    `ticker.open_stream` returns one. Any number of readers may share a stream. Use it with `async
    with`. All methods but `columns`, `arrays` and `read_stats` are asynchronous. They raise
    `StreamError`, and `UsageError` for an argument of the wrong kind. Making a stream does no input
    or output, so errors come at its first use.
    """

    url: str
    """Where the stream is, without secrets."""

    async def snapshot(self) -> Batch:
        """Return the last quote of each (origin, symbol) and the last heartbeat of each writer.

        The last heartbeat is the one that was written last, whatever its times. Heartbeats come in
        the order in which they were written. `read(batch.position, last_seen=batch.last_seen)`
        continues from here without a hole or a repeat, even while others write. If a symbol has
        ticks but no quote, a backend that can find its last tick makes a quote of it. Raises
        `StreamMissing` if there is no stream yet.
        """
        ...

    async def find(self, when: int | Literal["start", "end"]) -> Position:
        """Return a position for `read`.

        `"start"` is before the oldest record that is still held, `"end"` is after the newest. A
        number is a time (µs since the epoch, UTC): the position is before every record that was
        received at that time or later. Some earlier records may follow it. A time after the last
        record gives the end.
        """
        ...

    async def find_last(self, ticks: int, *, symbols: Collection[str] | None = None) -> Position:
        """Return the position before the last `ticks` ticks (of `symbols`).

        If there are fewer, the position is before the first. On Kafka more ticks may follow it.
        """
        ...

    async def count(self, after: Position) -> int:
        """Return how many ticks follow `after`: exact in a file, an upper bound on Kafka.

        Raises `WrongPosition` for a position that this stream never gave out.
        """
        ...

    async def gaps(self) -> Sequence[Gap]:
        """Return all gaps that are held, up to the present end.

        Files and recordings store gaps apart from ticks, and read nothing else. On Kafka this reads
        the whole topics.
        """
        ...

    def read(
        self,
        after: Position | Literal["start", "end"],
        *,
        last_seen: Mapping[tuple[str, str], int] | None = None,
        symbols: Collection[str] | None = None,
        follow: bool = True,
        limit: int = 5_000,
    ) -> AsyncGenerator[Batch, None]:
        """Yield batches of at most `limit` ticks that follow `after`.

            async for batch in stream.read("start", symbols=["AAPL"], follow=False):
                print(batch.to_dicts())

        To leave the loop early, use `contextlib.aclosing(reading)`: it closes the reading at once.

        `after` is `"start"` (all that is held), `"end"` (only what comes from now on) or the
        position of a batch: reading resumes after that batch. `last_seen` comes with a snapshot and
        belongs to its position: (origin, symbol) → the sequence that the reader knows already. With
        it, reading drops ticks that the snapshot includes, and names exactly the ticks that are
        missing right after it. Without it, the first tick of each symbol sets the start. `symbols`
        limits ticks, quotes and gaps to these symbols.

        With `follow`, reading never ends by itself. An empty batch comes after each second of
        silence. If the stream goes away, reading waits for it (`health()` says so). Without
        `follow`, reading ends when it reaches the end of the stream.

        The ticks of one symbol come in the order in which they were appended; different symbols
        have no fixed order. No tick comes twice. Missing ticks (a hole, or records lost to
        retention) come as a `Gap` in the batch in which they are noticed. Records that cannot be
        read are counted (`health().broken`) and skipped.

        Raises `UsageError` if `after` is not a text, `WrongPosition` if it is neither of the
        two words nor a position of this stream, and `StreamMissing` for a word without a stream.
        """
        ...

    def columns(
        self,
        *,
        symbols: Collection[str] | None = None,
        since: int | None = None,
        until: int | None = None,
        fields: Sequence[str] | None = None,
    ) -> Iterator[Mapping[str, Sequence[Any]]]:
        """Yield ticks by column (field name → values), in chunks, up to the present end.

        `since` (inclusive) and `until` (exclusive) limit `received` (µs since the epoch, UTC).
        `fields` names the columns wanted (default: all fields of a tick); fewer are quicker. This
        method is synchronous, and works even where an event loop is running. Files are read without
        making an object for each tick.
        """
        ...

    def arrays(
        self,
        *,
        symbols: Collection[str] | None = None,
        since: int | None = None,
        until: int | None = None,
        fields: Sequence[str] | None = None,
    ) -> Iterator[Mapping[str, Any]]:
        """Yield the same columns as numpy arrays: int64, float64 or bool, and texts as `Texts`.

        Unknown floats are NaN. In files this is faster than `columns`.
        """
        ...

    def read_stats(self) -> ReadStats:
        """Return what this object's readings noticed so far. Does not ask the stream."""
        ...

    async def health(self) -> Health:
        """Return the state of the stream now. Never raises: the answer says what is wrong."""
        ...

    async def close(self, within: float = 5.0) -> int:
        """End all readings and close, within `within` seconds.

        Returns how many ticks could not be delivered: 0 for a reader.
        """
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *_: object) -> None: ...


class Log(Stream, Protocol):
    """A stream that can be written. Entering it opens it, and creates it if missing.

    Ticks must be numbered before they are appended: their identity is (origin, symbol, sequence).
    """

    @property
    def id(self) -> str:
        """A random id that was made with this log. Known once the log is entered."""
        ...

    async def last(self) -> Mapping[tuple[str, str], int]:
        """Return (origin, symbol) → the sequence of its last tick."""
        ...

    async def append(self, batch: Batch) -> Position:
        """Write the records, and return the position after them. They are durable on return.

            await log.append(Batch(ticks=[tick], quotes=[quote]))

        A tick whose sequence is not above `last` is a repeat, and changes nothing. The first tick
        of an (origin, symbol) may have any sequence. Each later tick must continue it, unless a gap
        of the same call names the ticks that are missing before it. Otherwise `SequenceConflict` is
        raised before anything of the call is written. A tick or quote without an origin raises
        `InvalidRecord`. Invented prices in a log of real ones, or the reverse, raise `MixedPrices`.
        A quote replaces the one of its (origin, symbol), unless it is older (a lower sequence, or
        the same and an earlier `time`). On Kafka, a quote that follows another within a second is
        sent at the end of that second. After a failure there, or if two writers send the same
        ticks, a tick may be stored twice; readers drop the second.
        """
        ...


class NumberingLog(Log, Protocol):
    """A log whose writers number ticks under its own origin: SQLite and memory, not Kafka.

    A writer takes the next number from `last`. If two writers take the same number, the second gets
    a `SequenceConflict`, reads `last` again and numbers its ticks again. So the ticks of this
    origin begin at 1 and have no hole, and no quote is ahead of them.
    """

    @property
    def origin(self) -> str:
        """The origin of the ticks that are numbered here; the same as `id`."""
        return self.id


class Served(Protocol):
    """A stream on servers. Different URLs may reach the same log: compare `log_id`."""

    async def log_id(self) -> str:
        """Return the `Log.id` of the log that is there now. Raises `StreamError`."""
        ...


class Retained(NumberingLog, Protocol):
    """A log from which this program deletes: SQLite. Memory keeps all; Kafka deletes by itself."""

    async def hold(self, reader: str, position: Position | None) -> None:
        """Keep all that follows `position` for `reader`, across restarts. `None` ends the hold.

        Raises `WrongPosition` if this log never gave it out.
        """
        ...

    async def holds(self) -> Mapping[str, Hold]:
        """Return reader → the position of its hold, and how many ticks wait after it."""
        ...

    async def prune(self) -> int:
        """Delete what retention allows now, except what is held.

        Returns the number of ticks deleted.
        """
        ...
