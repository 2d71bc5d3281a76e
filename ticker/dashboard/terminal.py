"""Textual's driver, for a terminal that may go away.

Textual's writer dies of a terminal that was closed, and the next frame then waits for it for ever,
with the event loop. Here what cannot be written is dropped and the dashboard is told, so that it
ends. Frames go to standard output, which is what commands check to be a terminal.
"""

from __future__ import annotations

import sys
from typing import IO, TYPE_CHECKING, Any, cast

from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

if TYPE_CHECKING:
    from textual.app import App


class HungUp(Message, bubble=False):
    """The terminal has gone: nothing can be shown any more."""


class TerminalDriver(LinuxDriver):
    """`LinuxDriver` that posts `HungUp` to its app when the terminal takes nothing any more."""

    def __init__(
        self,
        app: App[Any],
        *,
        debug: bool = False,
        mouse: bool = True,
        size: tuple[int, int] | None = None,
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        self._file = cast("Any", _Forgiving(cast("IO[str]", sys.__stdout__), app))


class _Forgiving:
    """Standard output that swallows what cannot be written, and says so once."""

    def __init__(self, file: IO[str], app: App[Any]) -> None:
        self._file = file
        self._app = app
        self._is_lost = False

    def write(self, text: str) -> None:
        if not self._is_lost:
            try:
                self._file.write(text)
            except (OSError, ValueError):
                self._lose()

    def flush(self) -> None:
        if not self._is_lost:
            try:
                self._file.flush()
            except (OSError, ValueError):
                self._lose()

    def fileno(self) -> int:
        return self._file.fileno()

    def isatty(self) -> bool:
        return self._file.isatty()

    def _lose(self) -> None:
        self._is_lost = True
        self._app.post_message(HungUp())  # from the writer's thread: this is safe there
