"""What the dashboard asks of its caller, and what it tells at its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


class Controller(Protocol):
    """Who can change what is polled; without one, the keys for it are not there."""

    async def add(self, symbols: Sequence[str]) -> None:
        """Poll these too."""
        ...

    async def remove(self, symbols: Sequence[str]) -> None:
        """Poll these no more."""
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
