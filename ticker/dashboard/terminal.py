"""Textual's driver, for a terminal that may go away.

When a terminal is closed, Textual's writer thread dies, and the next frame blocks the event loop
forever. Here, output that cannot be written is dropped, and the dashboard gets a message so that
it ends. A character outside the terminal's character set is replaced by a similar one. Frames go to
standard output, because commands check whether that is a terminal.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, TextIO, cast

from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

from ticker.escape import escape
from ticker.missing_characters import SUBSTITUTE

if TYPE_CHECKING:
    from textual.app import App


_MOST: Final = 200
"""The most characters of a notification."""


class HungUp(Message, bubble=False):
    """The terminal was closed, so nothing can be shown any more."""


class TerminalDriver(LinuxDriver):
    """A `LinuxDriver` that posts `HungUp` to its app when the terminal was closed."""

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
        """Read keys until the end. Bytes that are not UTF-8 are dropped."""
        while True:
            try:
                super().run_input_thread()
            except UnicodeDecodeError:
                continue
            except OSError:
                self._app.post_message(HungUp())
            return


def notification(words: str, environ: Mapping[str, str]) -> str:
    """Return the bell and OSC 9 with `words`, which may come from outside.

    tmux passes it on to its terminal, if `allow-passthrough` is on. The Linux console gets the bell
    alone, because it would print the text.
    """
    if environ.get("TERM") == "linux":
        return "\a"
    told = f"\x1b]9;ticker: {escape(words, _MOST)}\a"
    if "TMUX" in environ:
        told = "\x1bPtmux;" + told.replace("\x1b", "\x1b\x1b") + "\x1b\\"
    return f"\a{told}"


class _Forgiving:
    """Standard output that drops what cannot be written, and reports that once."""

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
        self._app.post_message(HungUp())  # thread-safe: this runs in the writer's thread
