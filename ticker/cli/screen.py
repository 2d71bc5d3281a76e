"""Shows the dashboard of `watch`, `run`, `demo` or `replay` until it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ticker.cli.failing import DONE, HUNG_UP, INTERRUPTED

if TYPE_CHECKING:
    from ticker.dashboard import Dashboard


class Screen:
    """Shows one dashboard. It can be ended even before the dashboard appears."""

    def __init__(self) -> None:
        self.dashboard: Dashboard | None = None
        self._is_left = False

    async def show(self, dashboard: Dashboard) -> int:
        """Show `dashboard` until the user leaves it. Returns the exit code."""
        self.dashboard = dashboard
        if self._is_left:  # ended while it was still loading
            self.leave()
        left = await dashboard.show()
        self.dashboard = None
        if left.hung_up:
            return HUNG_UP
        return INTERRUPTED if left.interrupted else DONE

    def leave(self) -> None:
        """End the dashboard, now or as soon as it appears."""
        self._is_left = True
        if self.dashboard is not None:
            self.dashboard.action_leave()
