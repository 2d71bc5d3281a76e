"""What every source of quotes promises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Protocol, Self

import msgspec

from ticker.records import Quote


class Answer(msgspec.Struct, frozen=True):
    """What a source said when it was asked for some symbols."""

    quotes: Sequence[Quote]
    """One per symbol that has a usable price, not numbered (no `origin`, no `sequence`)."""
    refused: Mapping[str, str]
    """Every other symbol that was asked → why it has no quote, in words for a user."""
    asked: int
    """When the request was sent (µs, UTC)."""
    received: int
    """When the answer was complete (µs, UTC)."""
    requests: int = 1
    """How many requests it took."""


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
    budget: int | None
    """Requests an hour that this source bears; `None`: as many as one likes."""
    batch: int
    """Symbols that one request can ask for."""

    async def quotes(self, symbols: Sequence[str]) -> Answer:
        """Ask for all of `symbols` at once; each is in `quotes` or in `refused`, never in both.

        Never blocks the event loop. Cancelling it returns at once. Raises `RateLimited`,
        `SourceUnreachable`, or `SourceError` for an answer that cannot be read.
        """
        ...

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
