"""The dashboard: a board on a terminal. Importing it loads Textual; nothing else of ticker does."""

from ticker.dashboard.app import Controller, Dashboard, Exit

__all__ = ["Controller", "Dashboard", "Exit"]
