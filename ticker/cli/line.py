"""One line on standard error that says how a long command is doing."""

from __future__ import annotations

import logging
import shutil
import sys
from typing import Final

from ticker.cli.settings import now
from ticker.escape import escape
from ticker.times import MINUTE, SECOND

_log: Final = logging.getLogger(__name__)
_REWRITE_EVERY: Final = SECOND // 10


class Line:
    """Rewritten on a terminal; elsewhere a log line at each change of state, and each minute."""

    def __init__(self, *, quiet: bool) -> None:
        self.plain = not sys.stderr.isatty() and not quiet
        self._quiet = quiet
        self._key = ""
        self._shown_at = 0

    def show(self, words: str, key: str) -> None:
        """Tell `words`, which may come from outside; another `key` makes them worth a log line."""
        if self._quiet:
            return
        pause = MINUTE if self.plain else _REWRITE_EVERY
        if key == self._key and now() - self._shown_at < pause:
            return
        self._key, self._shown_at = key, now()
        if self.plain:
            _log.info("%s", words)
        else:
            columns = shutil.get_terminal_size().columns - 1
            self._write("\r\x1b[2K" + escape(words, 1_000)[:columns])

    def end(self, words: str, *, always: bool = False) -> None:
        """A last line, which stays; `always`: even where quiet is wished."""
        if self.plain:
            _log.info("%s", words)
        elif always or not self._quiet:
            clear = "\r\x1b[2K" if sys.stderr.isatty() else ""
            self._write(clear + escape(words, 1_000) + "\n")

    @staticmethod
    def _write(text: str) -> None:
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except OSError:
            pass  # the terminal has gone; the hang-up that follows ends us
