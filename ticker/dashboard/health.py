"""The page of health: the stream, its records, its writers, and refused symbols with reasons.

This page shows everything in full; the status line has room for one sentence only. It is refreshed
each second.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.text import Text

from ticker.dashboard.palette import Palette
from ticker.dashboard.totals import rate_lines
from ticker.escape import escape
from ticker.feed import Feed
from ticker.figures import count_text
from ticker.health.gaps import of_gap
from ticker.health.sentences import of_away, of_heartbeat, passed_over
from ticker.health.verdict import of_unpolled
from ticker.times import Zone, format_duration
from ticker.units import SECOND

Section = tuple[str, list[str]]

_WRITERS: Final = 8
_MEASURED: Final = 10 * SECOND
"""The time over which ticks a second are counted (µs)."""


class TickRate:
    """Counts ticks a second; call `look` once a second."""

    def __init__(self) -> None:
        self._seen: list[tuple[int, int]] = []

    def look(self, elapsed: int, ticks: int) -> None:
        """Note the number of ticks so far at `elapsed` (µs)."""
        if self._seen and ticks < self._seen[-1][1]:
            self._seen.clear()  # the board was reset
        self._seen.append((elapsed, ticks))
        while len(self._seen) > 1 and elapsed - self._seen[1][0] >= _MEASURED:
            self._seen.pop(0)

    @property
    def per_second(self) -> float | None:
        """Return the ticks a second over the last ten seconds, or since the first `look`."""
        if len(self._seen) < 2:  # noqa: PLR2004  one point has no rate
            return None
        (since, before), (now, ticks) = self._seen[0], self._seen[-1]
        return (ticks - before) * SECOND / max(1, now - since)


def sections(
    feed: Feed, rate: TickRate, zone: Zone, status: str = "", option: str = ""
) -> list[Section]:
    """Return the lines of the page under their headings; all is escaped.

    `status` is the whole text of the status line; `option` names the stream in a command.
    """
    board, now, elapsed, stats = feed.board, feed.clock(), feed.elapsed(), feed.read_stats()
    stream = [escape(feed.url, 200)]
    if feed.state.is_away:
        stream.append(of_away(feed.state, feed.problem))
    came = [f"{count_text(board.ticks, 'tick')} since this screen was opened"]
    if rate.per_second is not None:
        came.append(f"{rate.per_second:,.1f} ticks a second")
    if board.received is not None:
        age = max(1, now - board.received)
        came.append(f"the newest record was stored {format_duration(age)} ago")
    counts = (board.gaps, "gap"), (stats.repeats, "repeat"), (feed.reconnects, "reconnect")
    came.append(", ".join(count_text(number, what) for number, what in counts))
    if board.gap is not None:
        came.append(of_gap(board.gap, now, zone))
    if stats.broken:
        came.append(passed_over(stats.broken))
    writers = board.writers.at(elapsed)
    told = [of_heartbeat(writer, now, zone) for writer in writers[:_WRITERS]]
    if len(writers) > _WRITERS:
        told.append(f"and {len(writers) - _WRITERS:,} more: ticker status --all")
    is_polled = writers and writers[0].is_alive and feed.tape is None
    unpolled = of_unpolled(board.writers, board.symbols, elapsed, option=option)
    refused = board.writers.refusals(elapsed)
    owned = [] if board.valuation is None else rate_lines(board.valuation)
    return [
        ("Now", [status] if status else []),
        ("Not polled", [unpolled] if is_polled and unpolled else []),
        ("Stream", stream),
        ("What came", came),
        ("Writers", told or ["none is known"]),
        ("Rates of holdings", owned),
        ("Refused", [f"{escape(symbol)}: {escape(why)}" for symbol, why in refused.items()]),
    ]


def health_text(sections: Sequence[Section], palette: Palette) -> Text:
    """Return the text of the page; a section without lines is left out."""
    text = Text()
    for heading, lines in sections:
        if lines:
            text.append(f"{heading}\n", style=f"bold {palette.accent}")
            text.append("".join(f"  {line}\n" for line in lines), style=palette.text)
    return text
