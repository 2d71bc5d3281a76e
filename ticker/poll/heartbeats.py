"""A poller's heartbeats: the name of the writer, and when they are written.

There is one heartbeat for each poll, and one for each interval without a poll. There is at most one
a second, unless the state or the symbols change. This module only decides; it writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import Final

from ticker.records import Heartbeat
from ticker.sources.protocol import Source
from ticker.units import SECOND

BEAT_EVERY: Final = SECOND
"""The shortest time between two heartbeats (µs), unless the state or the symbols change."""


def writer_name(host: str, source: Source, symbols: Iterable[str]) -> str:
    """Return the id under which a poller writes heartbeats and gaps.

    It is made from the machine, the source and the symbols. So it stays the same after a restart,
    without a file or a lock. Two pollers that are the same in all three share one name: an answer
    of one counts for both, and a gap is written only if neither polled.
    """
    words = "\0".join((host, source.url, *sorted(symbols)))
    return f"{source.name}-{blake2b(words.encode(), digest_size=4).hexdigest()}"


class HeartbeatPace:
    """Decides when one poller's heartbeats are due. Times are elapsed µs, except `received`."""

    def __init__(self) -> None:
        self.newest: Heartbeat | None = None
        """The last heartbeat, written or not; `None` before the first is written."""
        self._last: Heartbeat | None = None
        self._at = 0

    def note(self, beat: Heartbeat, now: int, *, is_written: bool) -> None:
        """Note `beat`, and whether it was written. That of an answer is written if it was due."""
        self.newest = beat
        if is_written:
            self._last, self._at = beat, now

    def is_due(self, beat: Heartbeat, now: int) -> bool:
        """Tell whether `beat`, the heartbeat of an answer, must be written with it."""
        last = self._last
        return (
            last is None
            or (beat.state, beat.symbols) != (last.state, last.symbols)
            or beat.interval >= BEAT_EVERY
            or now - self._at >= BEAT_EVERY
        )

    def next_due(self, every: int) -> int | None:
        """Return when a heartbeat is due if no answer comes; `None` before the first."""
        if self._last is None:
            return None
        # If polls are fast, leave time for one more answer. An earlier repeat would postpone the
        # heartbeat of that answer each time.
        return self._at + (every if every >= BEAT_EVERY else BEAT_EVERY + every)
