"""What the dashboard needs from its caller, and what it returns at its end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ticker.board import Sort
from ticker.board.alert_rules import Alert, Told
from ticker.board.columns import Column
from ticker.records import Found, MinuteBars


class Controller(Protocol):
    """The dashboard's own poller: changes what is polled, and answers questions.

    A plain `watch` has none, so it has no minute bars and no search.
    """

    def add(self, symbols: Sequence[str]) -> None:
        """Start polling these."""
        ...

    def remove(self, symbols: Sequence[str]) -> None:
        """Stop polling these."""
        ...

    async def bars(self, symbol: str) -> MinuteBars:
        """Return the minute bars of the last trading day of `symbol`. Raises `Unanswered`."""
        ...

    async def search(self, words: str) -> Sequence[Found]:
        """Search the source for `words`; the best match is first. Raises `Unanswered`."""
        ...


class AlertControl(Protocol):
    """The alerts that are watched for, and the past ones."""

    on_told: Callable[[Told], None]
    """It is called with each alert that is met."""
    on_word: Callable[[str], None]
    """It is called with a sentence when a command fails."""
    runs: bool
    """Whether the commands of alerts are run."""

    @property
    def told(self) -> Sequence[Told]:
        """Return the past alerts, oldest first."""
        ...

    @property
    def alerts(self) -> Sequence[Alert]:
        """Return the alerts that are watched for."""
        ...

    def is_armed(self, alert: Alert) -> bool | None:
        """Tell whether the next crossing is reported; `None` before the first value."""
        ...

    def is_kept(self, alert: Alert) -> bool:
        """Tell whether it is in the configuration."""
        ...

    def command(self, alert: Alert) -> Sequence[str]:
        """Return the command that it runs; empty if there is none."""
        ...

    def add(self, text: str) -> tuple[Alert, bool]:
        """Add the alert `text`. Returns it, and False if it is met already. Raises `UsageError`."""
        ...

    def remove(self, alert: Alert) -> None:
        """Remove the alert."""
        ...

    def keep(self, alert: Alert) -> Path:
        """Write it into the configuration file, and return that path. Raises `ConfigError`."""
        ...

    def tell(self, told: Told) -> None:
        """Treat it as met: list it, report it, and run its command."""
        ...


@dataclass(frozen=True, slots=True)
class Exit:
    """How the dashboard ended."""

    interrupted: bool = False
    """Whether the user pressed Ctrl-C or Ctrl-Q, not `q`."""
    hung_up: bool = False
    """Whether the terminal was closed."""


class Preferences(Protocol):
    """The user's configuration of a dashboard."""

    @property
    def shown(self) -> str:
        """Return the watchlist that is shown; empty if there is none, or more than one."""
        ...

    @property
    def symbols(self) -> Sequence[str]:
        """Return the symbols of the watchlists that are shown."""
        ...

    @property
    def watchlists(self) -> Mapping[str, Sequence[str]]:
        """Return name → symbols."""
        ...

    @property
    def columns(self) -> Mapping[str, Sequence[Column]]:
        """Return list → its columns; `default` is for all others."""
        ...

    @property
    def sort(self) -> Sort | None:
        """Return the order of the rows; `None`: the order of the list."""
        ...

    def reload(self) -> str | None:
        """Read the changes. Returns a notice, or `None` if nothing changed."""
        ...

    def save_watchlist(self, name: str, symbols: Sequence[str]) -> str:
        """Save the watchlist. Returns a notice. Raises `ConfigError`."""
        ...

    def save_columns(self, name: str, columns: Sequence[Column]) -> str:
        """Save the columns of a list. Returns a notice. Raises `ConfigError`."""
        ...


@dataclass(slots=True)
class NoPreferences:
    """The preferences of a dashboard without a configuration."""

    watchlists: Mapping[str, Sequence[str]] = field(default_factory=dict)
    columns: Mapping[str, Sequence[Column]] = field(default_factory=dict)
    sort: Sort | None = None
    shown: str = ""
    symbols: Sequence[str] = ()

    def reload(self) -> str | None:
        """Return `None`: nothing changes."""
        return None

    def save_watchlist(self, name: str, symbols: Sequence[str]) -> str:
        """Say that nothing is saved."""
        return f"There is no configuration to save the {len(symbols)} symbols of {name} in"

    def save_columns(self, name: str, columns: Sequence[Column]) -> str:
        """Say that nothing is saved."""
        return f"There is no configuration to save the {len(columns)} columns of {name} in"
