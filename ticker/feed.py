"""The protocols between a dashboard and what drives it: `Feed` and `PlayerControl`.

Every dashboard uses a `Feed`, live or replayed: a board with a clock and a state. A feed that plays
a tape also implements `PlayerControl`, the actions of the player's keys. Protocols and plain values
only: nothing here reads, waits or draws.

All times are µs since the epoch, UTC, unless a line says otherwise.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from ticker.board import Board
from ticker.board.alert_rules import Alert, Told
from ticker.health import StreamState
from ticker.records import Batch
from ticker.stream_clock import TapeTime

MAX_SPEED: Final = 0.0
"""The speed that means: as fast as possible."""
SPEEDS: Final = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, MAX_SPEED)
"""The speeds that `slower` and `faster` step through, from the slowest to the fastest."""


class Feed(Protocol):
    """Keeps a board up to date with a stream while `run` runs."""

    @property
    def url(self) -> str:
        """The stream's URL, without secrets. Escape it to show it."""

    @property
    def board(self) -> Board:
        """The rows. The same object for the whole life of the feed."""

    @property
    def clock(self) -> Callable[[], int]:
        """Now on this feed: the tape's time in a replay, otherwise the wall clock's."""

    @property
    def wall(self) -> Callable[[], int]:
        """The time of day, even in a replay."""

    @property
    def elapsed(self) -> Callable[[], int]:
        """A clock for durations (µs), which never goes back."""

    @property
    def tape(self) -> TapeTime | None:
        """The replay that feeds the board; `None` if the stream is live."""

    @property
    def began(self) -> int:
        """When the feed was made (µs, by `elapsed`)."""

    @property
    def state(self) -> StreamState:
        """The state of the stream."""

    @property
    def problem(self) -> str | None:
        """What is wrong with the stream, in a sentence; `None` if all is well."""

    @property
    def trouble(self) -> str | None:
        """Why the stream is away, in words; `None` if it can be read, or never existed."""

    @property
    def next_try(self) -> int | None:
        """When a stream that is away is tried again; `None` during a try."""

    @property
    def broken(self) -> int:
        """The number of unreadable records that were skipped."""

    @property
    def repeats(self) -> int:
        """The number of repeated ticks that were dropped."""

    @property
    def reconnects(self) -> int:
        """How often the stream was lost and read again."""

    @property
    def symbols(self) -> Sequence[str] | None:
        """The symbols that have rows, in their order; `None`: all symbols of the stream."""

    def choose(self, symbols: Sequence[str]) -> None:
        """Show these symbols from now on. New ones are read within a second."""

    def history(self, symbols: Collection[str]) -> AsyncIterator[Batch]:
        """Yield ticks and gaps of `symbols` from the last day up to `clock()`, oldest first.

        If there are very many, only the newest come. Raises `StreamError`.
        """

    async def run(self, on_change: Callable[[], None]) -> None:
        """Feed the board until cancelled; `on_change` is called when it or the state changed.

        It is called in the running event loop and must not raise.
        """


class MarkKind(StrEnum):
    """What happened at a mark."""

    GAP = "gap"
    """A span without observation begins or ends, or ticks are missing."""
    SESSION = "session"
    """The trading session changes (`pre`, `regular`, `post`, `closed`)."""
    MOVE = "move"
    """One of the largest moves of a price."""
    ALERT = "alert"
    """An alert is met."""
    OWN = "own mark"
    """Set by the user."""


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """A moment of the tape to which a user can jump."""

    time: int
    kind: MarkKind
    text: str
    """What happened, in a few words; empty for a mark of the user. Escape it to show it."""


class PlayerControl(Protocol):
    """The actions of a player's keys.

    Every method returns at once. `on_change` of the feed then reports each change, and the end of
    a seek.
    """

    @property
    def start(self) -> int:
        """When the played part of the tape begins."""

    @property
    def end(self) -> int:
        """When the played part of the tape ends: its last record is due then."""

    @property
    def time(self) -> int:
        """The time on the tape, from `start` to `end`; during a seek, its target."""

    @property
    def speed(self) -> float:
        """The wanted speed, in recorded seconds per second; `MAX_SPEED` is 0."""

    @property
    def reached(self) -> float | None:
        """The speed measured over the last second; `None` at a standstill, or if not known yet."""

    @property
    def is_paused(self) -> bool:
        """Whether the user paused the tape."""

    @property
    def has_ended(self) -> bool:
        """Whether the tape is at its end. Without a loop, `toggle` then plays it from the start."""

    @property
    def loop_from(self) -> int | None:
        """Where the loop begins; `None` if there is none."""

    @property
    def loop_to(self) -> int | None:
        """Where the loop ends; `None` if there is none, or if only its beginning is set."""

    @property
    def marks(self) -> Sequence[Mark]:
        """All marks known so far, in order of time. More may come in the first seconds."""

    @property
    def seeks(self) -> int:
        """How many seeks can be undone."""

    @property
    def to_come(self) -> Collection[str]:
        """The symbols of the tape that have no row yet."""

    @property
    def met(self) -> Sequence[tuple[int, Told]]:
        """The alerts found so far by `look_for`, each with its time, in order of time."""

    def look_for(self, alerts: Sequence[Alert]) -> None:
        """Mark where `alerts` are met, and drop the marks of an earlier call. May take seconds."""

    def toggle(self) -> None:
        """Pause or continue."""

    def set_speed(self, speed: float) -> None:
        """Play at `speed`; `MAX_SPEED` is as fast as possible. Does not end a pause."""

    def slower(self) -> None:
        """Take the next lower of `SPEEDS`. The slowest stays."""

    def faster(self) -> None:
        """Take the next higher of `SPEEDS`. The fastest stays."""

    def seek(self, time: int) -> None:
        """Go to `time`, or to the nearest time in the played part.

        Each row then shows what was known at that time.
        """

    def step(self, symbols: Sequence[str], *, forward: bool, on_none: Callable[[], None]) -> None:
        """Pause, and go to the next (or previous) tick of one of `symbols`.

        If there is none, stay and call `on_none`.
        """

    def undo(self) -> None:
        """Go back to where the last seek began. A second call undoes the seek before it."""

    def mark(self) -> Mark:
        """Set a mark of the user here, or remove the one that is here. Returns that mark."""

    def next_mark(self) -> Mark | None:
        """Go to the next mark and return it; `None` if there is none."""

    def previous_mark(self) -> Mark | None:
        """Go to the previous mark and return it; `None` if there is none.

        A mark that a running tape passed less than a second ago is skipped.
        """

    def cycle_loop(self) -> None:
        """Set the start of a loop here. The next call sets its end, the third removes the loop."""

    def hand_over(self) -> str | None:
        """Change to live: follow the stream that the tape was taken from.

        Return `None`, or the reason as a sentence if that is not possible.
        """
