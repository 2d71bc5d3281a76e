"""The status line of a long command, on standard error."""

from __future__ import annotations

import logging
import os
import shutil
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from ticker.cli.standard_streams import is_dumb
from ticker.escape import escape
from ticker.missing_characters import SUBSTITUTE
from ticker.system_clock import now
from ticker.units import MINUTE

_log: Final = logging.getLogger(__name__)
CLEAR: Final = "\r\x1b[2K"
"""Clears the line of a terminal and goes to its beginning."""
_REWRITE_EVERY: Final = 0.1
"""The time between two writes to a terminal (s)."""
_LAST_WORD: Final = 0.5
"""The time limit for writing the last line (s)."""


class StatusLine:
    """Rewrites its line on a terminal. Elsewhere it logs each change of state, and each minute."""

    def __init__(self, *, quiet: bool) -> None:
        self.plain = not can_rewrite() and not quiet
        self._quiet = quiet
        self._key = ""
        self._shown_at = 0
        self._newest = Newest(_write, _REWRITE_EVERY)

    def show(self, words: str, key: str, shorter: Sequence[str] = ()) -> None:
        """Show `words`, which may come from outside.

        On a terminal too narrow for them, show the first of `shorter` that fits, or else the
        beginning of the last one. Elsewhere, log them if `key` is new or a minute has passed.
        """
        if self._quiet:
            return
        if not self.plain:
            # Every line is passed on, because each may be the last one for hours.
            columns = shutil.get_terminal_size().columns - 1
            forms = [escape(form, 1_000) for form in (words, *shorter)]
            fitting = next((form for form in forms if len(form) <= columns), forms[-1])
            self._newest.put(CLEAR + fitting[:columns])
        elif key != self._key or now() - self._shown_at >= MINUTE:
            self._key, self._shown_at = key, now()
            _log.info("%s", words)

    def end(self, words: str, *, always: bool = False) -> None:
        """Write a last line, which stays; `always`: even with `--quiet`."""
        if self.plain:
            _log.info("%s", words)
        elif always or not self._quiet:
            clear = CLEAR if can_rewrite() else ""
            self._newest.put(clear + escape(words, 1_000) + "\n")
            self._newest.drain(_LAST_WORD)

    def clear(self) -> None:
        """Remove the line, so that other words can follow."""
        if not self.plain and not self._quiet:
            self._newest.put(CLEAR)
            self._newest.drain(_LAST_WORD)


def can_rewrite() -> bool:
    """Tell whether standard error is a terminal on which a line can be rewritten."""
    return sys.stderr.isatty() and not is_dumb()


class Newest:
    """Writes the newest line to standard error, in a daemon thread.

    It waits `pause` seconds between two writes. A stopped terminal (Ctrl-S) blocks only this
    thread, not the polls and not the end.
    """

    def __init__(self, write: Callable[[str], None], pause: float = 0.0) -> None:
        self._write = write
        self._pause = pause
        self._news = threading.Condition()
        self._text: str | None = None
        self._writing = False
        self._hurry = False
        self._thread: threading.Thread | None = None

    def put(self, text: str) -> None:
        """Write `text` soon, unless a newer line comes first."""
        with self._news:
            self._text = text
            self._news.notify_all()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="status", daemon=True)
                self._thread.start()

    def drain(self, within: float) -> None:
        """Wait until all is written, at most `within` seconds."""
        with self._news:
            self._hurry = True
            self._news.notify_all()
            self._news.wait_for(lambda: self._text is None and not self._writing, within)
            self._hurry = False

    def _run(self) -> None:
        while True:
            with self._news:
                self._news.wait_for(lambda: self._text is not None)
                text, self._text, self._writing = self._text or "", None, True
            self._write(text)
            with self._news:
                self._writing = False
                self._news.notify_all()
                self._news.wait_for(lambda: self._hurry, self._pause)


def _write(text: str) -> None:
    # Do not use Python's buffer: a stuck thread would hold its lock, and Python could not exit.
    with suppress(OSError):
        os.write(2, text.encode(sys.stderr.encoding, SUBSTITUTE))
