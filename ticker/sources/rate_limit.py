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


class RateLimitWaits:
    """The waits of one source. `random` is uniform in [0, 1). `pause` is told each wait (µs)."""

    def __init__(
        self, random: Callable[[], float], pause: Callable[[int], object] = lambda _: None
    ) -> None:
        # The jitter only lengthens a wait, by a quarter at most: a minute is the least.
        self._back_off = BackOff(lambda: 0.5 + 0.5 * random())
        self._pause = pause

    def refused(self, asked: int) -> int:
        """Note a refusal that asked for a wait of `asked`, or of 0. Return how long to wait."""
        wait = int(self._back_off.wait(_FIRST, _LONGEST))
        self._pause(asked or wait)
        return asked or wait

    def answered(self) -> None:
        """Note an answer: the next refusal counts as the first."""
        self._back_off.reset()
