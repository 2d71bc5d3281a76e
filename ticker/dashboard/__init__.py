"""The dashboard: a board on a terminal. Importing it loads Textual; no other room does."""

import ticker.dashboard._pace  # noqa: F401  before anything that imports Textual
from ticker.dashboard.app import Dashboard
from ticker.dashboard.control import Controller, Exit
from ticker.dashboard.terminal import TerminalDriver

__all__ = ["Controller", "Dashboard", "Exit", "TerminalDriver"]
