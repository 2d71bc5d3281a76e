"""What the dashboard asks of its caller, and what it tells at its end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ticker.board import Sort
from ticker.board.alerts import Alert, Told
from ticker.board.columns import Column
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


class Preferences(Protocol):
    """What the user's configuration says to a dashboard."""

    @property
    def shown(self) -> str:
        """The watchlist whose symbols are the rows; empty: they are no watchlist's."""
        ...

    @property
    def symbols(self) -> Sequence[str]:
        """Those of the watchlist that is shown."""
        ...

    @property
    def watchlists(self) -> Mapping[str, Sequence[str]]:
        """Name → symbols."""
        ...

    @property
    def columns(self) -> Mapping[str, Sequence[Column]]:
        """List → its columns; `default` is for all others."""
        ...

    @property
    def sort(self) -> Sort | None:
        """The order of the rows; `None`: that of the list."""
        ...

    def reload(self) -> str | None:
        """Take in what changed. Returns what to tell of that; `None` if nothing did."""
        ...

    def save_watchlist(self, name: str, symbols: Sequence[str]) -> str:
        """Keep the watchlist. Returns what to tell of that. Raises `ConfigError`."""
        ...

    def save_columns(self, name: str, columns: Sequence[Column]) -> str:
        """Keep the columns of a list, in the same way."""
        ...


@dataclass(slots=True)
class NoPreferences:
    """Those of a dashboard without a configuration."""

    watchlists: Mapping[str, Sequence[str]] = field(default_factory=dict)
    columns: Mapping[str, Sequence[Column]] = field(default_factory=dict)
    sort: Sort | None = None
    shown: str = ""
    symbols: Sequence[str] = ()

    def reload(self) -> str | None:
        """Nothing changes."""
        return None

    def save_watchlist(self, name: str, symbols: Sequence[str]) -> str:
        """Nothing is kept."""
        return f"There is no configuration to keep {name} with its {len(symbols)} symbols in"

    def save_columns(self, name: str, columns: Sequence[Column]) -> str:
        """Nothing is kept."""
        return f"There is no configuration to keep {len(columns)} columns of {name} in"
