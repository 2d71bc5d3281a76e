"""The page of alerts: the state of each, and the past ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType

from ticker.board.alert_rules import Alert
from ticker.dashboard.alerts import ScreenAlerts
from ticker.dashboard.page import ListPage
from ticker.dashboard.palette import Palette


class AlertsPage(ListPage):
    """The page, refreshed each second. Its result is true if the user wants to add an alert."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("w", "keep", show=False),
        Binding("minus,delete", "remove", show=False),
        Binding("a,plus", "dismiss(True)", show=False),
        Binding("A", "dismiss", show=False),
    ]
    WIDTH = 100
    KEYS = "a add  - remove  w save  esc back"
    ABOVE = 1

    def __init__(self, alerts: ScreenAlerts, palette: Palette) -> None:
        super().__init__(palette)
        self._alerts = alerts
        self._said = ""

    def on_mount(self) -> None:
        """Show the alerts, and refresh them each second."""
        super().on_mount()
        self.set_interval(1.0, self.draw)

    @property
    def count(self) -> int:
        """Return the number of alerts."""
        return len(self._alerts.control.alerts)

    def draw(self) -> None:
        """Draw the alerts and the past ones."""
        palette = self.palette
        text = Text("Alerts\n", style=f"bold {palette.accent}")
        lines = self._alerts.lines()
        self.at = max(0, min(self.at, len(lines) - 1))
        wide = max((len(name) for name, _ in lines), default=0)
        for at, (name, standing) in enumerate(lines):
            ground = self.ground(at)
            text.append(f"  {name:<{wide}}  ", style=f"bold {palette.text}{ground}")
            text.append(f"{standing}\n", style=f"{palette.dim}{ground}")
        if not lines:
            text.append("  none. a adds one, such as AAPL > 250\n", style=palette.text)
        text.append("Past alerts\n", style=f"bold {palette.accent}")
        for time, words in self._alerts.told_lines() or [("", "nothing yet")]:
            text.append(f"  {time}  ".replace("    ", "  "), style=palette.dim)
            text.append(f"{words}\n", style=palette.text)
        text.append(self._said, style=palette.warning)
        self.text.update(text)

    def action_keep(self) -> None:
        """Save the alert under the cursor in the configuration."""
        self._change(self._alerts.keep)

    def action_remove(self) -> None:
        """Remove the alert under the cursor."""
        self._change(self._alerts.remove)

    def _change(self, change: Callable[[Alert], str]) -> None:
        if self.count:
            self._said = change(self._alerts.control.alerts[self.at])
            self.draw()
