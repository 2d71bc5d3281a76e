"""Locks a log and destination, so that one relay on this machine serves them.

The lock is on a file. The kernel frees it when the process ends, even by SIGKILL, so no stale lock
remains. The file itself stays: if it were removed, two processes could hold two files of one name.
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
"""Longer than any check of the lock takes (s)."""


@contextlib.contextmanager
def exclusively(
    path: Path, source: str, destination: str, *, blocking: bool = True
) -> Iterator[None]:
    """Hold the lock at `path` while inside.

    Takes up to 50 ms to tell a process that holds the lock from one that only checks it.
    `blocking=False` is for callers that try again anyway and have an event loop: it tries once, and
    a mere check may make it fail. `source` and `destination` are for the texts of the errors.
    Raises `AlreadyRelayed` if another process holds the lock, and `StreamNotWritable` if the file
    cannot be created.
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
    """Tell whether a living relay holds the lock at `path`. Creates no file."""
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
    """Take the lock. Waits out `is_held`, which holds it for a moment."""
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
    """Return the process that wrote its id into the file; `None` if it had no time to."""
    word = os.pread(descriptor, 20, 0)
    return int(word) if word.isdigit() else None
