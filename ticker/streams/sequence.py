"""Finds holes and repeats in what a reader gets, per symbol: one rule for every backend.

A stream promises each symbol's ticks as 1, 2, 3 … without a hole. This file checks it:
`SequenceTracker.take` lets each tick through once, drops repeats, and turns every hole into a `Gap`
when it is noticed. The first tick of a symbol sets the start, unless a snapshot (or
`SequenceTracker.skip`) has set it. Pure: no clock, no input or output, no knowledge of what stores
the ticks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from ticker.records import READER, Gap, GapReason, Tick

_TOLD_AHEAD: Final = 1_000
"""The most holes named by the stream's gaps that are remembered per symbol: the newest."""

Key = tuple[str, str]
"""(origin, symbol)."""


class SequenceTracker:
    """What one reader has seen so far. Not safe for several threads at once."""

    def __init__(self, last_seen: Mapping[Key, int] | None = None) -> None:
        self.holes = 0
        """Ticks found missing (ticks, not spans)."""
        self.repeats = 0
        """Ticks that were dropped because they were seen before."""
        self._last: dict[Key, int] = dict(last_seen or {})
        self._told: dict[Key, list[tuple[int, int]]] = {}

    def take(
        self, ticks: Sequence[Tick], gaps: Sequence[Gap] = (), *, to_hole: bool = False
    ) -> tuple[Sequence[Tick], list[Gap], int]:
        """Return the new ticks, a gap for each hole before one of them, and how many are left.

        `gaps` are those that the stream itself holds in the same span. Ticks that they name as
        missing are counted, but get no second gap. If no tick is a repeat, `ticks` itself is
        returned, not a copy.

        `to_hole` stops before a hole that follows a new tick and needs a gap. That gap begins the
        next batch, because the gaps of a batch come before its ticks. The ticks from that hole on
        are left.
        """
        self._note(gaps)
        last = self._last
        repeated: set[int] = set()
        found: list[Gap] = []
        left = 0
        for index, tick in enumerate(ticks):
            key = (tick.origin, tick.symbol)
            sequence = tick.sequence
            before = last.get(key)
            if before is not None and sequence != before + 1:
                if sequence <= before:
                    repeated.add(index)
                    continue
                untold = left_of(before + 1, sequence - 1, self._told.get(key, ()))
                if to_hole and index > len(repeated) and any(untold):
                    left = len(ticks) - index
                    ticks = ticks[:index]
                    break
                found += self._hole(key, before + 1, sequence - 1, tick)
            last[key] = sequence
        if repeated:
            self.repeats += len(repeated)
            ticks = [tick for index, tick in enumerate(ticks) if index not in repeated]
        return ticks, found, left

    def _note(self, gaps: Sequence[Gap]) -> None:
        """Remember which ticks the stream's own `gaps` name as missing."""
        for gap in gaps:
            if gap.symbol is not None and gap.missing is not None:
                key = (gap.origin, gap.symbol)
                spans = [*self._told.get(key, ()), gap.missing]
                # A span up to the last sequence seen cannot be a hole any more.
                passed = self._last.get(key, 0)
                spans = [span for span in spans if span[1] > passed][-_TOLD_AHEAD:]
                self._told[key] = spans

    def last(self, origin: str, symbol: str) -> int | None:
        """Return the last sequence seen, skipped or set by a snapshot; `None` before the first."""
        return self._last.get((origin, symbol))

    def last_seen(self) -> dict[Key, int]:
        """Return (origin, symbol) → the last sequence seen, skipped or set by a snapshot."""
        return dict(self._last)

    def forget(self) -> None:
        """Forget the sequences and the named holes, but keep the counts."""
        self._last.clear()
        self._told.clear()

    def skip(self, origin: str, symbol: str, through: int) -> tuple[int, int] | None:
        """Advance to `through` (inclusive). Return the first and last sequence skipped.

        They count as holes. Returns `None` if nothing was skipped, or no sequence was known before.
        """
        before = self._last.get((origin, symbol))
        if before is not None and before >= through:
            return None
        self._last[origin, symbol] = through
        if before is None:
            return None
        self.holes += through - before
        return before + 1, through

    def _hole(self, key: Key, first: int, last: int, tick: Tick) -> list[Gap]:
        """Make gaps for `first` to `last` (inclusive), except what the stream's gaps name."""
        self.holes += last - first + 1
        told = self._told.pop(key, [])
        # Spans that reach further may cover later holes.
        if later := [span for span in told if span[1] > last]:
            self._told[key] = later
        return [
            missing_ticks(key, missing, received=tick.received, source=tick.source)
            for missing in left_of(first, last, told)
        ]


def missing_ticks(
    key: Key,
    missing: tuple[int, int],
    *,
    received: int,
    source: str = "",
    writer: str = READER,
    reason: GapReason = GapReason.TICKS_MISSING,
) -> Gap:
    """Make the gap for the missing ticks of `key`, first to last sequence (inclusive).

    `received` is when it was noticed (µs, UTC).
    """
    origin, symbol = key
    first, last = missing
    return Gap(
        source=source,
        origin=origin,
        writer=writer,
        received=received,
        reason=reason,
        symbol=symbol,
        first_sequence=first,
        last_sequence=last,
    )


def left_of(first: int, last: int, spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield the parts of `first` to `last` that are in none of `spans`; all inclusive."""
    for told_first, told_last in sorted(spans):
        if told_last < first:
            continue
        if told_first > last:
            break
        if told_first > first:
            yield first, told_first - 1
        first = told_last + 1
    if first <= last:
        yield first, last
