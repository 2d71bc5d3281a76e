"""What a dashboard shows: a `Feed`, which is a board with a clock and a state.

A feed follows a live stream, or plays a tape, which has marks. This module has
only a protocol and plain values. It does not read, wait or draw.

All times are µs since the epoch, UTC, unless a line says otherwise.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from ticker.board import Board
from ticker.health import StreamState
from ticker.records import Batch
from ticker.stream_clock import TapeTime
from ticker.streams.protocol import ReadStats


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
        """Why the stream is away, in words; `None` if it can be read, or never existed."""

    @property
    def next_try(self) -> int | None:
        """When a stream that is away is tried again; `None` during a try."""

    def read_stats(self) -> ReadStats:
        """The counts and the problem of the stream's reader."""

    @property
    def reconnects(self) -> int:
        """How often the stream was lost and read again."""

    @property
    def symbols(self) -> Sequence[str] | None:
        """The symbols that have rows, in their order; `None`: all symbols of the stream."""

    def choose(self, symbols: Sequence[str]) -> None:
        """Show these symbols from now on. New ones are read within a second."""

    def history(self, symbols: Collection[str]) -> AsyncGenerator[Batch, None]:
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
    """A time without prices begins or ends, or ticks are missing."""
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
