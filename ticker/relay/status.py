"""What a relay reports to its caller at each change, and at its end."""

from __future__ import annotations

import msgspec

from ticker.health.states import WriterState


class RelayStatus(msgspec.Struct, frozen=True, omit_defaults=True):
    """The status of a relay. Counts are since its start; times are µs, UTC."""

    state: WriterState
    destination: str
    """Its URL without secrets."""
    ticks: int = 0
    """Delivered: durable in the destination."""
    gaps: int = 0
    repeats: int = 0
    """Ticks that the destination had already. Counted in the last status only."""
    problem: str | None = None
    """Why the source or the destination is away, or what else is wrong; absent if nothing is.

    In the last status: why ticks are undelivered, with the URL of the side that is away.
    """
    reason: str | None = None
    """`problem` in fewer words, if there is a shorter form."""
    next_try: int | None = None
    """When the side that is away is tried again (µs, UTC)."""
    away: str | None = None
    """The URL of the side that is away; absent if both answer."""
    waiting: int | None = None
    """Ticks not delivered yet, as last counted; absent while nothing is wrong.

    In the last status: the ticks that stay undelivered; absent if they could not be counted.
    Without `follow`, ticks that the source got after the relay's start are not included.
    """
    process: int | None = None
    """The id of the process that relays instead, if it is known."""

    @property
    def is_away(self) -> bool:
        """Tell whether ticks may wait: a side is away, or a relay elsewhere does not progress."""
        if self.state is WriterState.ELSEWHERE:
            return bool(self.waiting)
        return self.state is WriterState.STREAM_UNREACHABLE
