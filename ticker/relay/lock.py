"""Locks a route, so that only one relay on this machine serves it.

The lock is on a file. The kernel frees it when the process ends, even by SIGKILL, so no stale lock
remains. The file itself stays: if it were removed, two processes could lock two files of one name.
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
"""The wait between two tries (s): longer than `is_held` holds the lock."""


@contextlib.contextmanager
def exclusively(
    path: Path, source: str, destination: str, *, blocking: bool = True
) -> Iterator[None]:
    """Hold the lock at `path` while inside.

    Tries for about 40 ms, because `is_held` of another process holds the lock for a moment.
    `blocking=False` tries once and never waits: use it in an event loop, and try again. `source`
    and `destination` are for the texts of the errors. Raises `AlreadyRelayed` if another process
    holds the lock, `StreamMissing` if the folder is missing, and `StreamNotWritable` if the file
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
            word = os.pread(descriptor, 20, 0)
            raise AlreadyRelayed(source, destination, int(word) if word.isdigit() else None)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def is_held(path: Path) -> bool:
    """Tell whether a running relay holds the lock at `path`. Creates no file."""
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
    for left in reversed(range(tries)):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if left:
                time.sleep(_A_LOOK)
        else:
            return True
    return False
