"""The status line in words: the state of the source, its freshness, problems, and what to do.

Pure: it reads a feed and its board at a given moment. Every time in it is the time of an event or
of the next attempt, so the line changes only when the data change.
"""

from __future__ import annotations

from dataclasses import dataclass

from ticker.clock import TapeTime
from ticker.escape import escape
from ticker.feed import Feed
from ticker.figures import count_text, speed_text
from ticker.health import StreamState
from ticker.health.reasons import Reason
from ticker.health.sentences import (
    followed_by,
    invitation,
    of_away,
    of_gap,
    of_unwell,
    passed_over,
    sentence,
)
from ticker.health.verdict import Standing, of_writers
from ticker.health.writers import WriterHealth
from ticker.times import Zone, clock
from ticker.units import MINUTE

_GAP_SHOWN = MINUTE
"""How long the last gap is described in full (µs). After that, only the number of gaps is shown."""


@dataclass(frozen=True, slots=True)
class Status:
    """The text of the status line."""

    words: str
    """Safe to show: text from outside is escaped."""
    is_trouble: bool
    """Whether the user should act, or at least know."""
    badge: str = ""
    """A prefix of the words: that this is a replay, and the tape's time."""


@dataclass(frozen=True, slots=True)
class Market:
    """How often a market moved, if it counts its changes, and how many of them were seen."""

    moved: int
    seen: int

    @property
    def words(self) -> str:
        """Return it as text. Seen changes count even if the market's own count is late."""
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
    market: Market | None = None,
) -> Status:
    """Return the status at `now` (µs), with times in `zone`.

    `has_poller`: one was started with this screen, so an empty stream is just new. `has_player`:
    this screen shows a replay of its own, from its beginning. `option` is what a command needs to
    work on this stream. `market`, if known, replaces the number of ticks.
    """
    if feed.state is StreamState.OPENING or feed.state.is_bare:
        return _waiting(feed, option, has_poller=has_poller)
    if feed.state is not StreamState.OK:
        return Status(_away(feed, now, zone), is_trouble=True)
    if feed.tape is not None:
        return _replaying(feed, feed.tape, now, zone, has_player=has_player)
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
        words = followed_by(verdict.words, _shown_from(feed, now, zone))
        return Status(words, is_trouble=writers[0].reason is not Reason.STARTING)
    is_trouble = verdict.standing is not Standing.HEALTHY
    others = "" if is_trouble else of_unwell(writers[1:], len(writers))
    words = _joined(others, verdict.words, ticks, _gaps(feed, now, zone))
    return Status(words, is_trouble=is_trouble)


def filter_words(text: str, shown: int, feed: Feed) -> str:
    """Describe a filter for `text` that leaves `shown` rows."""
    return f"filter: {escape(text)} ({shown} of {len(feed.board.symbols)}), esc shows all"


def empty_words(feed: Feed, text: str, option: str, *, has_poller: bool, name: str = "") -> str:
    """Return the text for an empty table; `text` is the filter's, `name` the list's."""
    if name and feed.board.size:
        return f"Nothing is in the list “{escape(name)}” now. tab shows the next."
    if text:
        return f"No row matches “{escape(text)}”. esc shows all."
    is_young = feed.state.is_bare and feed.problem is None
    if is_young and not has_poller:
        return invitation(feed.symbols, option)
    if has_poller and not feed.board.symbols:
        return "No symbols are shown. + adds some, such as AAPL GC=F."
    return ""


def _replaying(feed: Feed, tape: TapeTime, now: int, zone: Zone, *, has_player: bool) -> Status:
    """Describe the tape's place; `now` is its time."""
    # A player's own bar shows its place and its speed.
    badge = "REPLAY" if has_player else f"REPLAY {clock(now, zone, now=feed.wall())}"
    played, gaps = _ticks(feed), _gaps(feed, now, zone)
    if tape.is_silent(feed.elapsed()):
        return Status(_joined("The replay is gone without a word", played), True, badge)
    if not tape.has_ended:
        speed = "" if has_player else f" {speed_text(tape.speed)}"
        return Status(_joined(played, gaps), False, badge + speed)
    if not has_player:  # it may have begun before this screen
        played = f"The replay has ended · {played} seen here"
        return Status(played, False, badge)
    return Status(_joined(f"end of the recording: {played}", gaps), False, badge)


def _is_before(writer: WriterHealth, feed: Feed) -> bool:
    """Tell whether the healthiest writer is gone and sent nothing since `feed` began."""
    silent = feed.elapsed() - feed.began
    is_gone = writer.reason in (Reason.POLLER_STOPPED, Reason.UNKNOWN)
    return is_gone and (writer.silent is None or writer.silent >= silent)


def _waiting(feed: Feed, option: str, *, has_poller: bool) -> Status:
    if feed.state is StreamState.OPENING:
        return Status(f"Opening {escape(feed.url)} …", is_trouble=False)
    if feed.problem is not None:
        words = f"{sentence(escape(feed.problem))} Waiting for it to come back."
        return Status(words, is_trouble=True)
    if has_poller or not feed.board.symbols:
        return Status("Waiting for the first prices.", is_trouble=False)
    return Status(invitation(feed.symbols, option), is_trouble=False)


def _away(feed: Feed, now: int, zone: Zone) -> str:
    words = of_away(feed.state, feed.problem)
    if feed.next_try is not None and feed.next_try > now:
        words += f" Next try {clock(feed.next_try, zone, now=now)}."
    return followed_by(words, _shown_from(feed, now, zone))


def _shown_from(feed: Feed, now: int, zone: Zone) -> str:
    board = feed.board
    times = [t for symbol in board.symbols if (t := board.row(symbol).received) is not None]
    if not times:
        return ""
    first, last = (clock(time, zone, now=now) for time in (min(times), max(times)))
    return f"Prices shown are from {first}{'' if first == last else f' to {last}'}."


def _ticks(feed: Feed, market: Market | None = None) -> str:
    passed = f"passed over {passed_over(feed.broken)}" if feed.broken else ""
    words = count_text(feed.board.ticks, "tick") if market is None else market.words
    return _joined(words, passed)


def _gaps(feed: Feed, now: int, zone: Zone) -> str:
    board = feed.board
    if board.gap is None:
        return ""
    if now - board.gap.received < _GAP_SHOWN:
        return of_gap(board.gap, now, zone)
    return count_text(board.gaps, "gap")


def _joined(*parts: str) -> str:
    return " · ".join(part for part in parts if part)
