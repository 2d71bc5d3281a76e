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
    """What a tape holds beside its ticks, each with the time when it is due (µs, UTC), in order."""

    gaps: Sequence[tuple[int, Gap]] = ()
    facts: Sequence[tuple[int, Facts]] = ()


class Move(msgspec.Struct, frozen=True):
    """A large change of a price within a short time."""

    time: int
    """When the first of its ticks was due (µs, UTC)."""
    until: int
    """When the last of its ticks was due; `time` if it has one tick."""
    symbol: str
    percent: float


class SessionChange(msgspec.Struct, frozen=True):
    """The trading session of some symbols changed."""

    time: int
    """When the first of its ticks was due (µs, UTC)."""
    session: str
    symbols: tuple[str, ...]


@runtime_checkable
class Tape(Stream, Protocol):
    """A stream with random access: a recording. Its ticks come in order of time.

    A tick is due when the running maximum of `received` reaches it. So if the recording machine's
    clock was set back, the tape continues at once. Times are µs since the epoch, UTC.
    """

    async def digests(self) -> Mapping[tuple[str, str], Digest]:
        """Return (origin, symbol) → count and hash of its ticks, as the recorder saved them.

        Their `received` is 0: it was not saved.
        """
        ...

    async def snapshot_at(self, position: Position) -> Batch:
        """Return what was known at that time, without anything later."""
        ...

    async def last_ticks(self, time: int) -> Batch:
        """Return the last tick of each (origin, symbol) of those due by `time`.

        `read` of the batch's position continues with the first tick that is due later.
        """
        ...

    async def next_tick(
        self, time: int, *, symbols: Collection[str] | None = None, forward: bool = True
    ) -> int | None:
        """Return when the next tick (of `symbols`) after `time` is due; `None` if there is none.

        `forward=False`: the last one before `time`.
        """
        ...

    async def timeline(self) -> Timeline:
        """Return all gaps and standing facts."""
        ...

    async def index(self) -> None:
        """Learn where the ticks of each symbol lie, which makes later searches fast.

        It reads the whole file once, in a thread.
        """
        ...

    async def moves(
        self, start: int, end: int, *, symbols: Collection[str] | None = None, count: int
    ) -> Sequence[Move]:
        """Return the `count` largest moves (of `symbols`) from `start` to `end`, largest first."""
        ...

    async def session_changes(
        self, start: int, end: int, *, symbols: Collection[str] | None = None
    ) -> Sequence[SessionChange]:
        """Return the changes of the trading session (of `symbols`) from `start` to `end`."""
        ...

    async def step(
        self, position: Position, ticks: int, *, symbols: Collection[str] | None = None
    ) -> Position:
        """Return the time `ticks` ticks (of `symbols`) later (negative: earlier)."""
        ...
