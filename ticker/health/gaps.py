"""The sentences about gaps: one set for `tail`, `replay` and the dashboard. Pure.

They do not name writers: no user knows their ids. Text from outside is escaped.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ticker.escape import escape
from ticker.figures import and_more
from ticker.records import READER, Gap, GapReason
from ticker.source_titles import source_title
from ticker.times import Zone, format_duration, span_text
from ticker.units import MILLISECOND

_NAMED: Final = 5
"""The most symbols of a gap that are named."""
_PLAIN: Final[Mapping[str, str]] = {
    GapReason.POLLER_HELD_UP: "its machine was busy or asleep",
    GapReason.NOT_POLLED: "not polled meanwhile",
    GapReason.OVERTAKEN: "other pollers of this stream were faster",
    GapReason.NO_PRICES: "{} sent no usable price",
    GapReason.UNREACHABLE: "{} did not answer",
    GapReason.UNREADABLE: "{} sent no readable answer",
    GapReason.STREAM_UNREACHABLE: "the stream could not be written",
    GapReason.RETENTION: "deleted because of its age",
    GapReason.ANOTHER_LOG: "replaced by another stream",
}
"""Reason → the words shown, where the reason alone says too little. `{}` is the source."""


def of_gap(gap: Gap, now: int, zone: Zone) -> str:
    """Describe a gap: its symbols, its length or its ticks, and the reason. No full stop."""
    if gap.symbol is not None:
        return f"gap {of_missing_ticks(gap)}"
    start, end = gap.from_ or 0, gap.until or 0
    span = span_text(start, end, zone, now=now)
    named = and_more([*map(escape, gap.symbols or ())], _NAMED)
    whose = f"gap {named}" if named else "gap"
    if gap.writer == READER:
        # A poller may have asked, but the stream does not hold its ticks, or no longer does.
        return f"{whose}: {reason_words(gap)}, {span}"
    # Without names: all symbols of one poller. Other pollers may ask for other symbols.
    what = "no prices" if named else f"no prices from {source_title(gap.source)}"
    return f"{whose}: {what}{lasting(end - start, ' for ')}, {span} ({reason_words(gap)})"


def of_gap_briefly(gap: Gap, now: int, zone: Zone) -> str:
    """Describe a poller's gap by its length and reason only; any other gap as `of_gap` does."""
    if gap.from_ is None or gap.until is None or gap.writer == READER:
        return of_gap(gap, now, zone)
    return f"{gap_words(gap.until - gap.from_)} ({reason_words(gap)})"


def gap_words(length: int) -> str:
    """Write `gap of 3m`, or just `gap` if `length` (µs) is under 1 ms."""
    return f"gap{lasting(length, ' of ')}"


def lasting(length: int, before: str) -> str:
    """Return `before` and the length of a gap (µs); nothing if that is under 1 ms."""
    return f"{before}{format_duration(length)}" if length >= MILLISECOND else ""


def of_missing_ticks(gap: Gap) -> str:
    """Say which ticks of which symbol are missing, and why."""
    first, last = gap.first_sequence, gap.last_sequence
    which = f"tick {first} is" if first == last else f"ticks {first} to {last} are"
    # A reader that found the hole knows no reason.
    why = "" if gap.reason == GapReason.TICKS_MISSING else f" ({reason_words(gap)})"
    return f"{escape(gap.symbol or '')}: {which} missing{why}"


def reason_words(gap: Gap) -> str:
    """Say the reason in plain words, or in the words of the source itself."""
    words = _PLAIN.get(gap.reason)
    return escape(gap.reason) if words is None else words.format(source_title(gap.source))
