"""The known quotes and refusals of a live source, and a queue of new quotes.

If the queue grows too long, it keeps only the latest quote of each symbol and counts the others as
skipped. This module knows no socket and no clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from ticker.records import Quote
from ticker.sources.pricing import Message, merged, updated
from ticker.sources.protocol import Answer

_WAITING: Final = 10_000
"""The longest queue. In a longer one, only the latest quote of each symbol is kept."""


class KnownQuotes:
    """The quotes of one source."""

    def __init__(self) -> None:
        self.quotes: dict[str, Quote] = {}
        self.refused: dict[str, str] = {}
        """Symbol → why it has no quote. A symbol in `quotes` is never here."""
        self._waiting: list[Quote] = []
        self._skipped = 0

    def __bool__(self) -> bool:
        return bool(self.quotes)

    def unknown(self, symbols: Iterable[str]) -> list[str]:
        """Return those of `symbols` that have neither a quote nor a refusal."""
        return [s for s in symbols if s not in self.quotes and s not in self.refused]

    def apply_message(self, message: Message, received: int) -> bool:
        """Apply a message that came at `received` (µs, UTC). Return whether it updated a quote."""
        known = self.quotes.get(message.id)
        quote = None if known is None else updated(known, message, received=received)
        if quote is not None:
            self.put(quote)
        return quote is not None

    def apply_poll(self, answer: Answer) -> bool:
        """Apply the answer to a poll. Return whether a known price moved."""
        moved = False
        for polled in answer.quotes:
            known = self.quotes.get(polled.symbol)
            quote = polled if known is None else merged(known, polled)
            if quote != known:
                self.put(quote)
            moved = moved or (known is not None and quote.price != known.price)
            self.refused.pop(polled.symbol, None)
        self.refuse(answer.refused)
        return moved

    def refuse(self, refused: Mapping[str, str]) -> None:
        """Note why these symbols have no quote. Symbols with a known quote are ignored."""
        self.refused |= {s: why for s, why in refused.items() if s not in self.quotes}

    def forget(self, symbols: Iterable[str]) -> None:
        """Forget these symbols. They become unknown, so they must be polled again."""
        for symbol in symbols:
            self.quotes.pop(symbol, None)
            self.refused.pop(symbol, None)

    def put(self, quote: Quote) -> None:
        """Keep a new quote, and queue it."""
        self.quotes[quote.symbol] = quote
        self._waiting.append(quote)
        if len(self._waiting) > _WAITING:
            latest = {each.symbol: each for each in self._waiting}
            self._skipped += len(self._waiting) - len(latest)
            self._waiting = [*latest.values()]

    def take(self) -> Sequence[Quote]:
        """Return the queued quotes in order, and empty the queue."""
        waiting, self._waiting = self._waiting, []
        return waiting

    def take_skipped(self) -> int:
        """Return how many quotes were skipped since the last call."""
        skipped, self._skipped = self._skipped, 0
        return skipped

    def all_of(self, symbols: Sequence[str]) -> list[Quote]:
        """Empty the queue, and return the quotes of `symbols`.

        Queued ones come first, in order; then the known quote of each symbol without a queued one.
        Queued quotes of other symbols are dropped.
        """
        there = set(symbols)
        taken = [quote for quote in self.take() if quote.symbol in there]
        told = {quote.symbol for quote in taken}
        return [*taken, *(self.quotes[s] for s in symbols if s in self.quotes and s not in told)]
