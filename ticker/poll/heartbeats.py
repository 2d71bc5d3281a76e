"""A poller's signs of life: under which name they come, and how often.

It promises one for each poll, but at most one a second unless the state or the symbols change, and
one for each interval in which nothing is asked. It writes nothing.
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
"""Heartbeats come at most so often (µs), unless the state or the symbols change."""


def writer_name(host: str, source: Source, symbols: Iterable[str]) -> str:
    """The id under which a poller writes heartbeats and gaps: the same after each restart.

    It follows from the machine, the source and the symbols, so no file or lock is needed. Two
    pollers that agree in all three do the same work under one name: either's answers count for
    both, and a gap is written only where neither looked.
    """
    words = "\0".join((host, source.url, *sorted(symbols)))
    return f"{source.name}-{blake2b(words.encode(), digest_size=4).hexdigest()}"


class HeartbeatPace:
    """The heartbeats of one poller so far. All times but `received` are elapsed µs."""

    def __init__(self) -> None:
        self._last: Heartbeat | None = None
        self._newest: Heartbeat | None = None
        self._at = 0

    def __bool__(self) -> bool:
        """True once there was any."""
        return self._last is not None

    @property
    def newest(self) -> Heartbeat | None:
        """What is known last, written or not; `None` before the first."""
        return self._newest

    def note(self, beat: Heartbeat, now: int) -> None:
        """`beat` is the last one written."""
        self._last = self._newest = beat
        self._at = now

    def hear(self, beat: Heartbeat) -> None:
        """`beat` is what an answer says for which none was due."""
        self._newest = beat

    def is_due(self, beat: Heartbeat, now: int) -> bool:
        """Whether `beat` is to be written with an answer."""
        last = self._last
        return (
            last is None
            or (beat.state, beat.symbols) != (last.state, last.symbols)
            or beat.interval >= BEAT_EVERY
            or now - self._at >= BEAT_EVERY
        )

    def next_due(self, every: int) -> int | None:
        """When something is to be said again if no answer comes; `None` before the first."""
        if self._last is None:
            return None
        # Beyond the first answer that brings one: what is said again would be in its way for ever.
        return self._at + (every if every >= BEAT_EVERY else BEAT_EVERY + every)

    def again(self, received: int) -> Heartbeat:
        """What is known now, written again at `received` (µs, UTC)."""
        assert self._newest is not None, "nothing was said yet"  # noqa: S101  (a mistake of ours)
        return msgspec.structs.replace(self._newest, received=received)
