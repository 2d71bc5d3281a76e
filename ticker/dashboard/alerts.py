"""Alerts on a screen: they ring, highlight their rows, and are listed. Users can add some.

On a live stream they come from the caller's `Alerting`. In a replay they ring when the tape
plays past their marks, but not when a seek jumps over them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ticker.alert_watch import Alerting
from ticker.board.alert_rules import Alert, Told
from ticker.board.alert_words import told_words
from ticker.errors import ConfigError
from ticker.escape import escape
from ticker.feed import Feed
from ticker.times import Zone, clock
from ticker.units import SECOND

if TYPE_CHECKING:
    from ticker.play import Player

LIT: Final = 30 * SECOND
"""How long the row of an alert is highlighted (µs)."""
_SHOWN: Final = 100
"""The most past alerts on the page."""

Line = tuple[str, str]
"""An alert on the page, and its state in words."""


@dataclass(slots=True)
class ScreenAlerts:
    """The alerts of `control` on the screen of `feed`."""

    control: Alerting
    feed: Feed
    player: Player | None
    zone: Zone
    ring: Callable[[str], None]
    """Makes the terminal notify the user."""
    tell: Callable[[str], None]
    """Writes to the status line."""
    on_change: Callable[[], None]
    """Asks for a frame."""
    _lit: dict[str, int] = field(default_factory=dict)
    """Symbol → until when its row is highlighted (µs, by `elapsed`)."""
    _life: int = -1
    _passed: int = 0

    def __post_init__(self) -> None:
        self.control.on_told = self._told
        self.control.on_word = self.tell

    def is_lit(self, symbol: str) -> bool:
        """Tell whether an alert of `symbol` was met a moment ago."""
        return symbol in self._lit

    def look(self) -> None:
        """Report the alerts that the tape passed, and end highlights. Call it with each frame."""
        elapsed = self.feed.elapsed()
        over = [symbol for symbol, end in self._lit.items() if end <= elapsed]
        for symbol in over:
            del self._lit[symbol]
        if over:
            self.feed.board.show_again(over)
            self.on_change()
        if self.player is None or self.feed.tape is None:
            return
        met, lives, time = self.player.met, self.feed.board.lives, self.player.time
        if lives == self._life:  # no seek came between: a seek resets the board
            passed = (
                bisect_right(met, at, key=lambda each: each[0]) for at in (self._passed, time)
            )
            for _, told in met[slice(*passed)]:
                self.control.tell(told)
        self._life, self._passed = lives, time

    def _told(self, told: Told) -> None:
        words = told_words(told, self.feed.clock(), self.zone)
        self._lit[told.alert.symbol] = self.feed.elapsed() + LIT
        self.feed.board.show_again([told.alert.symbol])
        self.tell(words)
        self.ring(words)
        self.on_change()

    def add(self, text: str) -> tuple[str, str | None]:
        """Add the typed alert. Returns a notice, and the alert's symbol if that has no price here.

        Raises `UsageError`.
        """
        alert, is_armed = self.control.add(text)
        self._look_again()
        words = f"Alert {alert.text}. A lists them"
        if not is_armed:
            words = f"{alert.text} is true already. It rings when it becomes true again"
        is_here = self.feed.board.trade(alert.symbol) is not None
        return words, None if is_here else alert.symbol

    def remove(self, alert: Alert) -> str:
        """Remove the alert. Returns a notice."""
        self.control.remove(alert)
        self._look_again()
        stays = ". It is in the configuration, so the next start has it again"
        return f"{alert.text} removed" + (stays if self.control.is_kept(alert) else "")

    def keep(self, alert: Alert) -> str:
        """Write the alert into the configuration. Returns a notice."""
        if self.control.is_kept(alert):
            return f"{alert.text} is in the configuration"
        try:
            return f"{alert.text} is kept in {self.control.keep(alert)}"
        except ConfigError as error:
            return str(error)

    def _look_again(self) -> None:
        if self.player is not None:
            self.player.look_for(self.control.alerts)

    def lines(self) -> list[Line]:
        """Return each alert with its state, in the order of `control.alerts`; escaped."""
        return [(escape(alert.text), self._standing(alert)) for alert in self.control.alerts]

    def _standing(self, alert: Alert) -> str:
        is_armed = self.control.is_armed(alert)
        words = "waits" if is_armed else "true now, rings when true again"
        if self.player is not None and self.feed.tape is not None:
            words = "marked on the bar"
        elif is_armed is None:
            words = "no price yet"
        if command := self.control.command(alert):
            words += f" · runs {escape(command[0], 40)}"
            words += "" if self.control.runs else " with --alerts"
        return words if self.control.is_kept(alert) else f"{words} · not kept"

    def told_lines(self) -> list[Line]:
        """Return the past alerts with their times, newest first; escaped."""
        now, zone = self.feed.clock(), self.zone
        newest = list(self.control.told)[: -_SHOWN - 1 : -1]
        return [
            (clock(each.record.time, zone, now=now), told_words(each, now, zone)) for each in newest
        ]
