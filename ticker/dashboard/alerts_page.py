"""The page of alerts: the state of each, and the past ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from ticker.dashboard.alerts import ScreenAlerts
from ticker.dashboard.palette import Palette


class AlertsPage(ModalScreen[bool]):
    """The page, refreshed each second. Its result: whether the user wants to type another alert."""

    DEFAULT_CSS = """
    AlertsPage { align: center middle; }
    AlertsPage > VerticalScroll { width: 100; max-width: 100%; height: auto; max-height: 100%;
        padding: 0 2; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "go(-1)", show=False, priority=True),
        Binding("down,j", "go(1)", show=False, priority=True),
        Binding("w", "keep", show=False),
        Binding("minus,delete", "remove", show=False),
        Binding("a,plus", "dismiss(True)", show=False),
        Binding("A,q,escape,enter", "dismiss(False)", show=False),
    ]

    def __init__(self, alerts: ScreenAlerts, palette: Palette) -> None:
        super().__init__()
        self._alerts = alerts
        self._palette = palette
        self._at = 0
        self._said = ""
        self._list = Static()

    def compose(self) -> ComposeResult:
        """One page."""
        page = VerticalScroll(self._list)
        page.styles.background = self._palette.raised
        page.can_focus = True
        yield page

    def on_mount(self) -> None:
        """Show the alerts, and refresh them each second."""
        self._draw()
        self.set_interval(1.0, self._draw)

    def _draw(self) -> None:
        palette = self._palette
        text = Text("Alerts\n", style=f"bold {palette.accent}")
        lines = self._alerts.lines()
        self._at = max(0, min(self._at, len(lines) - 1))
        wide = max((len(name) for name, _ in lines), default=0)
        for at, (name, standing) in enumerate(lines):
            ground = f" on {palette.chosen}" if at == self._at else ""
            text.append(f"  {name:<{wide}}  ", style=f"bold {palette.text}{ground}")
            text.append(f"{standing}\n", style=f"{palette.dim}{ground}")
        if not lines:
            text.append("  none. a adds one, such as AAPL > 250\n", style=palette.text)
        text.append("Told\n", style=f"bold {palette.accent}")
        for time, words in self._alerts.told_lines() or [("", "nothing yet")]:
            text.append(f"  {time}  ".replace("    ", "  "), style=palette.dim)
            text.append(f"{words}\n", style=palette.text)
        if self._said:
            text.append(f"{self._said}\n", style=palette.warning)
        keys = "a add, - remove, w keep it in the configuration, esc"
        text.append(keys, style=palette.dim)
        self._list.update(text)

    def action_go(self, lines: int) -> None:
        """Move the cursor up or down."""
        self._at += lines
        self._draw()

    def action_keep(self) -> None:
        """Save the alert under the cursor in the configuration."""
        self._change(lambda alerts, at: alerts.keep(alerts.control.alerts[at]))

    def action_remove(self) -> None:
        """Remove the alert under the cursor."""
        self._change(lambda alerts, at: alerts.remove(alerts.control.alerts[at]))

    def _change(self, change: Callable[[ScreenAlerts, int], str]) -> None:
        if self._alerts.control.alerts:
            self._said = change(self._alerts, self._at)
            self._draw()
