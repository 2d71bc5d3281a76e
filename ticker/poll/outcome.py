"""What came of one asking: the state of the poller, and why it did not get everything.

Pure: an answer or an error in, plain values out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from ticker.errors import RateLimited, SourceError, SourceUnreachable
from ticker.health.states import WriterState
from ticker.records import GapReason
from ticker.sources.protocol import Answer

_STATES: Final = {
    GapReason.RATE_LIMITED: WriterState.RATE_LIMITED,
    GapReason.UNREACHABLE: WriterState.UNREACHABLE,
    GapReason.UNREADABLE: WriterState.UNREADABLE,
}
"""Why nobody looks → the state of the poller meanwhile."""

ANSWERING: Final = frozenset(
    {WriterState.STARTING, WriterState.OK, WriterState.SLOW, WriterState.NO_PRICES}
)
"""States in which a source may be asked sooner than planned."""


class Outcome(msgspec.Struct, frozen=True):
    """One asking is over."""

    state: WriterState
    reason: GapReason | None = None
    """Why nobody looks from now on; `None`: somebody did."""
    problem: str | None = None
    """What is wrong with the source, in words that follow its name."""
    retry_at: int | None = None
    """When it may be asked again, if it limits us (µs, UTC)."""
    missed: Mapping[str, str] = {}
    """Symbols whose requests failed → the reason of their gap."""
    is_good: bool = False
    """Whether a price came."""


def of_answer(answer: Answer, asked: int) -> Outcome:
    """What an answer about so many symbols means."""
    good, limited = bool(answer.quotes), answer.rate_limited
    error = limited or next(iter(answer.failures.values()), None)
    state = WriterState.OK if good or not asked else WriterState.NO_PRICES
    return Outcome(
        state=state if limited is None else WriterState.RATE_LIMITED,
        reason=None if good or not asked else GapReason.NO_PRICES,
        problem=answer.problem if error is None else error.problem,
        retry_at=None if limited is None else limited.retry_at,
        missed={symbol: _gap_reason(error) for symbol, error in answer.failures.items()},
        is_good=good,
    )


def of_error(error: SourceError) -> Outcome:
    """What it means that no request was answered."""
    reason = _gap_reason(error)
    retry_at = error.retry_at if isinstance(error, RateLimited) else None
    return Outcome(_STATES[reason], reason, error.problem, retry_at)


def _gap_reason(error: SourceError) -> GapReason:
    """Why nobody looks while the source answers with `error`."""
    match error:
        case RateLimited():
            return GapReason.RATE_LIMITED
        case SourceUnreachable():
            return GapReason.UNREACHABLE
        case _:
            return GapReason.UNREADABLE
