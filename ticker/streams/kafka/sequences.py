"""What a writer knows of its log, and what it lets through: the sequence check. Pure.

Ticks that are there already are told from those that continue and those that do not; gaps that are
there are dropped, quotes that are older too. A quote goes out at most once a second for each origin
and symbol; a later one waits for the first append after that second. No input or output, no clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from ticker.errors import InvalidRecord, MixedPrices, SequenceConflict
from ticker.records import Gap, Quote, Tick
from ticker.streams.order import Key

QUOTE_EVERY: Final = 0.95
"""Seconds between two quotes of one origin and symbol: a second, less what a poll may be early."""

_GAPS_REMEMBERED: Final = 100_000


class Sorted(msgspec.Struct):
    """The ticks of one call, judged."""

    fresh: Sequence[Tick]
    heads: dict[Key, int]
    """The last sequences, once `fresh` is written."""
    repeats: list[Tick]


class Sequences:
    """The state of one log as its writer knows it."""

    def __init__(self, url: str, origin: str) -> None:
        self.origin = origin
        self.last: dict[Key, int] = {}
        self.simulated: bool | None = None
        self._url = url
        self._gaps: dict[Gap, None] = {}
        self._quoted: dict[Key, tuple[int, int]] = {}  # sequence and time of the last one
        self._sent: dict[Key, float] = {}  # when that was (s, monotonic)
        self._waiting: dict[Key, Quote] = {}

    def sort(self, ticks: Sequence[Tick], gaps: Sequence[Gap]) -> Sorted:
        """Raises `SequenceConflict` for ticks that do not continue, and `MixedPrices`."""
        known = self.last
        simulated = self.simulated
        heads: dict[Key, int] = {}
        repeats: list[Tick] = []
        wrong: dict[Key, int] = {}
        told = _missing(gaps)
        for tick in ticks:
            if tick.simulated is not simulated:
                simulated = self._kind(tick)
            key = (tick.origin, tick.symbol)
            sequence = tick.sequence
            last = heads.get(key)
            if last is None:
                last = known.get(key, 0)
            if sequence == last + 1:
                heads[key] = sequence
            elif sequence <= last:
                repeats.append(tick)
            elif key[0] != self.origin and (not last or (key, last + 1, sequence - 1) in told):
                # Another log's ticks may begin in the middle, and go on after a gap that is told.
                # Our own are numbered here: nothing can be missing before it was made.
                heads[key] = sequence
            else:
                wrong.setdefault(key, last + 1)
        if wrong:
            raise SequenceConflict(self._url, wrong)
        if repeats:
            wrong = self._twice(repeats, ticks)
            if wrong:
                raise SequenceConflict(self._url, wrong)
            again = {id(tick) for tick in repeats}
            ticks = [tick for tick in ticks if id(tick) not in again]
            repeats = [t for t in repeats if t.sequence <= known.get((t.origin, t.symbol), 0)]
        return Sorted(ticks, heads, repeats)

    def differing(self, repeats: Iterable[Tick], there: Mapping[tuple[Key, int], Tick]) -> None:
        """Raises `SequenceConflict` where the log gave a repeat's number to another tick.

        What is not `there` (retention deleted it) passes for the same.
        """
        wrong: dict[Key, int] = {}
        for tick in repeats:
            key = (tick.origin, tick.symbol)
            other = there.get((key, tick.sequence))
            if other is not None and (other.time, other.received, other.price) != (
                tick.time,
                tick.received,
                tick.price,
            ):
                wrong[key] = self.last[key] + 1
        if wrong:
            raise SequenceConflict(self._url, wrong)

    def saw(self, records: Iterable[Tick | Quote]) -> None:
        """Records that lie in the log: whoever wrote them."""
        for record in records:
            key = (record.origin or "", record.symbol)
            if (record.sequence or 0) > self.last.get(key, 0):
                self.last[key] = record.sequence or 0
            self.simulated = record.simulated if self.simulated is None else self.simulated
            if isinstance(record, Quote):
                self._quoted[key] = (record.sequence or 0, record.time)

    def new_gaps(self, gaps: Iterable[Gap]) -> list[Gap]:
        """Those that are not there yet."""
        return [gap for gap in dict.fromkeys(gaps) if gap not in self._gaps]

    def saw_gaps(self, gaps: Iterable[Gap]) -> None:
        """Gaps that lie in the log."""
        self._gaps |= dict.fromkeys(gaps)
        while len(self._gaps) > _GAPS_REMEMBERED:
            del self._gaps[next(iter(self._gaps))]

    def offer(self, quotes: Sequence[Quote], heads: Mapping[Key, int]) -> None:
        """Let these wait, in place of older ones; `heads` are the last sequences of their call.

        Raises `InvalidRecord`, `MixedPrices`, `SequenceConflict`, and takes none then.
        """
        ahead: dict[Key, int] = {}
        for quote in quotes:
            if quote.origin is None or quote.sequence is None:
                raise InvalidRecord("origin", f"a quote of {quote.symbol} is not numbered yet")
            self._kind(quote)
            key = (quote.origin, quote.symbol)
            last = heads.get(key) or self.last.get(key, 0)
            # Another log's quote may come before its ticks; one of ours would leave a hole.
            if quote.origin == self.origin and quote.sequence > last:
                ahead[key] = last + 1
        if ahead:
            raise SequenceConflict(self._url, ahead)
        for quote in quotes:
            key = (quote.origin or "", quote.symbol)
            other = self._waiting.get(key)
            newest = (other.sequence or 0, other.time) if other else self._quoted.get(key, (0, 0))
            if (quote.sequence or 0, quote.time) >= newest:
                self._waiting[key] = quote

    def due(self, now: float | None) -> list[Quote]:
        """The quotes to send at `now` (s, monotonic); `None`: all that wait."""
        return [
            quote
            for key, quote in self._waiting.items()
            if now is None or now - self._sent.get(key, -QUOTE_EVERY) >= QUOTE_EVERY
        ]

    def sent(self, quotes: Iterable[Quote], now: float) -> None:
        """These lie in the log now."""
        for quote in quotes:
            key = (quote.origin or "", quote.symbol)
            self._quoted[key] = (quote.sequence or 0, quote.time)
            self._sent[key] = now
            if self._waiting.get(key) is quote:
                del self._waiting[key]

    def _kind(self, price: Tick | Quote) -> bool:
        """Real or invented: the first price decides for the log, the others must agree."""
        if self.simulated is None:
            self.simulated = price.simulated
        elif self.simulated != price.simulated:
            raise MixedPrices(self._url, price.symbol, log_is_simulated=self.simulated)
        return price.simulated

    def _twice(self, repeats: Iterable[Tick], ticks: Sequence[Tick]) -> dict[Key, int]:
        """Of ticks that came twice in this very call: whose number two different ones have."""
        firsts = {(t.origin, t.symbol, t.sequence): t for t in reversed(ticks)}
        wrong: dict[Key, int] = {}
        for tick in repeats:
            key = (tick.origin, tick.symbol)
            if tick.sequence > self.last.get(key, 0) and firsts[*key, tick.sequence] != tick:
                wrong[key] = self.last.get(key, 0) + 1
        return wrong


def _missing(gaps: Iterable[Gap]) -> set[tuple[Key, int, int]]:
    """What `gaps` say is missing: of whom, the first and the last sequence (inclusive)."""
    return {
        ((gap.origin, gap.symbol), gap.first_sequence, gap.last_sequence)
        for gap in gaps
        if gap.symbol is not None and gap.first_sequence and gap.last_sequence
    }
