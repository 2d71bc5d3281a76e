"""When to ask again: after a rate limit, for a refused symbol, through a new socket. Pure.

All use the one back-off. Times and random numbers, uniform in [0, 1), are passed in.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from math import ceil
from typing import Final

from ticker.back_off import BackOff
from ticker.units import DAY, MINUTE, SECOND

_LONGEST_ASKED: Final = DAY
"""The longest wait that a server may ask for (µs). A longer one must be a mistake."""
_ONCE: Final = 1.0
"""The shortest time between two attempts to connect (s)."""
_LONGEST: Final = 60.0
"""The longest back-off between them, before jitter (s)."""
_STEADY: Final = 60.0
"""A connection that lasted this long ends the back-off (s)."""


def asked_wait(retry_after: str | None, now: int) -> int:
    """Return the wait (µs) that a `Retry-After` header asks for, in seconds or with a date.

    0: there is no valid header. A wait of 0 is not valid, because the server has just refused us.
    """
    header = (retry_after or "").strip()
    try:
        if header.isdecimal():
            wait = int(header[:12]) * SECOND
        else:
            wait = max(0, round(parsedate_to_datetime(header).timestamp() * SECOND) - now)
    except (ValueError, OverflowError):
        return 0
    return min(wait, _LONGEST_ASKED)


class RateLimitWaits:
    """The waits after HTTP 429. `pause` is called with each of them (µs).

    The server's `Retry-After` decides. Otherwise each refusal doubles the wait, from 1 to 15
    minutes.
    """

    def __init__(
        self, random: Callable[[], float], pause: Callable[[int], object] = lambda _: None
    ) -> None:
        # The jitter only lengthens a wait, by a quarter at most: a minute is the least.
        self._back_off = BackOff(lambda: 0.5 + 0.5 * random())
        self._pause = pause

    def refused(self, asked: int) -> int:
        """Note a refusal that asks for a wait of `asked` (0: for none). Return how long to wait."""
        wait = int(self._back_off.wait(MINUTE, 15 * MINUTE))
        self._pause(asked or wait)
        return asked or wait

    def answered(self) -> None:
        """Note an answer: the next refusal counts as the first."""
        self._back_off.reset()


@dataclass(slots=True)
class _PutOff:
    reason: str = ""
    again: float = 0.0
    back_off: BackOff = field(default_factory=BackOff)


class Refusals:
    """The refused symbols. Each refusal doubles the wait, from `first` to `longest` seconds.

    A symbol that had a price before is requested in each poll, because then the source has a
    problem. `now` is in seconds, of a clock that never goes back.
    """

    def __init__(self, first: float, longest: float) -> None:
        self._first = first
        self._longest = longest
        self._refused: dict[str, _PutOff] = {}
        self._priced: set[str] = set()

    def put_off(self, symbols: Collection[str], now: float) -> dict[str, str]:
        """Return the `symbols` that must wait at `now` → why they were refused.

        Symbols that are not in `symbols` are forgotten: added again, they are requested at once.
        """
        wanted = set(symbols)
        self._priced &= wanted
        self._refused = {s: told for s, told in self._refused.items() if s in wanted}
        return {s: told.reason for s, told in self._refused.items() if now < told.again}

    def note(self, priced: Iterable[str], refused: Mapping[str, str], now: float) -> None:
        """Note which symbols of an answer have a price, and which were refused and why."""
        for symbol in priced:
            self._priced.add(symbol)
            self._refused.pop(symbol, None)
        for symbol, reason in refused.items():
            if symbol not in self._priced:
                told = self._refused.setdefault(symbol, _PutOff())
                told.reason = reason
                told.again = now + told.back_off.wait(self._first, self._longest)


class ConnectionAttempts:
    """Plans the attempts to open a socket: once a second, less often if connections are short.

    `now` is in seconds, of a clock that never goes back.
    """

    def __init__(self, random: Callable[[], float]) -> None:
        self._back_off = BackOff(random)
        self._next = 0.0

    def is_due(self, now: float) -> bool:
        """Tell whether an attempt may be made at `now`. If so, it counts as made."""
        if now < self._next:
            return False
        self._next = now + _ONCE
        return True

    def wait(self, now: float) -> int:
        """Return how long after `now` the next attempt may be made (s, rounded up)."""
        return max(0, ceil(self._next - now))

    def lost(self, now: float, lasted: float) -> None:
        """Note that a connection ended at `now`, after `lasted` (s); 0 if it never began."""
        if lasted >= _STEADY:
            self._back_off.reset()
        self._next = max(self._next, now + self._back_off.wait(_ONCE, _LONGEST))
