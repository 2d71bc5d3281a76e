"""What the dashboard asks of its caller, and what it tells at its end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ticker.board.alerts import Alert, Told
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


class AlertControl(Protocol):
    """Alerts: what is looked for, and what was told."""

    on_told: Callable[[Told], None]
    """Called with each alert that is met."""
    on_word: Callable[[str], None]
    """Called with a sentence on what went wrong with a command."""
    runs: bool
    """Whether the commands of alerts are run."""

    @property
    def told(self) -> Sequence[Told]:
        """What was told, the oldest first."""
        ...

    @property
    def alerts(self) -> Sequence[Alert]:
        """What is looked for."""
        ...

    def is_armed(self, alert: Alert) -> bool | None:
        """Whether its next crossing is told; `None` before the first value."""
        ...

    def is_kept(self, alert: Alert) -> bool:
        """Whether it stands in the configuration."""
        ...

    def command(self, alert: Alert) -> Sequence[str]:
        """What it runs; empty where that is nothing."""
        ...

    def add(self, text: str) -> tuple[Alert, bool]:
        """Look for this one too; False where it is met already. Raises `UsageError`."""
        ...

    def remove(self, alert: Alert) -> None:
        """Look for it no more."""
        ...

    def keep(self, alert: Alert) -> Path:
        """Write it into the configuration file, and return where that is. Raises `ConfigError`."""
        ...

    def tell(self, told: Told) -> None:
        """Take it for met: it is listed, told and run."""
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
