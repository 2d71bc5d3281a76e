"""A poller's heartbeats: the name of the writer, and how often they come.

There is one heartbeat for each poll, and one for each interval without a poll. There is at most one
a second, unless the state or the symbols change. This module writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import Final

import msgspec

from ticker.records import Heartbeat
from ticker.sources.protocol import Source
from ticker.units import SECOND

BEAT_EVERY: Final = SECOND
"""The shortest time between two heartbeats (µs), unless the state or the symbols change."""


def writer_name(host: str, source: Source, symbols: Iterable[str]) -> str:
    """Return the id under which a poller writes heartbeats and gaps.

    It stays the same after a restart. It is made of the machine, the source and the symbols, so no
    file or lock is needed. Two pollers that are the same in all three share one name: an answer of
    one counts for both, and a gap is written only if neither polled.
    """
    words = "\0".join((host, source.url, *sorted(symbols)))
    return f"{source.name}-{blake2b(words.encode(), digest_size=4).hexdigest()}"


class HeartbeatPace:
    """The heartbeats of one poller so far. All times except `received` are by `elapsed` (µs)."""

    def __init__(self) -> None:
        self._last: Heartbeat | None = None
        self._newest: Heartbeat | None = None
        self._at = 0

    def __bool__(self) -> bool:
        """Return whether there was any heartbeat."""
        return self._last is not None

    @property
    def newest(self) -> Heartbeat | None:
        """The last heartbeat, written or not; `None` before the first."""
        return self._newest

    def note(self, beat: Heartbeat, now: int) -> None:
        """Note that `beat` was written."""
        self._last = self._newest = beat
        self._at = now

    def note_unwritten(self, beat: Heartbeat) -> None:
        """Note the heartbeat of an answer that was not due, so it was not written."""
        self._newest = beat

    def is_due(self, beat: Heartbeat, now: int) -> bool:
        """Return whether `beat` must be written with an answer."""
        last = self._last
        return (
            last is None
            or (beat.state, beat.symbols) != (last.state, last.symbols)
            or beat.interval >= BEAT_EVERY
            or now - self._at >= BEAT_EVERY
        )

    def next_due(self, every: int) -> int | None:
        """Return when the next heartbeat is due without an answer; `None` before the first."""
        if self._last is None:
            return None
        # Longer than until the next answer, which brings a heartbeat itself: a repeated one would
        # postpone that every time.
        return self._at + (every if every >= BEAT_EVERY else BEAT_EVERY + every)

    def repeated(self, received: int) -> Heartbeat:
        """Return the last heartbeat with the new time `received` (µs, UTC)."""
        assert self._newest is not None, "nothing was said yet"  # noqa: S101  (a mistake of ours)
        return msgspec.structs.replace(self._newest, received=received)
