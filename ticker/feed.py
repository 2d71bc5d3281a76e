"""The protocol of what drives a dashboard: a board with a clock and a state; and a player's keys.

Every dashboard uses a `Feed`, live or replayed. A feed that is played from a tape also implements
`PlayerControl`. Protocols and plain values only: nothing here reads, waits or draws.

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
        ...

    @property
    def board(self) -> Board:
        """The rows. The same object for the whole life of the feed."""
        ...

    @property
    def clock(self) -> Callable[[], int]:
        """Now on this feed: the tape's time in a replay, otherwise the wall clock's."""
        ...

    @property
    def wall(self) -> Callable[[], int]:
        """The time of day, whatever is played."""
        ...

    @property
    def elapsed(self) -> Callable[[], int]:
        """µs on a clock that never goes back, which measures durations."""
        ...

    @property
    def tape(self) -> TapeTime | None:
        """The replay that feeds the board; `None` if the stream is live."""
        ...

    @property
    def began(self) -> int:
        """When the feed was made (µs, by `elapsed`)."""
        ...

    @property
    def state(self) -> StreamState:
        """The state of the stream."""
        ...

    @property
    def problem(self) -> str | None:
        """What is wrong with the stream, in a sentence; `None` if all is well."""
        ...

    @property
    def trouble(self) -> str | None:
        """Why the stream is away, in words; `None` if it is read, or was never there."""
        ...

    @property
    def next_try(self) -> int | None:
        """When a stream that is away is tried again; `None` during a try."""
        ...

    @property
    def broken(self) -> int:
        """Unreadable records that were skipped."""
        ...

    @property
    def repeats(self) -> int:
        """Ticks that came again, and were dropped."""
        ...

    @property
    def reconnects(self) -> int:
        """How often the stream was lost and read again."""
        ...

    @property
    def symbols(self) -> Sequence[str] | None:
        """The wanted rows, in their order; `None` for all that the stream holds."""
        ...

    def choose(self, symbols: Sequence[str]) -> None:
        """Show these symbols from now on. What the board lacks of them comes within a second."""
        ...

    def history(self, symbols: Collection[str]) -> AsyncIterator[Batch]:
        """Yield ticks and gaps of `symbols` of the last day, oldest first, up to now on this feed.

        If there are very many, only the last of them come. Raises `StreamError`.
        """
        ...

    async def run(self, on_change: Callable[[], None]) -> None:
        """Feed the board until cancelled; `on_change` is called when it or the state changed.

        It is called in the running event loop and must not raise.
        """
        ...


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
    """A moment of the tape that is worth a visit."""

    time: int
    kind: MarkKind
    text: str
    """What happened, in a few words; empty for a mark of the user. Escape it to show it."""


class PlayerControl(Protocol):
    """The actions of a player's keys.

    Every method returns at once. Its changes are announced like any change of the feed; a seek is
    done when `time` says so. A method that refuses returns the reason as a sentence (`None`: done).
    """

    @property
    def start(self) -> int:
        """When what is played begins."""
        ...

    @property
    def end(self) -> int:
        """When what is played ends: its last record is due then."""
        ...

    @property
    def time(self) -> int:
        """The time on the tape, from `start` to `end`; during a seek, its target."""
        ...

    @property
    def speed(self) -> float:
        """The wanted speed, in recorded seconds per second; `MAX_SPEED` is 0."""
        ...

    @property
    def reached(self) -> float | None:
        """The speed measured over the last second; `None` if paused or not known yet."""
        ...

    @property
    def is_paused(self) -> bool:
        """Whether the user paused the tape."""
        ...

    @property
    def has_ended(self) -> bool:
        """Whether the tape is at its end. `toggle` then plays it from the start."""
        ...

    @property
    def loop_from(self) -> int | None:
        """Where the section to repeat begins; `None` if nothing loops."""
        ...

    @property
    def loop_to(self) -> int | None:
        """Where the section to repeat ends; `None` while only its beginning is set."""
        ...

    @property
    def marks(self) -> Sequence[Mark]:
        """All marks known so far, in order of time. More may come in the first seconds."""
        ...

    @property
    def seeks(self) -> int:
        """How many seeks can be undone."""
        ...

    @property
    def to_come(self) -> Collection[str]:
        """The symbols of the tape that have no row yet."""
        ...

    @property
    def met(self) -> Sequence[tuple[int, Told]]:
        """When which alert is met, in order of time, as far as known; see `look_for`."""
        ...

    def look_for(self, alerts: Sequence[Alert]) -> None:
        """Mark where these alerts are met, and no others. They are found within seconds."""
        ...

    def toggle(self) -> None:
        """Pause or continue."""
        ...

    def set_speed(self, speed: float) -> None:
        """Play at `speed`; `MAX_SPEED` is as fast as possible. Does not end a pause."""
        ...

    def slower(self) -> None:
        """Take the next lower of `SPEEDS`; none below the slowest."""
        ...

    def faster(self) -> None:
        """Take the next higher of `SPEEDS`; none above max."""
        ...

    def seek(self, time: int) -> None:
        """Go to `time`, limited to what is played.

        Every row then shows what was last known there.
        """
        ...

    def step(self, symbols: Sequence[str], *, forward: bool, on_none: Callable[[], None]) -> None:
        """Go to the next (or previous) tick of one of `symbols`, and pause there.

        Without such a tick it stays, and calls `on_none`.
        """
        ...

    def undo(self) -> None:
        """Go back to where the last seek began. A second call goes to the one before."""
        ...

    def mark(self) -> Mark:
        """Set a mark of the user here, or remove the one that is here. Returns that mark."""
        ...

    def next_mark(self) -> Mark | None:
        """Go to the next mark and return it; `None` if there is none."""
        ...

    def previous_mark(self) -> Mark | None:
        """Go to the previous mark and return it; `None` if there is none.

        A mark less than a second behind a running tape is skipped.
        """
        ...

    def cycle_loop(self) -> None:
        """Set the start of a loop here, then its end here, then remove the loop."""
        ...

    def hand_over(self) -> str | None:
        """Go to live: follow the stream that the tape was taken from, if it still grows.

        Returns why not, in a sentence. Afterwards the feed is live: `tape` is `None`.
        """
        ...
