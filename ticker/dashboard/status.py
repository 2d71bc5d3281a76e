"""The status line in words: the state of the source, its freshness, problems, and what to do.

Pure: it reads a feed and its board at a given moment. Every time in it is the time of an event or
of the next attempt, so the line changes only when the data change.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from textwrap import wrap
from typing import Final

from rich.cells import cell_len

from ticker.board import Age
from ticker.board.freshness import GAP_TOLD
from ticker.escape import escape
from ticker.feed import Feed
from ticker.figures import count_text, speed_text
from ticker.health import StreamState
from ticker.health.gaps import of_gap, of_gap_briefly
from ticker.health.reasons import Reason
from ticker.health.sentences import (
    followed_by,
    invitation,
    of_away,
    of_unhealthy,
    passed_over,
    sentence,
)
from ticker.health.verdict import Standing, of_writers
from ticker.health.writers import WriterHealth
from ticker.stream_clock import TapeTime
from ticker.times import Zone, clock


@dataclass(frozen=True, slots=True)
class Part:
    """Words that the status line shows together, or leaves out. They are safe to show."""

    words: str
    rank: int = 0
    """On a narrow line, parts with a high rank are left out first. The lowest one always stays."""
    brief: str = ""
    """Shorter words for a narrow line, if there are any."""
    hint: str = ""
    """What the line appends to the words, and the page of health does not."""


_PROBLEM, _NEW_GAP, _OTHERS, _POLLERS, _TICKS, _ROWS, _LEAST = range(7)
"""The ranks of parts."""


@dataclass(frozen=True, slots=True)
class Status:
    """The text of the status line."""

    parts: tuple[Part, ...]
    """In the order in which they are shown. A part without words is left out."""
    is_trouble: bool = False
    """Whether the user should act, or at least know."""
    badge: str = ""
    """A prefix of the words: a replay and the tape's time, or since when the board is frozen."""

    @property
    def words(self) -> str:
        """Return the words of all parts, without hints."""
        return reduce(followed_by, (part.words for part in self.parts if part.words))

    def fitting(self, room: int) -> str:
        """Return all parts if they fit `room` cells. If not, return the most important in brief.

        In trouble, the most important part keeps all its words if they fit.
        """
        parts = [part for part in self.parts if part.words]
        whole = self._line({part: part.words for part in parts})
        if cell_len(whole) <= room:
            return whole
        first, *others = sorted(parts, key=lambda part: part.rank)
        is_long = self.is_trouble and cell_len(first.words) <= room
        shown = {first: first.words if is_long else first.brief or first.words}
        for part in others:
            more = shown | {part: part.brief or part.words}
            if cell_len(self._line(more)) <= room:
                shown = more
        return self._line(shown)

    def _line(self, shown: Mapping[Part, str]) -> str:
        return reduce(
            followed_by, (shown[each] + each.hint for each in self.parts if each in shown)
        )


@dataclass(frozen=True, slots=True)
class MarketCount:
    """How often a market moved, by its own count, and how many moves this screen saw."""

    moved: int
    seen: int

    @property
    def words(self) -> str:
        """Return both as text. The market's count may lag, so at least `seen` is shown for it."""
        moved = count_text(max(self.moved, self.seen), "time")
        return f"market moved {moved}, we saw {self.seen:,}"


def status(
    feed: Feed,
    now: int,
    zone: Zone,
    *,
    has_poller: bool = False,
    has_player: bool = False,
    option: str = "",
    market: MarketCount | None = None,
    rows: Part = Part(""),
) -> Status:
    """Return the status at `now` (µs, by `feed.clock`), with times in `zone`.

    `has_poller`: this screen has its own poller, so an empty stream is just new. `has_player`: this
    screen plays a tape itself. `option` names this stream in a command. `market` replaces the
    number of ticks, if known. `rows` is the result of `of_rows`.
    """
    if feed.state is StreamState.OPENING or feed.state.is_bare:
        return _waiting(feed, option, has_poller=has_poller)
    if feed.state is not StreamState.OK:
        return _away(feed, now, zone)
    if feed.tape is not None:
        return _replaying(feed, feed.tape, now, zone, has_player=has_player, rows=rows)
    elapsed = feed.elapsed()
    writers = feed.board.writers.at(elapsed)
    ticks, gap = _ticks(feed, market), _gap(feed, now, zone)
    if not writers:
        return Status((ticks, gap))
    shown = _shown_from(feed, now, zone)
    if has_poller and _is_before(writers[0], feed):
        # Earlier records say nothing about the poller that starts with this screen.
        return Status((Part("The poller is starting."), shown))
    advised = None if has_poller else option  # the screen starts its own poller again
    verdict = of_writers(
        feed.board.writers, now, zone, elapsed=elapsed, symbols=feed.symbols, option=advised
    )
    if (reason := writers[0].reason) is not Reason.FRESH:
        told = Part(verdict.words, _PROBLEM, verdict.brief)
        return Status((told, shown), is_trouble=reason is not Reason.STARTING)
    is_stale = verdict.standing is not Standing.HEALTHY
    is_trouble = is_stale or bool(verdict.problem)
    others = "" if is_stale else of_unhealthy(writers[1:], len(writers))
    told = Part(verdict.words, _PROBLEM if is_trouble else _POLLERS, verdict.brief)
    return Status((Part(others, _OTHERS), told, rows, ticks, gap), is_trouble)


_OF_ROWS: Final = {
    Reason.CLOSED: "closed",
    Reason.PRE_MARKET: "pre-market",
    Reason.AFTER_HOURS: "after hours",
    Reason.DELAYED: "delayed",
    Reason.AWAITED: "awaited",
    Reason.REFUSED: "refused",
    Reason.NOT_POLLED: "not polled",
    Reason.UNCHANGED: "unchanged for a minute",
}
"""The words for reasons why prices are old although their writers are healthy."""


def of_rows(ages: Iterable[Age]) -> Part:
    """Count the old prices on screen by reason. Unchanged ones count only if all are unchanged."""
    counts = Counter(age.reason for age in ages)
    if len(counts) > 1:
        del counts[Reason.UNCHANGED]
        words = ", ".join(f"{counts[why]} {said}" for why, said in _OF_ROWS.items() if counts[why])
    else:
        reason, number = next(iter(counts.items()), (Reason.FRESH, 0))
        said = _OF_ROWS.get(reason, "")
        words = f"all {said}" if said and number > 1 else said
    is_explained = Reason.REFUSED in counts or Reason.NOT_POLLED in counts  # on the page of health
    return Part(words, _ROWS, hint=" (i says why)" if is_explained else "")


def filter_words(text: str, shown: int, feed: Feed) -> str:
    """Describe a filter for `text` that leaves `shown` rows."""
    return f"filter: {escape(text)} ({shown} of {len(feed.board.symbols)}), esc shows all"


def empty_words(feed: Feed, text: str, option: str, *, has_poller: bool, name: str = "") -> str:
    """Return the text for an empty table; `text` is the filter's, `name` the list's."""
    if text:
        among = f" in the list “{escape(name)}”" if name else ""
        return f"No row{among} matches “{escape(text)}”. esc shows all."
    if name and feed.board.size:
        return f"Nothing is in the list “{escape(name)}” now. tab shows the next."
    is_young = feed.state.is_bare and feed.problem is None
    if is_young and not has_poller:
        return invitation(feed.symbols, option)
    if has_poller and not feed.board.symbols:
        return "No symbols are shown. + adds some, such as AAPL GC=F."
    return ""


def hint_line(hint: str, line: int, width: int, height: int) -> str:
    """Return line `line` of `hint` in an empty table: in the upper third, centred."""
    lines = wrap(hint, max(1, min(width - 2, 64)))
    at = line - max(0, (height - len(lines)) // 3)
    return lines[at].center(width) if 0 <= at < len(lines) else ""


def _replaying(
    feed: Feed, tape: TapeTime, now: int, zone: Zone, *, has_player: bool, rows: Part
) -> Status:
    """Describe the replay at `now`, the tape's time (µs, UTC)."""
    # The player bar shows the tape's time and speed.
    badge = "REPLAY" if has_player else f"REPLAY {clock(now, zone, now=feed.wall())}"
    ticks, gap = _ticks(feed), _gap(feed, now, zone)
    if tape.is_silent(feed.elapsed()):
        words = Part("The replay stopped unexpectedly")
        return Status((words, ticks), is_trouble=True, badge=badge)
    if not tape.has_ended:
        speed = "" if has_player else f" {speed_text(tape.speed)}"
        return Status((ticks, rows, gap), badge=badge + speed)
    if not has_player:  # the replay may have begun before this screen
        ended = (Part("The replay has ended"), Part(f"{ticks.words} seen here"))
        return Status(ended, badge=badge)
    return Status((Part(f"end of the recording: {ticks.words}"), gap), badge=badge)


def _is_before(writer: WriterHealth, feed: Feed) -> bool:
    """Tell whether `writer` is gone, and sent nothing since `feed` began."""
    silent = feed.elapsed() - feed.began
    is_gone = writer.reason in (Reason.POLLER_STOPPED, Reason.UNKNOWN)
    return is_gone and (writer.silent is None or writer.silent >= silent)


def _waiting(feed: Feed, option: str, *, has_poller: bool) -> Status:
    if feed.state is not StreamState.OPENING and feed.problem is not None:
        problem = sentence(f"{escape(feed.url)}: {escape(feed.problem)}")
        return Status((Part(f"{problem} Waiting for it to come back."),), is_trouble=True)
    if feed.state is StreamState.OPENING:
        words = f"Opening {escape(feed.url)} …"
    elif has_poller or not feed.board.symbols:
        words = "Waiting for the first prices."
    else:
        words = invitation(feed.symbols, option)
    return Status((Part(words),))


def _away(feed: Feed, now: int, zone: Zone) -> Status:
    words = of_away(feed.state, feed.problem)
    if feed.next_try is not None and feed.next_try > now:
        words += f" Next try {clock(feed.next_try, zone, now=now)}."
    return Status((Part(words), _shown_from(feed, now, zone)), is_trouble=True)


def _shown_from(feed: Feed, now: int, zone: Zone) -> Part:
    board = feed.board
    times = [t for symbol in board.symbols if (t := board.row(symbol).received) is not None]
    if not times:
        return Part("")
    span = dict.fromkeys(clock(time, zone, now=now) for time in (min(times), max(times)))
    return Part(f"Prices shown are from {' to '.join(span)}.", _LEAST)


def _ticks(feed: Feed, market: MarketCount | None = None) -> Part:
    broken = feed.read_stats().broken
    passed = f"skipped {passed_over(broken)}" if broken else ""
    words = count_text(feed.board.ticks, "tick") if market is None else market.words
    return Part(followed_by(words, passed), _TICKS)


def _gap(feed: Feed, now: int, zone: Zone) -> Part:
    """Return the last gap while it is new, then the number of gaps."""
    gap = feed.board.gap
    if gap is None:
        return Part("")
    if now - gap.received < GAP_TOLD:
        return Part(of_gap(gap, now, zone), _NEW_GAP, of_gap_briefly(gap, now, zone))
    return Part(count_text(feed.board.gaps, "gap"), _LEAST)
