"""The status line: what the source does, how fresh it is, what is wrong and what to do, in words.

Pure: reads a watch and its board at a moment that is passed in. Every time told is that of an
event or of an attempt to come: nothing here moves while the data do not.
"""

from __future__ import annotations

from dataclasses import dataclass

from ticker.board import Reason
from ticker.board.freshness import Writer
from ticker.escape import escape
from ticker.records import Gap
from ticker.times import Zone, clock, format_duration
from ticker.watch import State, Watch

_GAP_SHOWN = 60_000_000
"""For how long the last gap is told in full (µs); after that only how many there were."""
_EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Status:
    """What to say."""

    words: str
    """Harmless: what came from outside is escaped."""
    is_trouble: bool
    """Whether somebody should do something, or at least know it."""


def status(watch: Watch, now: int, zone: Zone) -> Status:
    """How things are at `now` (µs), with times told in `zone`."""
    if watch.state in (State.OPENING, State.MISSING):
        return _waiting(watch)
    if watch.state is not State.FOLLOWING:
        return Status(_away(watch, now, zone), is_trouble=True)
    writers = watch.board.writers.at(now)
    if not writers:
        return Status(_joined(_ticks(watch), _gaps(watch, now, zone)), is_trouble=False)
    soundest = writers[0]
    if soundest.reason is not Reason.FRESH:
        return Status(_writer(watch, soundest, now, zone), is_trouble=True)
    words = _joined(
        _writer(watch, soundest, now, zone),
        _others(writers, now),
        _ticks(watch),
        _gaps(watch, now, zone),
    )
    return Status(words, is_trouble=False)


def invitation(watch: Watch) -> str:
    """What to do about a stream in which nothing is."""
    symbols = " ".join(list(watch.symbols or ["AAPL"])[:_EXAMPLES])
    return (
        "The stream is empty: nobody has polled yet. "
        f"In another terminal: ticker poll {escape(symbols)}"
    )


def _waiting(watch: Watch) -> Status:
    if watch.state is State.OPENING:
        return Status(f"Opening {escape(watch.stream.url)} …", is_trouble=False)
    if watch.problem is not None:
        return Status(f"{escape(watch.problem)} Waiting for it to come back.", is_trouble=True)
    if not watch.board.symbols:
        return Status("Waiting for the first prices.", is_trouble=False)
    return Status(invitation(watch), is_trouble=False)


def _away(watch: Watch, now: int, zone: Zone) -> str:
    problem = escape(watch.problem or "no answer").rstrip(".")
    words = f"The stream is away: {problem}."
    if watch.state is State.UNUSABLE:
        words = f"The stream cannot be read: {problem}."
    if watch.next_try is not None:
        words += f" Next try {clock(watch.next_try, zone, now=now)}."
    return words + _shown_from(watch, now, zone)


def _shown_from(watch: Watch, now: int, zone: Zone) -> str:
    received = watch.board.received
    return "" if received is None else f" Prices shown are from {clock(received, zone, now=now)}."


def _writer(watch: Watch, writer: Writer, now: int, zone: Zone) -> str:
    heartbeat = writer.heartbeat
    source = escape(heartbeat.source, 40)
    asked = clock(heartbeat.time, zone, now=now)
    match writer.reason:
        case Reason.RATE_LIMITED:
            words = f"{source}: too many requests."
        case Reason.UNREACHABLE:
            words = f"{source} does not answer. Is there a network? Without one: ticker demo."
        case Reason.POLLER_STOPPED if heartbeat.state == "stopped":
            return (
                f"The poller stopped at {clock(heartbeat.received, zone, now=now)}. "
                f"Start one: ticker poll.{_shown_from(watch, now, zone)}"
            )
        case Reason.POLLER_STOPPED:
            return (
                f"No sign of the poller since {clock(heartbeat.received, zone, now=now)}. "
                f"Start one: ticker poll.{_shown_from(watch, now, zone)}"
            )
        case _:
            every = format_duration(heartbeat.interval)
            answered = f"{heartbeat.answered:,} of {heartbeat.asked:,} answered"
            return f"{source} every {every}, last asked {asked}: {answered}"
    if heartbeat.retry_at is not None:
        words += f" Next try {clock(heartbeat.retry_at, zone, now=now)}."
    return words + _shown_from(watch, now, zone)


def _others(writers: list[Writer], now: int) -> str:
    """Of several writers, those that are not well; a long-gone one is history, not news."""
    day = 86_400_000_000
    bad = [
        w for w in writers[1:] if w.reason is not Reason.FRESH and now - w.heartbeat.received < day
    ]
    if not bad:
        return ""
    names = ", ".join(f"{escape(w.heartbeat.source, 40)}: {w.reason}" for w in bad[:_EXAMPLES])
    return f"{len(bad)} of {len(writers)} pollers not well ({names})"


def _ticks(watch: Watch) -> str:
    ticks = watch.board.ticks
    return f"{ticks:,} tick{'' if ticks == 1 else 's'}"


def _gaps(watch: Watch, now: int, zone: Zone) -> str:
    board = watch.board
    if board.gap is None:
        return ""
    if now - board.gap.received < _GAP_SHOWN:
        return gap_words(board.gap, now, zone)
    return f"{board.gaps:,} gap{'' if board.gaps == 1 else 's'}"


def gap_words(gap: Gap, now: int, zone: Zone) -> str:
    """`gap 14:02:10 to 14:05:00: poller stopped`, or which ticks of a symbol are missing."""
    reason = escape(gap.reason, 60)
    if gap.from_ is not None and gap.until is not None:
        start, end = clock(gap.from_, zone, now=now), clock(gap.until, zone, now=now)
        return f"gap {start} to {end}: {reason}"
    count = (gap.last_sequence or 0) - (gap.first_sequence or 0) + 1
    return f"gap: {count:,} ticks of {escape(gap.symbol or '')} missing: {reason}"


def _joined(*parts: str) -> str:
    return " · ".join(part for part in parts if part)
