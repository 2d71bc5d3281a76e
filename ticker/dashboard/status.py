"""The status line in words: the state of the source, its freshness, problems, and what to do.

Pure: it reads a feed and its board at a given moment. Every time in it is the time of an event or
of the next attempt, so the line changes only when the data change.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
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
class Status:
    """The text of the status line."""

    words: str
    """Safe to show: text from outside is escaped."""
    is_trouble: bool
    """Whether the user should act, or at least know."""
    badge: str = ""
    """A prefix of the words: a replay and the tape's time, or since when the board is frozen."""
    brief: tuple[str, ...] = ()
    """The parts of a shorter text for a narrow line, the most important first."""
    reason: str = ""
    """The part of the words that says what is wrong, and why."""

    def fitting(self, room: int) -> str:
        """Return the words, or else the reason, or else the brief parts that fit `room` cells.

        The first brief part is always returned. Without brief parts, return the words.
        """
        for words in filter(None, (self.words, self.reason)):
            if cell_len(words) <= room:
                return words
        if not self.brief:
            return self.words
        said = self.brief[0]
        for more in self.brief[1:]:
            longer = followed_by(said, more)
            said = longer if cell_len(longer) <= room else said
        return said


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
    rows: str = "",
) -> Status:
    """Return the status at `now` (µs, by `feed.clock`), with times in `zone`.

    `has_poller`: this screen has its own poller, so an empty stream is just new. `has_player`: this
    screen plays a tape itself. `option` names this stream in a command. `market` replaces the
    number of ticks, if known. `rows` is the result of `rows_words`.
    """
    if feed.state is StreamState.OPENING or feed.state.is_bare:
        return _waiting(feed, option, has_poller=has_poller)
    if feed.state is not StreamState.OK:
        return _away(feed, now, zone)
    if feed.tape is not None:
        return _replaying(feed, feed.tape, now, zone, has_player=has_player, rows=rows)
    elapsed = feed.elapsed()
    writers = feed.board.writers.at(elapsed)
    ticks = _ticks(feed, market)
    if not writers:
        return Status(_joined(ticks, _gaps(feed, now, zone)), is_trouble=False)
    if has_poller and _is_before(writers[0], feed):
        # Earlier records say nothing about the poller that starts with this screen.
        words = followed_by("The poller is starting.", _shown_from(feed, now, zone))
        return Status(words, is_trouble=False)
    verdict = of_writers(
        feed.board.writers, now, zone, elapsed=elapsed, symbols=feed.symbols, option=option
    )
    if writers[0].reason is not Reason.FRESH:
        shown = _shown_from(feed, now, zone)
        return Status(
            followed_by(verdict.words, shown),
            is_trouble=writers[0].reason is not Reason.STARTING,
            brief=(verdict.brief or verdict.words, shown),
            reason=verdict.words,
        )
    is_stale = verdict.standing is not Standing.HEALTHY
    is_trouble = is_stale or bool(verdict.problem)
    others = "" if is_stale else of_unhealthy(writers[1:], len(writers))
    gaps = _gaps(feed, now, zone)
    words = _joined(others, verdict.words, rows, ticks, gaps)
    new_gap, told = _new_gap(feed, now, zone), verdict.brief or verdict.words
    first = (told, new_gap) if is_trouble else (new_gap, others, told)
    brief = (*first, ticks, rows)
    return Status(words, is_trouble, brief=tuple(filter(None, brief)))


I_SAYS_WHY: Final = " (i says why)"
"""Names the key of the page of health."""
_OF_ROWS: Final = {
    Reason.CLOSED: "closed",
    Reason.PRE_MARKET: "pre-market",
    Reason.AFTER_HOURS: "after hours",
    Reason.DELAYED: "delayed",
    Reason.AWAITED: "awaited",
    Reason.REFUSED: f"refused{I_SAYS_WHY}",
    Reason.NOT_POLLED: f"not polled{I_SAYS_WHY}",
    Reason.UNCHANGED: "unchanged for a minute",
}
"""The words for reasons why prices are old although their writers are healthy."""


def rows_words(ages: Iterable[Age]) -> str:
    """Count the old prices on screen by reason. Unchanged ones count only if all are unchanged."""
    counts = Counter(age.reason for age in ages)
    if len(counts) == 1:
        ((reason, number),) = counts.items()
        said = _OF_ROWS.get(reason, "")
        return f"all {said}" if said and number > 1 else said
    del counts[Reason.UNCHANGED]
    return ", ".join(f"{counts[why]} {said}" for why, said in _OF_ROWS.items() if counts[why])


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
    feed: Feed, tape: TapeTime, now: int, zone: Zone, *, has_player: bool, rows: str
) -> Status:
    """Describe the replay at `now`, the tape's time (µs, UTC)."""
    # The player bar shows the tape's time and speed.
    badge = "REPLAY" if has_player else f"REPLAY {clock(now, zone, now=feed.wall())}"
    played, gaps = _ticks(feed), _gaps(feed, now, zone)
    if tape.is_silent(feed.elapsed()):
        return Status(_joined("The replay stopped unexpectedly", played), True, badge)
    if not tape.has_ended:
        speed = "" if has_player else f" {speed_text(tape.speed)}"
        brief = tuple(filter(None, (_new_gap(feed, now, zone), played, rows)))
        return Status(_joined(played, rows, gaps), False, badge + speed, brief)
    if not has_player:  # the replay may have begun before this screen
        played = f"The replay has ended · {played} seen here"
        return Status(played, False, badge)
    return Status(_joined(f"end of the recording: {played}", gaps), False, badge)


def _is_before(writer: WriterHealth, feed: Feed) -> bool:
    """Tell whether `writer` is gone, and sent nothing since `feed` began."""
    silent = feed.elapsed() - feed.began
    is_gone = writer.reason in (Reason.POLLER_STOPPED, Reason.UNKNOWN)
    return is_gone and (writer.silent is None or writer.silent >= silent)


def _waiting(feed: Feed, option: str, *, has_poller: bool) -> Status:
    if feed.state is StreamState.OPENING:
        return Status(f"Opening {escape(feed.url)} …", is_trouble=False)
    if feed.problem is not None:
        problem = sentence(f"{escape(feed.url)}: {escape(feed.problem)}")
        words = f"{problem} Waiting for it to come back."
        return Status(words, is_trouble=True)
    if has_poller or not feed.board.symbols:
        return Status("Waiting for the first prices.", is_trouble=False)
    return Status(invitation(feed.symbols, option), is_trouble=False)


def _away(feed: Feed, now: int, zone: Zone) -> Status:
    words = of_away(feed.state, feed.problem)
    if feed.next_try is not None and feed.next_try > now:
        words += f" Next try {clock(feed.next_try, zone, now=now)}."
    shown = _shown_from(feed, now, zone)
    return Status(followed_by(words, shown), is_trouble=True, brief=(words, shown))


def _shown_from(feed: Feed, now: int, zone: Zone) -> str:
    board = feed.board
    times = [t for symbol in board.symbols if (t := board.row(symbol).received) is not None]
    if not times:
        return ""
    first, last = (clock(time, zone, now=now) for time in (min(times), max(times)))
    return f"Prices shown are from {first}{'' if first == last else f' to {last}'}."


def _ticks(feed: Feed, market: MarketCount | None = None) -> str:
    passed = f"skipped {passed_over(feed.broken)}" if feed.broken else ""
    words = count_text(feed.board.ticks, "tick") if market is None else market.words
    return _joined(words, passed)


def _gaps(feed: Feed, now: int, zone: Zone) -> str:
    board = feed.board
    if board.gap is None:
        return ""
    if _is_gap_new(feed, now):
        return of_gap(board.gap, now, zone)
    return count_text(board.gaps, "gap")


def _is_gap_new(feed: Feed, now: int) -> bool:
    gap = feed.board.gap
    return gap is not None and now - gap.received < GAP_TOLD


def _new_gap(feed: Feed, now: int, zone: Zone) -> str:
    """Return the last gap in brief, while it is new."""
    gap = feed.board.gap
    return of_gap_briefly(gap, now, zone) if gap and _is_gap_new(feed, now) else ""


def _joined(*parts: str) -> str:
    return " · ".join(part for part in parts if part)
