"""The time for a reader of a stream: the wall clock's, or the tape's during a replay.

A replay writes heartbeats that give the tape's time and its speed. Between two heartbeats, a clock
that never goes back moves the tape's time on. Pure: both clocks are passed in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ticker.health.states import WriterState
from ticker.health.writers import patience, silence
from ticker.records import Heartbeat


@dataclass(frozen=True, slots=True)
class TapeTime:
    """The time of a replay's tape at its last heartbeat."""

    time: int
    """µs, UTC."""
    speed: float | None
    """Recorded seconds per second; 0: as fast as possible; `None`: paused."""
    heard: int
    """When the heartbeat came (µs, by the reader's own clock)."""
    has_ended: bool
    """Whether the replay said that it is over."""
    patience: int
    """How long the next heartbeat may take (µs)."""

    def at(self, elapsed: int) -> int:
        """Return the tape's time (µs, UTC). It stands still if the next heartbeat is overdue."""
        speed = 0.0 if self.has_ended else self.speed or 0.0
        return self.time + round(min(elapsed - self.heard, self.patience) * speed)

    def is_silent(self, elapsed: int) -> bool:
        """Tell whether the replay died: its next heartbeat is overdue, and no end was announced."""
        return not self.has_ended and elapsed - self.heard > self.patience


class StreamClock:
    """Now (µs, UTC) for a reader of one stream: call it.

    `wall` is the time of day (µs, UTC); `elapsed` is µs on a clock that never goes back.
    """

    def __init__(self, wall: Callable[[], int], elapsed: Callable[[], int]) -> None:
        self.wall = wall
        self._elapsed = elapsed
        self.tape: TapeTime | None = None
        """The replay that fills the stream; `None` while the stream is live."""

    def __call__(self) -> int:
        """Return now (µs, UTC)."""
        return self.wall() if self.tape is None else self.tape.at(self._elapsed())

    @property
    def is_silent(self) -> bool:
        """Tell whether a replay filled the stream, and died."""
        return self.tape is not None and self.tape.is_silent(self._elapsed())

    def take(self, heartbeats: Iterable[Heartbeat], *, read_at: int | None = None) -> None:
        """Update `tape` from heartbeats. They arrived now, or in a snapshot read at `read_at`.

        If a replay was over before the snapshot, the wall clock counts. It also counts when a
        poller writes to the stream after a replay. `read_at` is µs, UTC.
        """
        now = self._elapsed()
        for beat in sorted(heartbeats, key=lambda beat: beat.received):
            if beat.tape_time is None:
                tape = self.tape
                if tape is not None and (tape.has_ended or tape.is_silent(now)):
                    self.tape = None
                continue
            silent = 0 if read_at is None else silence(beat, read_at) or 0
            ended = beat.state == WriterState.STOPPED
            if read_at is not None and (ended or silent > patience(beat)):
                self.tape = None
                continue
            self.tape = TapeTime(beat.tape_time, beat.speed, now - silent, ended, patience(beat))
