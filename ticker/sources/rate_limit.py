"""How long to wait after a source refused too many requests (HTTP 429). Pure.

The server's `Retry-After` decides. Without it, each refusal doubles the wait, from 1 to 15 minutes.
"""

from __future__ import annotations

from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Final

from ticker.back_off import BackOff
from ticker.units import DAY, MINUTE, SECOND

_FIRST: Final = MINUTE
_LONGEST: Final = 15 * MINUTE
_LONGEST_ASKED: Final = DAY
"""The longest wait that a server may ask for (µs). A longer one must be a mistake."""


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


class Patience:
    """The wait after a refusal that names no time. `random` is uniform in [0, 1)."""

    def __init__(self, random: Callable[[], float]) -> None:
        # The jitter only lengthens a wait, by a quarter at most: a minute is the least.
        self._back_off = BackOff(lambda: 0.5 + 0.5 * random())

    def wait(self) -> int:
        """Return the wait (µs) if the next request is refused."""
        return int(self._back_off.next_wait(_FIRST, _LONGEST))

    def refused(self) -> None:
        """Note a refusal: the next wait is twice as long."""
        self._back_off.failures += 1

    def answered(self) -> None:
        """Note an answer: the next refusal counts as the first."""
        self._back_off.reset()
