"""What the dashboard needs from its caller, and what it returns at its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ticker.board import Sort
from ticker.board.columns import Column
from ticker.records import Found, MinuteBars


class Controller(Protocol):
    """The dashboard's own poller: changes what is polled, and answers questions.

    A plain `watch` has none, so it has no minute bars and no search.
    """

    def add(self, symbols: Sequence[str]) -> None:
        """Start polling these."""

    def remove(self, symbols: Sequence[str]) -> None:
        """Stop polling these."""

    async def bars(self, symbol: str) -> MinuteBars:
        """Return the minute bars of the last trading day of `symbol`. Raises `Unanswered`."""

    async def search(self, words: str) -> Sequence[Found]:
        """Search the source for `words`; the best match is first. Raises `Unanswered`."""


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

    @property
    def symbols(self) -> Sequence[str]:
        """Return the symbols of the watchlists that are shown."""

    @property
    def watchlists(self) -> Mapping[str, Sequence[str]]:
        """Return name → symbols."""

    @property
    def columns(self) -> Mapping[str, Sequence[Column]]:
        """Return list → its columns; `default` is for all others."""

    @property
    def sort(self) -> Sort | None:
        """Return the order of the rows; `None`: the order of the list."""

    def reload(self) -> str | None:
        """Read the changes. Returns a notice, or `None` if nothing changed."""

    def save_watchlist(self, name: str, symbols: Sequence[str]) -> str:
        """Save the watchlist. Returns a notice. Raises `ConfigError`."""

    def save_columns(self, name: str, columns: Sequence[Column]) -> str:
        """Save the columns of a list. Returns a notice. Raises `ConfigError`."""


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
