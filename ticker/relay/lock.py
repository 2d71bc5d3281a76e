"""One relay for each log and destination, on one machine: a lock on a file, freed by any death.

The kernel frees it with its process, SIGKILL included, so nothing stale can be left behind; the
file itself stays, because removing it would let two processes hold two files of one name.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ticker.errors import AlreadyRelayed, StreamMissing, StreamNotWritable

_LOOKS: Final = 5
_A_LOOK: Final = 0.01
"""Longer than anybody looks (s)."""


@contextlib.contextmanager
def exclusively(
    path: Path, source: str, destination: str, *, blocking: bool = True
) -> Iterator[None]:
    """Hold the lock at `path` while inside.

    Takes up to 50 ms to see that another process holds it and does not only look. Not `blocking`,
    for who tries again anyway and has an event loop: one try, which a mere look may thwart.
    `source` and `destination` are for the words of `AlreadyRelayed`, raised where another process
    holds it, and of `StreamNotWritable`, where the file cannot be made.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except FileNotFoundError as error:
        raise StreamMissing(source, "there is no such folder") from error
    except OSError as error:
        raise StreamNotWritable(str(path), f"cannot be made: {error.strerror}") from error
    try:
        if not _taken(descriptor, _LOOKS if blocking else 1):
            raise AlreadyRelayed(source, destination, _holder(descriptor))
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def is_held(path: Path) -> bool:
    """Whether a relay that lives holds the lock at `path`. Makes no file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _taken(descriptor: int, tries: int) -> bool:
    """Take the lock. `is_held` holds it for a moment."""
    for left in reversed(range(tries)):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if left:
                time.sleep(_A_LOOK)
        else:
            return True
    return False


def _holder(descriptor: int) -> int | None:
    """The process that wrote itself in; `None` if it had no time to."""
    word = os.pread(descriptor, 20, 0)
    return int(word) if word.isdigit() else None
