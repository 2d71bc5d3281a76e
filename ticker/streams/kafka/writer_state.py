"""The state of a writer: what its log holds, and which quotes wait. Pure.

`Sequences` separates ticks that continue the log, repeats, and ticks that leave a hole. It drops
gaps that the log has. `WaitingQuotes` sends a quote at most once a second for each origin and
symbol. A later one waits until that second is over, or until many ticks were written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from ticker.records import Batch, Gap, Quote, Tick
from ticker.streams.append_check import check_append, check_simulated
from ticker.streams.sequence import Key

QUOTE_EVERY: Final = 0.95
"""Seconds between two quotes of one origin and symbol: a little less than a second, because a poll
may be early."""

WAITING_TICKS: Final = 2_500
"""If more ticks than this are written while a quote waits, all quotes are due. A late reader looks
back further than this plus one append."""

_GAPS_REMEMBERED: Final = 100_000


class Sequences:
    """What a log holds, as far as a writer must know. After a failure, it is read again."""

    def __init__(self, url: str) -> None:
        self.last: dict[Key, int] = {}
        self.simulated: bool | None = None
        self._url = url
        self._gaps: dict[Gap, None] = {}

    def check(self, batch: Batch) -> tuple[Sequence[Tick], dict[Key, int]]:
        """Check an append before any of it is written: see `check_append`.

        Raises `SequenceConflict` for ticks that do not continue the log, `MixedPrices`, and
        `InvalidRecord` for ticks or quotes that are not numbered.
        """
        check_simulated(self._url, self.simulated, batch.ticks, batch.quotes)
        return check_append(self._url, batch, self.last)

    def saw(self, records: Iterable[Tick | Quote]) -> None:
        """Note ticks or quotes of any writer that are in the log.

        The first price decides whether the log's prices are invented.
        """
        for record in records:
            key = (record.origin or "", record.symbol)
            if (record.sequence or 0) > self.last.get(key, 0):
                self.last[key] = record.sequence or 0
            self.simulated = record.simulated if self.simulated is None else self.simulated

    def new_gaps(self, gaps: Iterable[Gap]) -> list[Gap]:
        """Return the gaps that are not in the log yet, each once."""
        return [gap for gap in dict.fromkeys(gaps) if gap not in self._gaps]

    def saw_gaps(self, gaps: Iterable[Gap]) -> None:
        """Note gaps that are in the log."""
        self._gaps |= dict.fromkeys(gaps)
        while len(self._gaps) > _GAPS_REMEMBERED:
            del self._gaps[next(iter(self._gaps))]

    def wrote(self, batch: Batch, heads: Mapping[Key, int]) -> None:
        """Note that the ticks of `batch` were written; `heads` are the last of their keys."""
        self.last.update(heads)
        self.simulated = check_simulated(self._url, self.simulated, batch.ticks[:1], batch.quotes)


class WaitingQuotes:
    """The quotes that wait. They outlive a failure, because their ticks were acknowledged."""

    def __init__(self) -> None:
        self._newest: dict[Key, tuple[int, int]] = {}  # the version last stored or offered
        self._sent: dict[Key, float] = {}  # when we sent the last one (s, monotonic)
        self._waiting: dict[Key, Quote] = {}
        self._written = 0  # ticks written since a quote waits

    def begin(
        self, stored: Iterable[Quote], lagging: Iterable[Quote], last: Mapping[Key, int]
    ) -> None:
        """Begin with a log that was read: it holds the quotes `stored`, and ticks up to `last`.

        The quotes `lagging` wait, and those that waited before, unless the log lost their ticks.
        """
        before, self._waiting = self._waiting, {}
        self._newest = {quote.key: quote.version for quote in stored}
        self.offer(lagging)
        self.offer(q for q in before.values() if (q.sequence or 0) <= last.get(q.key, 0))

    def offer(self, quotes: Iterable[Quote], ticks: int = 0) -> None:
        """Let quotes wait, in place of older ones. The log must hold their ticks already.

        `ticks` is the number of ticks just written.
        """
        for quote in quotes:
            if quote.version >= self._newest.get(quote.key, (0, 0)):
                self._newest[quote.key] = quote.version
                self._waiting[quote.key] = quote
        if self._waiting:
            self._written += ticks

    def due(self, now: float | None) -> list[Quote]:
        """Return the quotes to send at `now` (s, monotonic; `None`: all that wait)."""
        if self._written > WAITING_TICKS:
            now = None
        return [
            quote
            for key, quote in self._waiting.items()
            if now is None or now - self._sent.get(key, -QUOTE_EVERY) >= QUOTE_EVERY
        ]

    def sent(self, quotes: Iterable[Quote], now: float) -> None:
        """Note that these quotes were sent at `now` (s, monotonic)."""
        for quote in quotes:
            self._sent[quote.key] = now
            if self._waiting.get(quote.key) is quote:
                del self._waiting[quote.key]
        if not self._waiting:
            self._written = 0
