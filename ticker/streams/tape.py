"""What a tape promises: a stream that can be read from any moment. Recordings are tapes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import msgspec

from ticker.records import Batch, Gap, Position
from ticker.streams.facts import Facts
from ticker.streams.protocol import Stream

if TYPE_CHECKING:  # it loads numpy, and commands are to start fast
    from ticker.streams.digest import Digest


class Timeline(msgspec.Struct, frozen=True):
    """What a tape holds beside its ticks, each with the time when it is due (µs, UTC), in order."""

    gaps: Sequence[tuple[int, Gap]] = ()
    facts: Sequence[tuple[int, Facts]] = ()


class Move(msgspec.Struct, frozen=True):
    """A large change of a price within a short time."""

    time: int
    """When it began (µs, UTC)."""
    symbol: str
    percent: float


class SessionChange(msgspec.Struct, frozen=True):
    """The trading session of some symbols became another one."""

    time: int
    """When the first of its ticks was due (µs, UTC)."""
    session: str
    symbols: tuple[str, ...]


class Tape(Stream, Protocol):
    """A stream with random access: a recording. Its ticks come in order of time.

    A tick is due when the running maximum of `received` reaches it: where the clock of the machine
    that recorded was set back, the tape goes on at once. Times are µs since the epoch, UTC.
    """

    async def digests(self) -> Mapping[tuple[str, str], Digest]:
        """Return (origin, symbol) → count and hash of its ticks, as its maker wrote them down.

        Their `received` is 0: it was not written down.
        """
        ...

    async def snapshot_at(self, position: Position) -> Batch:
        """As it was known then, with nothing of what came after."""
        ...

    async def last_ticks(self, time: int) -> Batch:
        """Return the last tick of each (origin, symbol) of those due by `time`.

        `read` of the batch's position goes on with the first tick that is due later.
        """
        ...

    async def next_tick(
        self, time: int, *, symbols: Collection[str] | None = None, forward: bool = True
    ) -> int | None:
        """Return when the next tick (of `symbols`) after `time` is due; `None` if there is none.

        Not `forward`: the last one before `time`.
        """
        ...

    async def timeline(self) -> Timeline:
        """Return all gaps and standing facts."""
        ...

    async def index(self) -> None:
        """Learn where the ticks of each symbol lie, so that looking for them is quick from now on.

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
        """`ticks` ticks (of `symbols`) later (negative: earlier), not beyond either end."""
        ...
