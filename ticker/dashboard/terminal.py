"""Textual's driver, for a terminal that may go away.

Textual's writer dies of a terminal that was closed, and the next frame then waits for it for ever,
with the event loop. Here what cannot be written is dropped and the dashboard is told, so that it
ends. A character that the terminal's character set does not have is no lost terminal: a similar one
is written. Frames go to standard output, which is what commands check to be a terminal.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TextIO, cast

from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

from ticker.encoding import SUBSTITUTE

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
        self._file = cast("Any", _Forgiving(cast("TextIO", sys.__stdout__), app))

    def run_input_thread(self) -> None:
        """Read keys until the end; bytes that are no UTF-8 are dropped."""
        while True:
            try:
                super().run_input_thread()
            except UnicodeDecodeError:
                continue
            except OSError:
                self._app.post_message(HungUp())
            return


class _Forgiving:
    """Standard output that swallows what cannot be written, and says so once."""

    def __init__(self, file: TextIO, app: App[Any]) -> None:
        self._file = file
        self._app = app
        self._is_lost = False

    def write(self, text: str) -> None:
        if not self._is_lost:
            try:
                self._write(text)
            except (OSError, ValueError):
                self._lose()

    def _write(self, text: str) -> None:
        try:
            self._file.write(text)
        except UnicodeEncodeError:
            charset = self._file.encoding
            self._file.write(text.encode(charset, SUBSTITUTE).decode(charset))

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
