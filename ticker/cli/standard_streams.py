"""Standard output for data, standard error for messages.

Data bypass Python's buffers. So a closed pipe or a full disk is noticed at once, and no data are
left to fail at exit.
"""

from __future__ import annotations

import errno
import io
import os
import select
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from ticker.cli.exit_codes import CANNOT_WRITE, Failed
from ticker.errors import UsageError
from ticker.escape import escape
from ticker.missing_characters import SUBSTITUTE

if TYPE_CHECKING:
    from ticker.sources.worker import Worker


class ClosedPipe(Exception):
    """The reader of our standard output has closed it."""


class Output:
    """Writes to standard output at once, without Python's buffers.

    Raises `ClosedPipe`, and `Failed` for other errors, such as a full disk.
    """

    def __init__(self, descriptor: int = 1) -> None:
        self._descriptor = descriptor
        self._charset = sys.stdout.encoding if os.isatty(descriptor) else "utf-8"
        self._hung_up = select.poll()
        self._hung_up.register(descriptor, 0)  # 0: only hang-ups and errors
        self._worker: Worker | None = None

    def write(self, data: bytes | str) -> None:
        """Write all of `data`. Text is UTF-8, unless a terminal has another charset."""
        rest = memoryview(data.encode(self._charset, SUBSTITUTE) if isinstance(data, str) else data)
        try:
            while rest:
                try:
                    rest = rest[os.write(self._descriptor, rest) :]
                except BlockingIOError:  # another program made it non-blocking
                    select.select([], [self._descriptor], [])
        except BrokenPipeError:
            raise ClosedPipe from None
        except OSError as error:
            if error.errno == errno.EIO:  # the terminal was closed
                raise ClosedPipe from None
            words = (
                f"Cannot write to standard output: {error.strerror}. Free some space, or pipe it"
            )
            raise Failed(words, CANNOT_WRITE) from None

    async def send(self, data: bytes | str) -> None:
        """Write all of `data` in a thread: a slow reader does not block the event loop.

        If this is cancelled, the thread may stay blocked, but does not keep the process alive.
        """
        if self._worker is None:
            from ticker.sources.worker import Worker

            self._worker = Worker("ticker-output")
        await self._worker.call(lambda: self.write(data))

    def check(self) -> None:
        """Raise `ClosedPipe` if the reader is gone. Writes nothing."""
        for _, event in self._hung_up.poll(0):
            if event & (select.POLLERR | select.POLLHUP | select.POLLNVAL):
                raise ClosedPipe


def mend_standard_streams() -> None:
    """Open a substitute for each of the three standard files that was closed at the start.

    Otherwise the next opened file, perhaps a log of ticks, would get its descriptor, and messages
    would go into that file. Standard output's substitute refuses writes: no data are lost silently.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDONLY if descriptor == 1 else os.O_RDWR)
    # Python sets the object of a closed one to None.
    sys.stdin = sys.stdin or open(0, encoding="utf-8")  # noqa: SIM115  (for as long as we run)
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        # Some locales cannot write all characters of help texts and messages.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=SUBSTITUTE)


def tell(text: str) -> None:
    """Print a message on standard error, escaped; silent if it is closed."""
    lines = "\n".join(escape(line, 2_000) for line in text.splitlines())
    with suppress(OSError):
        sys.stderr.write(lines + "\n")
        sys.stderr.flush()


def let_go() -> None:
    """Flush standard output and standard error. Drop what a closed terminal does not accept.

    Otherwise Python would flush again at exit, fail, and replace the exit code with 120.
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def terminal_width() -> int | None:
    """Return the columns of the terminal on standard output; `None` if it is no terminal."""
    import shutil

    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def need_terminal(command: str, instead: str) -> None:
    """Raise `UsageError` if `command` has no terminal for its screen. The error names `instead`."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(f"{command} needs a terminal for its screen. Without one: {instead}")
    if is_dumb():
        name = os.environ["TERM"]
        words = f"{command} needs a terminal that can move its cursor, and TERM is {name}"
        raise UsageError(f"{words}. Use {instead}")


def is_dumb() -> bool:
    """Tell whether the terminal can only append text, like the shell in Emacs."""
    return os.environ.get("TERM") in ("dumb", "unknown")


def wants_colour() -> bool:
    """Tell whether standard output is a terminal with colours and NO_COLOR is not set."""
    return sys.stdout.isatty() and not is_dumb() and not os.environ.get("NO_COLOR")
