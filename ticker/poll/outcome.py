"""The request and the outcome of one poll: the poller's state, and why prices are missing.

Pure: makes plain values from an answer or an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from ticker.errors import RateLimited, SourceError, SourceUnreachable
from ticker.health.states import WriterState
from ticker.records import GapReason
from ticker.sources.protocol import Answer

_FAILURES: Final = (
    (RateLimited, GapReason.RATE_LIMITED, WriterState.RATE_LIMITED),
    (SourceUnreachable, GapReason.UNREACHABLE, WriterState.UNREACHABLE),
    (SourceError, GapReason.UNREADABLE, WriterState.UNREADABLE),
)
"""A kind of failure, the reason of the gap that it causes, and the poller's state meanwhile."""

ANSWERING: Final = frozenset(
    {WriterState.STARTING, WriterState.OK, WriterState.SLOW, WriterState.NO_PRICES}
)
"""The poller's states in which the source may be polled sooner than planned."""


class PollRequest(msgspec.Struct, frozen=True):
    """One request to the source."""

    symbols: tuple[str, ...]
    wall: int
    """When it was sent (µs, UTC)."""
    elapsed: int
    """When it was sent, by the clock that never goes back (µs)."""
    every: int
    """The interval at that time (µs)."""


class Outcome(msgspec.Struct, frozen=True):
    """The outcome of one poll."""

    state: WriterState
    reason: GapReason | None = None
    """The reason of the gap that begins; `None`: no gap begins."""
    problem: str | None = None
    """What is wrong with the source, in words that follow its name."""
    retry_at: int | None = None
    """When the source may be asked again (µs, UTC); `None` if it does not limit us."""
    missed: Mapping[str, str] = {}
    """Symbols whose requests failed → the reason of their gap."""
    is_good: bool = False
    """Whether the answer has a price."""


def of_answer(answer: Answer, asked: int) -> Outcome:
    """Return the outcome of `answer` to a request for `asked` symbols."""
    good, limited = bool(answer.quotes), answer.rate_limited
    error = limited or next(iter(answer.failures.values()), None)
    state = WriterState.OK if good or not asked else WriterState.NO_PRICES
    return Outcome(
        state=state if limited is None else WriterState.RATE_LIMITED,
        reason=None if good or not asked else GapReason.NO_PRICES,
        problem=answer.problem if error is None else error.problem,
        retry_at=None if limited is None else limited.retry_at,
        missed={symbol: _failure(error)[0] for symbol, error in answer.failures.items()},
        is_good=good,
    )


def of_error(error: SourceError) -> Outcome:
    """Return the outcome of a poll that failed with `error`."""
    reason, state = _failure(error)
    retry_at = error.retry_at if isinstance(error, RateLimited) else None
    return Outcome(state, reason, error.problem, retry_at)


def _failure(error: SourceError) -> tuple[GapReason, WriterState]:
    return next((reason, state) for kind, reason, state in _FAILURES if isinstance(error, kind))
