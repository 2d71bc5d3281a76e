"""What every source of quotes promises."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, Self

import msgspec

from ticker.errors import RateLimited, SourceError
from ticker.records import Found, MinuteBars, Quote
from ticker.sources.budget import Budget


class Answer(msgspec.Struct, frozen=True):
    """A source's answer to one request for quotes."""

    quotes: Sequence[Quote]
    """The quotes of all symbols with a usable price; not numbered (no `origin`, no `sequence`).

    A polled source returns one for each symbol. A live source may return several, in order.
    """
    refused: Mapping[str, str]
    """Every other symbol that was asked for → why it has no quote, in words for a user."""
    failures: Mapping[str, SourceError] = {}
    """Symbols in `refused` → the error of their request, or the error that prevented it.

    Nothing is known about these symbols. For the other refused symbols, the source has no price.
    """
    cut: str | None = None
    """Why the source stopped sending before this answer, in words; `None` if it did not."""
    cut_since: int | None = None
    """When it stopped, if that may be before the last answer (µs, UTC)."""
    problem: str | None = None
    """What is wrong although it answered: words that follow the source's name in a sentence."""

    @property
    def rate_limited(self) -> RateLimited | None:
        """Return the source's request to slow down, if there is one."""
        return next((e for e in self.failures.values() if isinstance(e, RateLimited)), None)


class Source(Protocol):
    """A place that quotes come from. Its failures are `SourceError` and its subclasses only.

    An async context manager: leaving it closes the source.
    """

    name: str
    """Its name in the records: `yahoo`, `exchange`, …"""
    url: str
    """Its URL for users, without secrets."""
    every: int
    """The default time between polls (µs)."""
    every_closed: int
    """The same while every symbol is closed (µs)."""
    budget: Budget
    """Limits the number of requests. The source itself counts its requests in it."""
    batch: int
    """The number of symbols that one request can ask for."""

    async def quotes(self, symbols: Sequence[str]) -> Answer:
        """Ask for all of `symbols`; each is in `quotes` or in `refused`, never in both.

        Never blocks the event loop. Cancelling it returns at once. If it takes several requests and
        some fail, the answers of the others are kept, and `Answer.failures` has the errors. Raises
        `RateLimited`, `SourceUnreachable`, or `SourceError` only if no request was answered.
        """
        ...

    def listen(self, wake: Callable[[], object]) -> None:  # noqa: ARG002 - for those that send
        """Call `wake` whenever the source has news that was not asked for.

        The news may be quotes, which `take` returns, or a lost connection, which `quotes` reports.
        """
        return

    def take(self) -> Sequence[Quote]:
        """Return the quotes that came without being asked for since the last `take` or `quotes`."""
        return ()

    async def close(self) -> None:
        """Close connections and threads, without waiting for a pending answer."""
        ...

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class SearchableSource(Source, Protocol):
    """A source that can also search symbols and return minute bars."""

    async def search(self, words: str, most: int = 10) -> Sequence[Found]:
        """Return at most `most` results for `words`, best first. Raises `SourceError`."""
        ...

    async def bars(self, symbol: str) -> MinuteBars:
        """Return the minute bars of the last trading day up to now. Raises `SourceError`."""
        ...
