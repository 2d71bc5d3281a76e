"""What a tape promises: a stream that can be read from any moment. Recordings are tapes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import msgspec

from ticker.records import Batch, Gap, Position
from ticker.streams.protocol import Stream
from ticker.streams.standing_facts import Facts

if TYPE_CHECKING:  # it loads numpy, and commands must start fast
    from ticker.streams.digest import Digest


class Timeline(msgspec.Struct, frozen=True):
    """The gaps and facts of a tape: (time when it is due in µs, UTC; record), in order of time."""

    gaps: Sequence[tuple[int, Gap]] = ()
    facts: Sequence[tuple[int, Facts]] = ()


class Move(msgspec.Struct, frozen=True):
    """A large change of a price within a short time."""

    time: int
    """`received` of its first tick (µs, UTC)."""
    until: int
    """`received` of its last tick (µs, UTC); the same as `time` if it has one tick."""
    symbol: str
    percent: float


class SessionChange(msgspec.Struct, frozen=True):
    """The trading session of some symbols changed."""

    time: int
    """`received` of the first tick in the new session (µs, UTC)."""
    session: str
    symbols: tuple[str, ...]


@runtime_checkable
class Tape(Stream, Protocol):
    """A stream with random access: a recording. Its ticks come in order of time.

    A tick is due at the latest `received` of itself and all ticks before it. So there is no pause
    where the recording machine's clock was set back. Times are µs since the epoch, UTC.
    """

    async def digests(self) -> Mapping[tuple[str, str], Digest]:
        """Return (origin, symbol) → count and hash of its ticks, as the recorder saved them.

        Their `received` is 0: it was not saved.
        """
        ...

    async def snapshot_at(self, position: Position) -> Batch:
        """Return the snapshot at `position`: the quotes known there, and nothing later."""
        ...

    async def last_ticks(self, time: int) -> Batch:
        """Return the last tick of each (origin, symbol) that is due by `time` (inclusive).

        `read` from the batch's position continues with the first tick that is due later.
        """
        ...

    async def next_tick(
        self, time: int, *, symbols: Collection[str] | None = None, forward: bool = True
    ) -> int | None:
        """Return when the next tick (of `symbols`) after `time` is due; `None` if there is none.

        With `forward=False`, the last one before `time`.
        """
        ...

    async def timeline(self) -> Timeline:
        """Return all gaps and standing facts."""
        ...

    async def index(self) -> None:
        """Index where the ticks of each symbol are, so that later searches are fast.

        It reads the whole file once, in a thread.
        """
        ...

    async def moves(
        self, start: int, end: int, *, symbols: Collection[str] | None = None, count: int
    ) -> Sequence[Move]:
        """Return the `count` largest moves (of `symbols`), largest first.

        They are in the span from `start` to `end`, both inclusive.
        """
        ...

    async def session_changes(
        self, start: int, end: int, *, symbols: Collection[str] | None = None
    ) -> Sequence[SessionChange]:
        """Return the changes of session (of `symbols`) from `start` to `end`, both inclusive."""
        ...

    async def step(
        self, position: Position, ticks: int, *, symbols: Collection[str] | None = None
    ) -> Position:
        """Return the position `ticks` ticks (of `symbols`) later; negative: earlier."""
        ...
