"""How many requests an hour a poller may make: `Source.budget` says it. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from ticker.units import HOUR


@dataclass(slots=True)
class Budget:
    """Requests of the last hour, so that no hour ever holds more than `per_hour`."""

    per_hour: int | None
    _spent: deque[int] = field(default_factory=deque)

    def spend(self, now: int, requests: int) -> None:
        """Note `requests` made at `now` (elapsed µs)."""
        if self.per_hour is not None:
            self._spent.extend([now] * requests)

    def earliest(self, now: int, requests: int) -> int:
        """When `requests` more may be made (elapsed µs): `now`, or later."""
        if self.per_hour is None:
            return now
        while self._spent and self._spent[0] <= now - HOUR:
            self._spent.popleft()
        over = len(self._spent) + min(requests, self.per_hour) - self.per_hour
        return now if over <= 0 else self._spent[over - 1] + HOUR
