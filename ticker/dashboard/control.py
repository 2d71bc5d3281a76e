"""What the dashboard asks of its caller, and what it tells at its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ticker.records import Found, MinuteBars


class Controller(Protocol):
    """The dashboard's own poller: changes what is polled, and answers questions.

    A plain `watch` has none: the keys for it are not there, nor are minute bars and a search.
    """

    async def add(self, symbols: Sequence[str]) -> None:
        """Poll these too."""
        ...

    async def remove(self, symbols: Sequence[str]) -> None:
        """Poll these no more."""
        ...

    async def bars(self, symbol: str) -> MinuteBars:
        """The minutes of the last trading day of `symbol`. Raises `Unanswered`."""
        ...

    async def search(self, words: str) -> Sequence[Found]:
        """What the source finds for `words`, the likeliest first. Raises `Unanswered`."""
        ...


@dataclass(frozen=True, slots=True)
class Exit:
    """How the dashboard ended."""

    ticks: int
    """Received while it ran."""
    interrupted: bool = False
    """By Ctrl-C rather than `q`."""
    hung_up: bool = False
    """The terminal was closed."""
