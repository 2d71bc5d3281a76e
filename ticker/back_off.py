"""Back-off: waits that grow with each failure. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

_DOUBLINGS: Final = 20
"""The most doublings. Without this bound, a week of failures would overflow a float."""


class BackOff:
    """Each wait is twice the one before. Times have the unit of the arguments.

    `random` is uniform in [0, 1). It makes each wait up to a quarter longer or shorter, so that
    many programs do not return at once. Without it there is no jitter.
    """

    def __init__(self, random: Callable[[], float] = lambda: 0.5) -> None:
        self.failures = 0
        """Failures since the last success."""
        self._random = random

    def wait(self, first: float, longest: float) -> float:
        """Note a failure and return the wait: `first` the first time, at most `longest`.

        Jitter comes on top: it may make even the longest wait a quarter longer.
        """
        wait = min(first * 2.0 ** min(self.failures, _DOUBLINGS), longest)
        self.failures += 1
        return wait * (0.75 + 0.5 * self._random())

    def reset(self) -> None:
        """Note a success: the next failure counts as the first."""
        self.failures = 0
