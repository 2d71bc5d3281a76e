"""One line on standard error that says how a long command is doing."""

from __future__ import annotations

import logging
import os
import shutil
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from ticker.cli.standard import is_dumb
from ticker.encoding import SUBSTITUTE
from ticker.escape import escape
from ticker.system_clock import now
from ticker.units import MINUTE

_log: Final = logging.getLogger(__name__)
_REWRITE_EVERY: Final = 0.1
"""Between two writes to a terminal (s)."""
_LAST_WORD: Final = 0.5
"""How long the last line may take to be written (s)."""


class Line:
    """Rewritten on a terminal; elsewhere a log line at each change of state, and each minute."""

    def __init__(self, *, quiet: bool) -> None:
        self.plain = not _rewrites() and not quiet
        self._quiet = quiet
        self._key = ""
        self._shown_at = 0
        self._newest = Newest(_write, _REWRITE_EVERY)

    def show(self, words: str, key: str, shorter: Sequence[str] = ()) -> None:
        """Tell `words`, which may come from outside; another `key` makes them worth a log line.

        Where they do not fit the terminal, the first of the `shorter` ones that does, or as much of
        the last as there is room for.
        """
        if self._quiet:
            return
        if not self.plain:
            # All of it is handed on: what came last may be the last for hours, and must show.
            columns = shutil.get_terminal_size().columns - 1
            forms = [escape(form, 1_000) for form in (words, *shorter)]
            fitting = next((form for form in forms if len(form) <= columns), forms[-1])
            self._newest.put("\r\x1b[2K" + fitting[:columns])
        elif key != self._key or now() - self._shown_at >= MINUTE:
            self._key, self._shown_at = key, now()
            _log.info("%s", words)

    def end(self, words: str, *, always: bool = False) -> None:
        """A last line, which stays; `always`: even where quiet is wished."""
        if self.plain:
            _log.info("%s", words)
        elif always or not self._quiet:
            clear = "\r\x1b[2K" if _rewrites() else ""
            self._newest.put(clear + escape(words, 1_000) + "\n")
            self._newest.drain(_LAST_WORD)

    def clear(self) -> None:
        """Take the line away, so that other words can follow."""
        if not self.plain and not self._quiet:
            self._newest.put("\r\x1b[2K")
            self._newest.drain(_LAST_WORD)


def _rewrites() -> bool:
    """Whether standard error is a terminal on which a line can be written again."""
    return sys.stderr.isatty() and not is_dumb()


class Newest:
    """Writes to standard error from a daemon thread, and only what is newest.

    Between two writes it rests for `pause` seconds. A terminal that was told to wait (Ctrl-S) holds
    up this thread, and neither polls nor the end.
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
        """Write it soon, unless something newer comes before."""
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
    # Not through Python's buffer: a thread stuck in it would hold its lock, and the end with it.
    with suppress(OSError):
        os.write(2, text.encode(sys.stderr.encoding, SUBSTITUTE))
