"""Decides what of a batch the destination lacks, and which gaps it needs. Pure.

Ticks that the destination has are dropped. Every hole becomes a gap record that names it, because a
log refuses ticks that do not continue. Records that the destination itself numbered are not sent
back, nor is anything that was delivered before, so two logs may forward to each other.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping
from functools import partial
from typing import Final

import msgspec

from ticker.records import READER, Batch, Gap, Position, Quote, Tick
from ticker.streams.sequence import Key, missing_ticks

_REMEMBERED: Final = 64
"""Delivered heartbeats remembered per writer: more than ever come back at once."""


class Filter:
    """What one relay knows of its destination. `name` is the writer of the gaps that it finds."""

    def __init__(self, name: str) -> None:
        self.repeats = 0
        """Ticks that the destination had already."""
        self.sent: dict[Key, int] = {}
        """(origin, symbol) → the first sequence delivered."""
        self.behind: dict[Key, int] = {}
        """(origin, symbol) → the destination's last sequence, if the last `fresh` met an
        unexplained hole after it."""
        self.name = name
        self._own = ""
        self._whole = False
        self._last: dict[Key, int] = {}
        # What was delivered since `restart_counting`: the age of the last quote of each symbol, and
        # `received` of the last heartbeats of each writer. Only the log orders these: a writer's
        # clock may be set back.
        self._quoted: dict[Key, tuple[int, int, int]] = {}
        self._beaten: defaultdict[tuple[str, str], deque[int]] = defaultdict(
            partial(deque, maxlen=_REMEMBERED)
        )

    def begin(self, own: str, last: Mapping[Key, int], *, whole: bool) -> None:
        """Set what the destination holds: it was connected, or another writer wrote to it.

        `own`: its id, which is the origin of what it numbered itself, if it numbers. `whole`: it
        was sent all that the source had, not only what came after some time.
        """
        self._own = own
        self._whole = whole
        self._last = dict(last)

    def restart_counting(self) -> None:
        """Start to count which quotes and heartbeats are delivered: see `unseen`."""
        self._quoted.clear()
        self._beaten.clear()

    def fresh(self, batch: Batch) -> Batch:
        """Return the part of `batch` to append, in one call."""
        self.behind = {}
        gaps = [
            msgspec.structs.replace(gap, writer=self.name) if gap.writer == READER else gap
            for gap in batch.gaps
            if gap.origin != self._own
        ]
        told = {
            (gap.origin, gap.symbol, gap.first_sequence, gap.last_sequence)
            for gap in gaps
            if gap.symbol is not None
        }
        heads: dict[Key, int] = {}
        ticks: list[Tick] = []
        for tick in batch.ticks:
            key = (tick.origin, tick.symbol)
            last = heads.get(key) or self._last.get(key, 0)
            if tick.sequence <= last or tick.origin == self._own:
                self.repeats += 1
                continue
            # Exactly this span: the tick is refused if the gap covers only part of the hole.
            span = (*key, last + 1, tick.sequence - 1)
            if tick.sequence > last + 1 and span not in told:
                if last or self._whole:
                    self.behind[key] = last
                if last:
                    gaps.append(self._missing(tick, last))
            heads[key] = tick.sequence
            ticks.append(tick)
        return Batch(
            batch.position,
            ticks=ticks,
            gaps=gaps,
            quotes=[
                quote
                for quote in batch.quotes
                if quote.origin is not None
                and quote.sequence
                and quote.origin != self._own
                and _version(quote) > self._quoted.get((quote.origin, quote.symbol), (0, 0, 0))
            ],
            heartbeats=[
                beat
                for beat in batch.heartbeats
                if beat.origin != self._own and beat.received not in self._beaten.get(beat.key, ())
            ],
        )

    def delivered(self, batch: Batch) -> None:
        """Note that all of `batch`, which `fresh` returned, is durable in the destination."""
        for tick in batch.ticks:
            key = (tick.origin, tick.symbol)
            self._last[key] = tick.sequence
            self.sent.setdefault(key, tick.sequence)
        for quote in batch.quotes:
            self._quoted[quote.key] = _version(quote)
        for beat in batch.heartbeats:
            self._beaten[beat.key].append(beat.received)

    def lacking(self, snapshot: Batch) -> dict[Key, int]:
        """Find where `snapshot`'s quotes show that the destination lacks ticks.

        Returns (origin, symbol) → its last sequence. Only ticks of the source count, and only up to
        what was delivered since.
        """
        keys = {
            quote.key: quote.sequence or 0 for quote in snapshot.quotes if quote.origin != self._own
        }
        return {
            key: last
            for key, sequence in keys.items()
            if (last := self._last.get(key, 0)) < sequence and (last or self._whole)
        }

    def unseen(self, snapshot: Batch, position: Position | None) -> Batch:
        """Return the quotes and heartbeats of `snapshot` not delivered since `restart_counting`.

        Either they have not changed since, or the destination lost them. The batch gets `position`.
        """
        return Batch(
            snapshot.position if position is None else position,
            quotes=[quote for quote in snapshot.quotes if quote.key not in self._quoted],
            heartbeats=[beat for beat in snapshot.heartbeats if beat.key not in self._beaten],
        )

    def _missing(self, tick: Tick, last: int) -> Gap:
        key, missing = (tick.origin, tick.symbol), (last + 1, tick.sequence - 1)
        return missing_ticks(
            key, missing, received=tick.received, source=tick.source, writer=self.name
        )


def _version(quote: Quote) -> tuple[int, int, int]:
    """Return `Quote.version` and then `received`: with equal versions the later one is newer."""
    return *quote.version, quote.received
