"""Decides what of a batch the destination lacks, and which gaps it needs. Pure.

Ticks that the destination has are dropped. If sequences are missing after its last tick, a gap
record of exactly these is added: a log refuses ticks that do not continue its sequences. Records
of the destination's own origin are not sent back, and records that come back are not sent again. So
two logs may forward to each other.
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
"""How many delivered heartbeats are remembered per writer: more than arrive a second time."""


class Filter:
    """What one relay knows of its destination. `name` is the writer of the gaps found here."""

    def __init__(self, name: str) -> None:
        self.repeats = 0
        """Ticks that the destination had already."""
        self.sent: dict[Key, int] = {}
        """(origin, symbol) → the first sequence delivered."""
        self.behind: dict[Key, int] = {}
        """(origin, symbol) → the destination's last sequence, if the last `fresh` found a hole
        after it without a gap record."""
        self.name = name
        self._own = ""
        self._whole = False
        self._last: dict[Key, int] = {}
        # What was delivered since `restart_counting`: the version of the last quote of each symbol,
        # and `received` of the last heartbeats of each writer. One is not enough: a writer's clock
        # may be set back, so `received` does not order its heartbeats.
        self._quoted: dict[Key, tuple[int, int, int]] = {}
        self._beaten: defaultdict[tuple[str, str], deque[int]] = defaultdict(
            partial(deque, maxlen=_REMEMBERED)
        )

    def begin(self, own: str, last: Mapping[Key, int], *, whole: bool) -> None:
        """Set what the destination holds. Call this after a connection, and after a conflict.

        `own` is its id: the origin of the ticks that it numbers itself, if any. `last` is (origin,
        symbol) → its last sequence. `whole`: all of the source was sent to it.
        """
        self._own = own
        self._whole = whole
        self._last = dict(last)

    def restart_counting(self) -> None:
        """Forget which quotes and heartbeats were delivered: see `unseen`."""
        self._quoted.clear()
        self._beaten.clear()

    def fresh(self, batch: Batch) -> Batch:
        """Return the part of `batch` to append. Append it in one call."""
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
            # The span must match: a log refuses the tick if the gap covers only part of the hole.
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
        """Find where the destination lacks ticks, judged by the quotes of the source's `snapshot`.

        Returns (origin, symbol) → the destination's last sequence. Ticks that were delivered since
        the snapshot are not lacking. Ticks of the destination's own origin do not count.
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

        The backlog held none of them, and the destination may lack them. The batch gets `position`;
        `None`: that of the snapshot.
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
    """Return `Quote.version` and `received`: of equal versions, the one received later is newer."""
    return *quote.version, quote.received
