"""How old a price is, and why: the honest answer for each row.

The age counts from the event's own time. Its reason is the nearest cause that we know: the stream
is away, the poller stopped or is gone, the source is rate-limited, out of reach or not to be read,
it refused the symbol, the market is closed, the exchange delays its prices, or nothing was traded.
Pure: now is passed in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ticker.board.row import Row
from ticker.liveness import is_alive
from ticker.records import Heartbeat
from ticker.states import WriterState

_SECOND: Final = 1_000_000
_QUIET: Final = 60 * _SECOND
"""A price younger than this needs no reason, whatever the interval."""


class Reason(StrEnum):
    """Why a price is old, as a screen says it in a word or two."""

    FRESH = ""
    STREAM_AWAY = "stream away"
    POLLER_STOPPED = "poller stopped"
    RATE_LIMITED = "rate-limited"
    SLOW = "source slow"
    NO_PRICES = "no usable prices"
    UNREADABLE = "source unreadable"
    UNREACHABLE = "source away"
    REFUSED = "refused"
    CLOSED = "market closed"
    DELAYED = "delayed"
    UNCHANGED = "unchanged"
    AWAITED = "awaited"


TROUBLES: Final = frozenset(
    {
        Reason.STREAM_AWAY,
        Reason.POLLER_STOPPED,
        Reason.RATE_LIMITED,
        Reason.SLOW,
        Reason.NO_PRICES,
        Reason.UNREADABLE,
        Reason.UNREACHABLE,
        Reason.REFUSED,
    }
)
"""The reasons that somebody should do something about."""


@dataclass(frozen=True, slots=True)
class Age:
    """How old a price is (µs; `None` without one), why, and until when that lasts."""

    micros: int | None
    reason: Reason
    detail: str = ""
    """In words from outside (a refusal), to be escaped where it is shown."""
    until: int | None = None
    """When the source may be asked again (µs, UTC)."""
    delay: int | None = None
    """By how much the exchange delays (µs)."""

    @property
    def is_trouble(self) -> bool:
        """Whether the price could be newer if all were well."""
        return self.reason in TROUBLES


@dataclass(frozen=True, slots=True)
class Writer:
    """One writer at one moment: its last heartbeat, and what to think of it."""

    heartbeat: Heartbeat
    reason: Reason
    """FRESH while it looks as it announced and gets prices; else what keeps it from them."""


class Writers:
    """The last heartbeat per (writer, source)."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, str], Heartbeat] = {}

    def take(self, heartbeat: Heartbeat) -> Iterable[str]:
        """Note it; the symbols whose refusal changed with it."""
        key = (heartbeat.writer, heartbeat.source)
        known = self._last.get(key)
        if known is not None and heartbeat.received < known.received:
            return ()
        self._last[key] = heartbeat
        before = {} if known is None else known.refused
        after = heartbeat.refused
        if before == after:
            return ()
        return {s for s in before.keys() | after.keys() if before.get(s) != after.get(s)}

    def __bool__(self) -> bool:
        """True once any writer gave a sign of life."""
        return bool(self._last)

    def refusal(self, symbol: str, now: int, received: int | None = None) -> str | None:
        """Why the source has no quote of `symbol`, by the newest heartbeat that says so.

        `received` (µs): when its price was had. A refusal from before that, or by a writer that is
        gone by `now`, says nothing of such a price; without one, it is the best that is known.
        """
        told = [h for h in self._last.values() if symbol in h.refused]
        if received is not None:
            told = [h for h in told if h.time >= received and _is_there(h, now)]
        return max(told, key=lambda h: h.received).refused[symbol] if told else None

    def refusals(self, now: int) -> Mapping[str, str]:
        """Symbol → why, as those tell it who still ask at `now`."""
        told = [h for h in self._last.values() if h.refused and _is_there(h, now)]
        told.sort(key=lambda h: h.received)
        return {symbol: why for h in told for symbol, why in h.refused.items()}

    def at(self, now: int, source: str | None = None) -> list[Writer]:
        """All writers (of `source`), the soundest first and of these the latest heard."""
        found = [
            Writer(heartbeat, judge(heartbeat, now))
            for heartbeat in self._last.values()
            if source is None or heartbeat.source == source
        ]
        found.sort(key=lambda w: (_BADNESS[w.reason], -w.heartbeat.received))
        return found


_BADNESS: Final = {
    reason: badness
    for badness, reason in enumerate(
        (
            Reason.FRESH,
            Reason.SLOW,
            Reason.RATE_LIMITED,
            Reason.NO_PRICES,
            Reason.UNREADABLE,
            Reason.UNREACHABLE,
            Reason.STREAM_AWAY,
            Reason.POLLER_STOPPED,
        )
    )
}

REASONS: Final[Mapping[str, Reason]] = {
    WriterState.STARTING: Reason.FRESH,
    WriterState.OK: Reason.FRESH,
    WriterState.REPLAYING: Reason.FRESH,
    WriterState.SLOW: Reason.SLOW,
    WriterState.NO_PRICES: Reason.NO_PRICES,
    WriterState.RATE_LIMITED: Reason.RATE_LIMITED,
    WriterState.UNREACHABLE: Reason.UNREACHABLE,
    WriterState.UNREADABLE: Reason.UNREADABLE,
    WriterState.STREAM_UNREACHABLE: Reason.STREAM_AWAY,
    WriterState.STOPPED: Reason.POLLER_STOPPED,
}
"""What each state means for the prices. One that is not here keeps no price from being new."""


def judge(heartbeat: Heartbeat, now: int) -> Reason:
    """What to think, at `now` (µs), of the writer whose last heartbeat this is."""
    if not is_alive(heartbeat, now):
        return Reason.POLLER_STOPPED
    return REASONS.get(heartbeat.state, Reason.FRESH)


def _is_there(heartbeat: Heartbeat, now: int) -> bool:
    return judge(heartbeat, now) is not Reason.POLLER_STOPPED


def age_of(row: Row, writers: Writers, now: int, trouble: str | None) -> Age:
    """The age of the row's price at `now` (µs) with its reason.

    `trouble`: why the stream itself is away, in words; `None` while it is read.
    """
    age = None if row.time is None else max(0, now - row.time)
    cause, until = _cause(row.source, writers, now, trouble)
    if age is None or cause is Reason.FRESH:
        refused = writers.refusal(row.symbol, now, row.received)
        if refused is not None:
            return Age(age, Reason.REFUSED, detail=refused)
    if cause is not Reason.FRESH:
        return Age(age, cause, until=until)
    if age is None:
        return Age(None, Reason.AWAITED)
    if row.session == "closed":
        return Age(age, Reason.CLOSED)
    if row.delay and age >= row.delay // 2:
        return Age(age, Reason.DELAYED, delay=row.delay)
    return Age(age, Reason.UNCHANGED if age > _QUIET else Reason.FRESH)


def _cause(
    source: str | None, writers: Writers, now: int, trouble: str | None
) -> tuple[Reason, int | None]:
    """What keeps every price of `source` from being new, and until when (µs) if known."""
    if trouble is not None:
        return Reason.STREAM_AWAY, None
    found = writers.at(now, source)
    if not found:
        # Imported or relayed prices have no writer that could be missed.
        return Reason.FRESH, None
    soundest = found[0]
    return soundest.reason, soundest.heartbeat.retry_at
