"""What every source of quotes promises."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Protocol, Self

import msgspec

from ticker.errors import RateLimited, SourceError
from ticker.records import Found, MinuteBars, Quote
from ticker.sources.budget import Budget


class Answer(msgspec.Struct, frozen=True):
    """What a source said when it was asked for some symbols."""

    quotes: Sequence[Quote]
    """Of each symbol that has a usable price; not numbered (no `origin`, no `sequence`).

    One each, of a source that is asked; of one that sends by itself, several in their order."""
    refused: Mapping[str, str]
    """Every other symbol that was asked → why it has no quote, in words for a user."""
    asked: int
    """When the request was sent (µs, UTC)."""
    received: int
    """When the answer was complete (µs, UTC)."""
    requests: int = 1
    """How many requests it took."""
    failures: Mapping[str, SourceError] = {}
    """Of `refused`, those whose request failed, or was not sent because another one failed → how.

    Nothing is known about them. Of the others, the source said that it has no price."""
    cut: str | None = None
    """Why the source could not send for a while before this, in words; absent: it could."""
    cut_since: int | None = None
    """Since when it could not, if that is before the last answer (µs, UTC)."""
    problem: str | None = None
    """What is wrong with the source all the same, in words that follow its name."""

    @property
    def rate_limited(self) -> RateLimited | None:
        """How the source asks us to slow down, if it does."""
        return next((e for e in self.failures.values() if isinstance(e, RateLimited)), None)


class Source(Protocol):
    """Where quotes come from, when asked. Raises `SourceError` only (and its kinds).

    An async context manager: leaving it closes the source.
    """

    name: str
    """As the records call it: `yahoo`, `exchange`, …"""
    url: str
    """As a user may see it."""
    every: int
    """The time between polls when nobody wishes another (µs)."""
    every_closed: int
    """The same while every symbol is closed (µs)."""
    budget: Budget
    """Which counts the requests that a poll takes; the source notes them itself."""
    batch: int
    """Symbols that one request can ask for."""

    async def quotes(self, symbols: Sequence[str]) -> Answer:
        """Ask for all of `symbols`; each is in `quotes` or in `refused`, never in both.

        Never blocks the event loop. Cancelling it returns at once. Where it takes several requests,
        each has its own fate: what was answered is kept, the rest is in `Answer.failures`. Raises
        `RateLimited`, `SourceUnreachable`, or `SourceError` only if no request was answered.
        """
        ...

    def listen(self, wake: Callable[[], object]) -> None:  # noqa: ARG002 - for those that send
        """Have `wake` called whenever the source has something to say without being asked.

        It may be quotes, which `take` gives, or that it was cut off, which `quotes` tells.
        """
        return

    def take(self) -> Sequence[Quote]:
        """The quotes that came by themselves since the last `take` or `quotes`, in their order."""
        return ()

    async def close(self) -> None:
        """Let go of connections and threads, without waiting for an answer under way."""
        ...

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()


class SearchableSource(Source, Protocol):
    """A source that also finds symbols by words, and knows the minutes of a day."""

    async def search(self, words: str, most: int = 10) -> Sequence[Found]:
        """What it finds, at most so many, the likeliest first. Raises `SourceError`."""
        ...

    async def bars(self, symbol: str) -> MinuteBars:
        """The minutes of its last trading day up to now. Raises `SourceError`."""
        ...
