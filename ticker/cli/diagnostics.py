"""Writes diagnostics into a file that several processes share. Outside text cannot forge a line.

A message that cannot be written is dropped silently. Otherwise a full disk would cover the screen
with tracebacks of the logging module.
"""

from __future__ import annotations

import contextlib
import copy
import fcntl
import logging
import logging.handlers
import os
import sys
from pathlib import Path
from typing import Final

from ticker.cli.status_line import CLEAR, can_rewrite
from ticker.errors import TickerError
from ticker.escape import escape
from ticker.files import make_state_directory, real_path

_LONGEST: Final = 2_000
_INDENT: Final = "\n    "
_FILE_BYTES: Final = 1_000_000
_FILES_KEPT: Final = 3


def set_up_logging(
    *, quiet: bool = False, verbose: bool = False, plain: bool = False, screen: bool = False
) -> None:
    """Log to standard error, and to a rotated file in the state directory if possible.

    `screen`: a dashboard is shown, so nothing goes to standard error. `quiet`: only errors go
    there. `plain`: there is no terminal, so progress is logged. `verbose`: progress is logged, and
    the file also gets the messages of Kafka's client.
    """
    root = logging.getLogger("ticker")
    root.setLevel(logging.DEBUG)
    # Messages of asyncio (about a forgotten task) are only for the file. Without a handler of its
    # own, asyncio would write them across the screen.
    tasks = logging.getLogger("asyncio")
    # Kafka's client logs several failed attempts a second, and our own errors say enough.
    # The level is never DEBUG, because then it logs what it sends, including passwords.
    client = logging.getLogger("aiokafka")
    client.setLevel(logging.INFO if verbose else logging.CRITICAL)
    for logger in (root, tasks, client):
        logger.propagate = False
        for handler in list(logger.handlers):
            logger.removeHandler(handler)
            handler.close()
    for logger in (tasks, client):
        logger.addHandler(logging.NullHandler())
    verbose = verbose or plain
    if not screen:
        stderr = StandardError(sys.stderr)
        level = logging.ERROR if quiet else logging.INFO if verbose else logging.WARNING
        stderr.setLevel(level)
        stderr.setFormatter(Harmless("%(asctime)s %(message)s", "%H:%M:%S"))
        root.addHandler(stderr)
    try:
        file = SharedFile(real_path(make_state_directory() / "ticker.log"))
    except (TickerError, OSError):
        return  # there is no place for a log file
    file.setLevel(logging.DEBUG if verbose else logging.INFO)
    file.setFormatter(Harmless("%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"))
    for logger in (root, tasks, client):
        logger.addHandler(file)


class Harmless(logging.Formatter):
    """Formats each message as one line. The lines of a traceback are indented."""

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter.format`."""
        told = copy.copy(record)
        # Escape the message first: a line break from outside must not split it.
        told.msg, told.args = escape(record.getMessage(), _LONGEST), None
        told.exc_text = None
        first, *rest = super().format(told).splitlines() or [""]
        return _INDENT.join([first, *(escape(line) for line in rest)])


class SharedFile(logging.handlers.RotatingFileHandler):
    """A rotated file that several processes write. One rotates it, the others open the new one."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            path, maxBytes=_FILE_BYTES, backupCount=_FILES_KEPT, encoding="utf-8", delay=True
        )

    def emit(self, record: logging.LogRecord) -> None:
        """See `logging.Handler.emit`."""
        if self.stream is not None and not self._is_the_file():
            self._let_go()
        super().emit(record)

    def doRollover(self) -> None:  # noqa: N802  (logging's own name)
        """See `RotatingFileHandler.doRollover`."""
        lock = os.open(f"{self.baseFilename}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if self.stream is None or self._is_the_file():
                super().doRollover()
            else:  # another process was faster
                self._let_go()
                self.stream = self._open()
        finally:
            os.close(lock)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  (logging's own name)
        """Drop the message."""

    def _is_the_file(self) -> bool:
        if self.stream is None:
            return False
        try:
            named, ours = Path(self.baseFilename).stat(), os.fstat(self.stream.fileno())
        except (OSError, ValueError):
            return False
        return (named.st_dev, named.st_ino) == (ours.st_dev, ours.st_ino)

    def _let_go(self) -> None:
        stream, self.stream = self.stream, None
        if stream is not None:
            # Closing fails if the rest of the buffer cannot be written.
            with contextlib.suppress(OSError):
                stream.close()


class StandardError(logging.StreamHandler):  # type: ignore[type-arg]  # generic for the type checker only
    """Writes to standard error, and drops messages if that is closed or full."""

    def format(self, record: logging.LogRecord) -> str:
        """Clear the status line first, if there may be one."""
        return (CLEAR if can_rewrite() else "") + super().format(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  (logging's own name)
        """Drop the message."""
