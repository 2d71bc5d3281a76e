"""The status line of a poller and its relay, on a terminal or in a log."""

from __future__ import annotations

import logging
from typing import Final

from ticker.cli.status_line import StatusLine
from ticker.figures import and_more, count_text
from ticker.health.states import WriterState
from ticker.poll import PollStatus
from ticker.relay import RelayStatus
from ticker.relay.sentences import status_forms
from ticker.source_titles import source_label
from ticker.system_clock import now
from ticker.times import Zone, clock, format_duration

_log: Final = logging.getLogger(__name__)
_ALONGSIDE: Final = ((0, 0), (0, 1), (1, 1), (2, 1), (2, 2))
"""Indexes of a form of the poller and one of the relay, from the longest line to the shortest.

The relay's URL is dropped first, because the user typed it.
"""


class PollLine:
    """Shows the state of the poller, and of its relay if there is one, on standard error."""

    def __init__(self, zone: Zone, *, quiet: bool) -> None:
        self._line = StatusLine(quiet=quiet)
        self.plain = self._line.plain
        """Whether it writes log lines, because there is no terminal."""
        self._quiet = quiet
        self._zone = zone
        self._refused: frozenset[str] = frozenset()
        self._poll: PollStatus | None = None
        self._relay: RelayStatus | None = None

    def show(self, status: PollStatus) -> None:
        """Show the poller's new status."""
        self._poll = status
        if self._quiet or status.state is WriterState.STARTING:
            return
        self._say()
        refused = frozenset(status.refused)
        if self.plain:
            for symbol in sorted(refused - self._refused):
                _log.warning("%s: %s", symbol, status.refused[symbol])
        self._refused = refused

    def show_relay(self, status: RelayStatus) -> None:
        """Show the relay's new status."""
        self._relay = status
        if self._poll is not None and self._poll.state is not WriterState.STARTING:
            self._say()

    def end(self, words: str) -> None:
        """Write a last line, which stays."""
        self._line.end(words)

    def _say(self) -> None:
        assert self._poll is not None  # noqa: S101  (both callers make sure)
        status, relay = self._poll, self._relay
        forms = list(poll_forms(status, self._zone))
        key = f"{status.state} {status.note} {status.problem}"
        if relay is not None:
            # A terminal cuts off the end of the line, so problems come first.
            relays = status_forms(relay, self._zone, now())
            pairs = [(forms[p], relays[r]) for p, r in _ALONGSIDE]
            forms = [f"{r} · {p}" if relay.is_away else f"{p} · {r}" for p, r in pairs]
            key += f" {relay.state} {relay.problem} {relay.is_away}"
        words, *shorter = forms
        self._line.show(words, key, shorter)


def poll_forms(status: PollStatus, zone: Zone) -> tuple[str, str, str]:
    """Return three forms of the poller's state: in full, without the interval, and shortest."""
    does = f"{source_label(status.source)}: {status.state}"
    if status.problem:
        does += f" ({status.problem})"
    counts = [
        f"{status.answered} of {status.symbols} symbols",
        f"{count_text(status.ticks, 'tick')} kept",
    ]
    note = f" ({status.note})" if status.note else ""
    pace = [f"every {format_duration(status.interval)}{note}"]
    refused = ["refused: " + and_more(sorted(status.refused), 5)] if status.refused else []
    retry = []
    if status.retry_at and status.retry_at > now():
        retry = [f"next try {clock(status.retry_at, zone, now=now())}"]
    shortest = [
        status.state,
        *retry,
        f"{status.answered} of {status.symbols}",
        f"{status.ticks:,} kept",
    ]
    return (
        " · ".join([does, *counts, *pace, *refused, *retry]),
        " · ".join([does, *counts, *refused, *retry]),
        " · ".join(shortest),
    )
