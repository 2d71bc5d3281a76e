"""Limits the requests an hour: one count for all pollers of a user on a machine.

Pollers share a small file, which is locked while it is read and written. Together they never send
more requests in an hour than allowed, even if pollers restart. A restart of the machine clears the
count. Polls come before charts and searches. If the file cannot be used, each poller counts its own
requests. This module knows no source.
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
from ticker.units import HOUR, MINUTE, SECOND

_GONE: Final = 5 * MINUTE
"""A poller that sent nothing for this long is no longer counted (µs)."""
_AHEAD: Final = MINUTE
"""An entry further in the future than this is from before the machine's last start (µs)."""
_LONGEST_PAUSE: Final = HOUR
"""The longest pause (µs). If a source asks for more, a restart may try again after this time."""
_EARLY: Final = SECOND
"""A pause is this much shorter than the wait (µs), so that it never delays the next poll."""


class Wish(msgspec.Struct):
    """The requests an hour that one poller would send if it were alone."""

    per_hour: int
    at: int
    """When it last sent a request, or was refused one (µs)."""


class _Counts(msgspec.Struct):
    """The requests and wishes of all pollers. Times are µs since the machine was started."""

    polls: list[int] = []
    extras: list[int] = []
    wishes: dict[str, Wish] = {}
    paused_until: int = 0
    """After a rate limit: when requests may be sent again."""

    def clear(self, now: int) -> None:
        """Drop requests older than an hour, pollers that are gone, and impossible entries."""
        if self.paused_until > now + _LONGEST_PAUSE:
            self.paused_until = 0
        self.polls = [at for at in self.polls if now - HOUR < at <= now + _AHEAD]
        self.extras = [at for at in self.extras if now - HOUR < at <= now + _AHEAD]
        self.wishes = {
            key: wish for key, wish in self.wishes.items() if now - _GONE < wish.at <= now + _AHEAD
        }


class Budget:
    """One poller's share of the `per_hour` requests of all pollers (`None`: no limit).

    `uptime` returns µs since the machine was started, the same for all pollers. `shared` is their
    file; `None`: this poller is alone. Several threads may use one budget.
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
        self._counts = _Counts()
        self._lock = threading.Lock()

    def wish(self, per_hour: int) -> None:
        """Set how many polls an hour this poller wants. Others learn it at its next request."""
        self._wish = min(per_hour, self.per_hour or per_hour)

    @property
    def others(self) -> int:
        """The number of other pollers at this poller's last request."""
        return len(self._counts.wishes.keys() - {self._key})

    @property
    def share(self) -> int | None:
        """The polls an hour to plan for. Wishes beyond the limit are all cut by one factor."""
        if self.per_hour is None:
            return None
        others = self._others_wish()
        if self._wish + others <= self.per_hour:
            return self.per_hour - others
        return max(1, self._wish * self.per_hour // (self._wish + others))

    def wait(self, requests: int) -> int:
        """Return how long to wait until `requests` more polls may be sent (µs)."""
        if self.per_hour is None:
            return 0
        now = self._uptime()
        self._counts.clear(now)
        spent = sorted((*self._counts.polls, *self._counts.extras))
        over = len(spent) + min(requests, self.per_hour) - self.per_hour
        return 0 if over <= 0 else spent[over - 1] + HOUR - now

    def take(self, *, is_extra: bool = False) -> int:
        """Count a request and return 0, or return how long to wait before it may be sent (µs).

        `is_extra`: it is not a poll, so it may use only what no poller wants for polls.
        """
        per_hour = self.per_hour
        if per_hour is None:
            return 0
        return self._with_counts(lambda counts: self._take(counts, per_hour, is_extra=is_extra))

    def pause(self, wait: int) -> None:
        """Let no poller send a request for `wait` µs, an hour at most, even if it just started."""

        def pause(counts: _Counts) -> int:
            until = self._uptime() + min(wait, _LONGEST_PAUSE) - _EARLY
            counts.paused_until = max(counts.paused_until, until)
            return until

        if self.per_hour is not None:
            self._with_counts(pause)

    @property
    def is_paused(self) -> bool:
        """Tell whether the last `take` waits for the end of a pause."""
        return self._uptime() < self._counts.paused_until

    def _take(self, counts: _Counts, per_hour: int, *, is_extra: bool) -> int:
        now = self._uptime()
        counts.clear(now)
        counts.wishes[self._key] = Wish(self._wish, now)
        self._counts = counts
        if now < counts.paused_until:
            return counts.paused_until - now
        left = per_hour - len(counts.polls) - len(counts.extras)
        if is_extra:
            spare = per_hour - self._wish - self._others_wish()
            left = min(left, spare - len(counts.extras))
        if left > 0:
            (counts.extras if is_extra else counts.polls).append(now)
            return 0
        spent = counts.extras if is_extra else [*counts.polls, *counts.extras]
        oldest = min(spent or [now])
        return max(MINUTE if is_extra else 1, oldest + HOUR - now)

    def _with_counts(self, change: Callable[[_Counts], int]) -> int:
        """Let `change` read and change the shared file's counts, or our own if it is unusable."""
        with self._lock:
            try:
                if self._shared is not None:
                    return _locked(self._shared, change)
            except OSError:
                pass
            return change(self._counts)

    def _others_wish(self) -> int:
        wishes = self._counts.wishes.items()
        return sum(wish.per_hour for key, wish in wishes if key != self._key)


def _locked(path: Path, change: Callable[[_Counts], int]) -> int:
    with path.open("a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        try:
            counts = msgspec.json.decode(file.read(), type=_Counts)
        except msgspec.MsgspecError:  # new, or cut off by a full disk
            counts = _Counts()
        result = change(counts)
        file.seek(0)
        file.truncate()
        file.write(msgspec.json.encode(counts))
    return result
