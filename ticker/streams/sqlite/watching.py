"""Wakes a reader when a process writes the log, if the system reports writes (Linux: inotify).

The kernel reports a write to the WAL a few milliseconds before SQLite makes the commit visible. So
an event means that a commit comes soon. It does not mean that the commit can be read yet.
"""

from __future__ import annotations

import os
import select
import threading
from pathlib import Path
from typing import Any, Final, Self

_MODIFIED: Final = 2  # IN_MODIFY
_MOST: Final = 4096  # bytes of events read at once


class Watch:
    """Watches the WAL of the log at a path. `wake` may be called from any thread."""

    def __init__(self, libc: Any, events: int, watched: int) -> None:
        self._libc = libc
        self._events = events
        self._watched = watched
        self._lock = threading.Lock()

    @classmethod
    def begin(cls, path: Path) -> Self | None:
        """Watch the log at `path`. Returns `None` if the system does not report writes."""
        import ctypes  # takes 10 ms to load, so only after the first rows are shown

        libc = ctypes.CDLL(None)
        try:
            events = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        except AttributeError:  # not Linux
            return None
        if events < 0:
            return None
        watched = libc.inotify_add_watch(events, os.fsencode(f"{path}-wal"), _MODIFIED)
        if watched < 0:
            os.close(events)
            return None
        return cls(libc, events, watched)

    def wait(self, seconds: float) -> bool:
        """Sleep until a write or a call of `wake`. `False`: neither came within `seconds`."""
        poller = select.poll()  # unlike `select`, it takes any descriptor
        poller.register(self._events, select.POLLIN)
        if not poller.poll(seconds * 1_000):
            return False
        os.read(self._events, _MOST)
        return True

    def wake(self) -> None:
        """End a running `wait`, and watch no more."""
        with self._lock:
            if self._events >= 0:
                self._libc.inotify_rm_watch(self._events, self._watched)  # this is an event too

    def close(self) -> None:
        """Free the descriptor. A second call is harmless."""
        with self._lock:
            if self._events >= 0:
                os.close(self._events)
                self._events = -1
