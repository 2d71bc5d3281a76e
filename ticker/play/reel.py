"""The part of a tape that is played: a span, with its first and last moment.

This module knows no backend. Times are µs since the epoch, UTC, by `received`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import msgspec

from ticker.errors import StreamError
from ticker.records import MAX_TIME, Gap
from ticker.streams.protocol import Stream
from ticker.streams.sequence import Key
from ticker.streams.tape import Tape, Timeline
from ticker.units import DAY, MINUTE

SESSION_BREAK: Final = 30 * MINUTE
"""A session begins after this time without a tick (µs)."""


class Span(msgspec.Struct, frozen=True):
    """The part of a stream that is played. Its limits are values of `received` (µs, UTC)."""

    symbols: tuple[str, ...] | None = None
    """`None`: all."""
    since: int | None = None
    """Inclusive; `None`: from the start."""
    until: int | None = None
    """Exclusive; `None`: to the end."""


class NothingToPlay(StreamError):
    """The stream holds no tick in the span that was asked for."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream, "has no tick in this span")


class Reel(msgspec.Struct, frozen=True):
    """A tape that is ready to be played, from `start` to `end`."""

    tape: Tape
    span: Span
    start: int
    """When the first tick of the span is due."""
    end: int
    """When the last tick or gap of the span is due."""
    timeline: Timeline
    """All gaps and facts of the tape."""
    before: Mapping[Key, int]
    """(origin, symbol) → the last sequence before `start`."""

    def gaps_of(self, symbols: Collection[str] | None) -> Sequence[tuple[int, Gap]]:
        """Return the gaps of the span that concern `symbols` (`None`: all), with due times."""
        since = self.span.since or 0
        return [
            (due, gap)
            for due, gap in self.timeline.gaps
            if since <= due <= self.end and gap.concerns(symbols)
        ]


async def load(tape: Tape, span: Span) -> Reel:
    """Make a reel of `span`, a part of `tape`. Raises `NothingToPlay` and `StreamError`."""
    since, until = span.since or 0, MAX_TIME if span.until is None else span.until
    start = await tape.next_tick(since - 1, symbols=span.symbols)
    if start is None or start >= until:
        raise NothingToPlay(tape.url)
    end = await tape.next_tick(until, symbols=span.symbols, forward=False)
    timeline = await tape.timeline()
    dues = [
        due for due, gap in timeline.gaps if start <= due < until and gap.concerns(span.symbols)
    ]
    before = {key: each.first - 1 for key, each in (await tape.digests()).items()}
    known = await tape.last_ticks(start - 1) if span.since is not None else None
    if known is not None:
        before |= {(tick.origin, tick.symbol): tick.sequence for tick in known.ticks}
    return Reel(tape, span, start, max([end or start, *dues]), timeline, before)


def session_start(stream: Stream, last: int, span: Span) -> int:
    """Find where the last session begins: `received` (µs) of the first tick after the last silence.

    `last` is `received` of the last tick (µs, UTC). The last day is searched. If all of it is one
    session, the search goes further back. Synchronous, for a thread.
    """
    back = DAY
    while True:
        since = max(0, last - back)
        begins, before = None, None
        wanted: dict[str, Any] = {"symbols": span.symbols, "since": since, "until": span.until}
        for chunk in stream.columns(**wanted, fields=["received"]):
            for received in chunk["received"]:
                if before is None or received - before >= SESSION_BREAK:
                    begins, is_first = received, before is None
                before = received if before is None else max(before, received)
        if begins is None:
            if since == 0:
                return last
        elif not is_first or since == 0:
            return int(begins)
        back *= 8
