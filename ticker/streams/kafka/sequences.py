"""What a writer knows of its log, and what it lets through: the sequence check. Pure.

Ticks that are there already are told from those that continue and those that do not; gaps that are
there are dropped, quotes that are older too. A quote goes out at most once a second for each origin
and symbol; a later one waits for the end of that second, or until many ticks have been written. No
input or output, no clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from ticker.errors import SequenceConflict
from ticker.records import Gap, Quote, Tick
from ticker.streams.appending import CheckedAppend, check_append, check_quotes, check_simulated
from ticker.streams.sequence import Key

QUOTE_EVERY: Final = 0.95
"""Seconds between two quotes of one origin and symbol: a second, less what a poll may be early."""

WAITING_TICKS: Final = 2_500
"""Ticks written while a quote waits, but for one append more: a late reader looks further back."""

_GAPS_REMEMBERED: Final = 100_000


class Sequences:
    """The state of one log as its writer knows it."""

    def __init__(self, url: str) -> None:
        self.last: dict[Key, int] = {}
        self.simulated: bool | None = None
        self._url = url
        self._gaps: dict[Gap, None] = {}
        self._quoted: dict[Key, tuple[int, int]] = {}  # sequence and time of the last one
        self._sent: dict[Key, float] = {}  # when that was (s, monotonic)
        self._waiting: dict[Key, Quote] = {}
        self._written = 0  # ticks, since one of them waits

    def sort(
        self, ticks: Sequence[Tick], gaps: Sequence[Gap], quotes: Sequence[Quote] = ()
    ) -> CheckedAppend:
        """Check what an append brings, before any of it is written.

        Raises `SequenceConflict` for ticks that do not continue, `MixedPrices`, and `InvalidRecord`
        for what is not numbered.
        """
        check_simulated(self._url, self.simulated, ticks, quotes)
        check_quotes(quotes)
        judged = check_append(ticks, gaps, self.last)
        if judged.wrong:
            raise SequenceConflict(self._url, judged.wrong)
        return judged

    def saw(self, records: Iterable[Tick | Quote]) -> None:
        """Note records that lie in the log, of any writer."""
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

    def offer(self, quotes: Iterable[Quote]) -> None:
        """Let these, of which the log holds the ticks, wait in place of older ones."""
        for quote in quotes:
            key = (quote.origin or "", quote.symbol)
            other = self._waiting.get(key)
            newest = (other.sequence or 0, other.time) if other else self._quoted.get(key, (0, 0))
            if (quote.sequence or 0, quote.time) >= newest:
                self._waiting[key] = quote

    def wrote(self, judged: CheckedAppend, ticks: Sequence[Tick], quotes: Sequence[Quote]) -> None:
        """What is fresh of `ticks` lies in the log now, and what they and `quotes` are is settled.

        Not before: the prices of an append that was refused decide nothing.
        """
        self.last.update(judged.heads)
        self.simulated = check_simulated(self._url, self.simulated, ticks[:1], quotes)
        self.offer(quotes)
        if self._waiting:
            self._written += len(judged.fresh)

    def due(self, now: float | None) -> list[Quote]:
        """The quotes to send at `now` (s, monotonic); `None`: all that wait."""
        if self._written > WAITING_TICKS:
            now = None
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
        if not self._waiting:
            self._written = 0
