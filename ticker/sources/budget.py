"""The requests an hour that may be sent: one count for all pollers of a user on a machine.

Pollers share a small file in the state directory, locked while it is read and written. No hour
holds more requests than allowed, of all pollers together and across restarts. Polls come before
charts and searches. If the file cannot be used, each poller counts its own requests. This module
knows no source.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from ticker.system_clock import uptime
from ticker.units import HOUR, MINUTE

_GONE: Final = 5 * MINUTE
"""A poller that sent nothing for this long is no longer counted (µs)."""
_AHEAD: Final = MINUTE
"""An entry this far in the future is from before the machine's last start (µs)."""


class Wish(msgspec.Struct):
    """What one poller would send if it were alone."""

    per_hour: int
    at: int
    """When it last sent anything (µs)."""


class _Book(msgspec.Struct):
    """What is counted. Times are µs since the machine was started."""

    polls: list[int] = []
    extras: list[int] = []
    wishes: dict[str, Wish] = {}

    def clear(self, now: int) -> None:
        """Forget what is older than an hour, and pollers that are gone."""
        self.polls = [at for at in self.polls if now - HOUR < at <= now + _AHEAD]
        self.extras = [at for at in self.extras if now - HOUR < at <= now + _AHEAD]
        self.wishes = {
            key: wish for key, wish in self.wishes.items() if now - _GONE < wish.at <= now + _AHEAD
        }


class Budget:
    """The requests of one poller among all. `per_hour` is for all of them; `None`: no limit.

    `uptime` gives µs since the machine was started, and is the same for all pollers; `shared` is
    their file, `None`: this poller is alone. May be used from several threads.
    """

    def __init__(
        self,
        per_hour: int | None,
        *,
        uptime: Callable[[], int] = uptime,
        shared: Path | None = None,
    ) -> None:
        self.per_hour = per_hour
        self._uptime = uptime
        self._shared = shared
        self._key = f"{os.getpid()}-{id(self)}"
        self._wish = 0
        self._book = _Book()
        self._lock = threading.Lock()

    def now(self) -> int:
        """The time by which it counts (µs)."""
        return self._uptime()

    def wish(self, per_hour: int) -> None:
        """Say how many polls an hour this poller would send; known to others with its next one."""
        self._wish = min(per_hour, self.per_hour or per_hour)

    @property
    def others(self) -> int:
        """How many other pollers share it now."""
        return len(self._book.wishes.keys() - {self._key})

    @property
    def share(self) -> int | None:
        """Polls an hour that this poller may plan for: all wishes are cut alike."""
        if self.per_hour is None:
            return None
        others = self._others_wish()
        if self._wish + others <= self.per_hour:
            return self.per_hour - others
        return max(1, self._wish * self.per_hour // (self._wish + others))

    def earliest(self, requests: int) -> int:
        """Return when this many more polls may be sent (µs, by `now`)."""
        now = self._uptime()
        if self.per_hour is None:
            return now
        self._book.clear(now)
        spent = sorted((*self._book.polls, *self._book.extras))
        over = len(spent) + min(requests, self.per_hour) - self.per_hour
        return now if over <= 0 else spent[over - 1] + HOUR

    def take(self, *, is_extra: bool = False) -> int:
        """Count one request that is sent now and return 0; or return how long to wait first (µs).

        `is_extra`: it is no poll, and may use only what the polls leave.
        """
        if self.per_hour is None:
            return 0
        with self._lock:
            if self._shared is None:
                return self._take(self._book, is_extra=is_extra)
            try:
                return self._take_shared(self._shared, is_extra=is_extra)
            except OSError:
                return self._take(self._book, is_extra=is_extra)

    def _take(self, book: _Book, *, is_extra: bool) -> int:
        assert self.per_hour is not None  # noqa: S101  for the type checker
        now = self._uptime()
        book.clear(now)
        book.wishes[self._key] = Wish(self._wish, now)
        self._book = book
        left = self.per_hour - len(book.polls) - len(book.extras)
        if is_extra:
            spare = self.per_hour - self._wish - self._others_wish()
            left = min(left, spare - len(book.extras))
        if left > 0:
            (book.extras if is_extra else book.polls).append(now)
            return 0
        oldest = min((book.extras if is_extra else book.polls) or [now])
        return max(MINUTE if is_extra else 1, oldest + HOUR - now)

    def _take_shared(self, path: Path, *, is_extra: bool) -> int:
        with path.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            try:
                book = msgspec.json.decode(file.read(), type=_Book)
            except msgspec.MsgspecError:  # new, or cut off by a full disk
                book = _Book()
            wait = self._take(book, is_extra=is_extra)
            file.seek(0)
            file.truncate()
            file.write(msgspec.json.encode(book))
        return wait

    def _others_wish(self) -> int:
        wishes = self._book.wishes.items()
        return sum(wish.per_hour for key, wish in wishes if key != self._key)
