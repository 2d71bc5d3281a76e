"""How old a price is, and why: the honest answer for each row.

The age counts from the event's own time. Its reason is the nearest known cause: the stream is away,
the poller stopped or is gone, the source is rate-limited, unreachable or unreadable, it refused the
symbol, the market is closed, the exchange delays its prices, the session is before or after the
regular one, or nothing was traded.
Pure: both clocks are passed in.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from ticker.board.row import Row
from ticker.health.reasons import TROUBLES, Reason
from ticker.health.writers import Writers
from ticker.records import Gap
from ticker.units import MINUTE

_QUIET: Final = MINUTE
"""A price younger than this needs no reason, whatever the interval (µs)."""
GAP_TOLD: Final = MINUTE
"""For how long a gap is told beside the prices that came after it (µs)."""
_EXTENDED: Final = {"pre": Reason.PRE_MARKET, "post": Reason.AFTER_HOURS}
"""The sessions in which little is traded: a price may be old or odd."""


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
    gap: int | None = None
    """How long the gap was that has just ended (µs)."""

    @property
    def is_trouble(self) -> bool:
        """Tell whether the price could be newer if all were well."""
        return self.reason in TROUBLES


def age_of(
    row: Row, writers: Writers, now: int, trouble: str | None, elapsed: int | None = None
) -> Age:
    """Return the age of the row's price at `now` (µs, UTC), with its reason.

    `trouble`: why the stream itself is away, in words; `None` while it is read. `elapsed`: the
    reader's own clock, by which writers are judged; `None` for a reader that looks once.
    """
    age = None if row.time is None else max(0, now - row.time)
    elapsed = now if elapsed is None else elapsed
    cause, until = _cause(row, writers, elapsed, trouble)
    if age is None or cause is Reason.FRESH:
        refused = writers.refusal(row.symbol, elapsed, row.received)
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
    if row.session in _EXTENDED:
        return Age(age, _EXTENDED[row.session])
    return Age(age, Reason.UNCHANGED if age > _QUIET else Reason.FRESH)


def after_gap(age: Age, gap: Gap, now: int) -> Age:
    """Return `age`, or the last `gap` of its symbol as its reason if that is new at `now` (µs)."""
    if age.reason not in (Reason.FRESH, Reason.UNCHANGED) or now - gap.received >= GAP_TOLD:
        return age
    lasted = None if gap.from_ is None or gap.until is None else max(1, gap.until - gap.from_)
    return replace(age, reason=Reason.GAP, gap=lasted)


def _cause(
    row: Row, writers: Writers, elapsed: int, trouble: str | None
) -> tuple[Reason, int | None]:
    """Return why the row's price is not new, and until when that lasts (µs) if known."""
    if trouble is not None:
        return Reason.STREAM_AWAY, None
    found = writers.of(row.symbol, row.source, elapsed)
    if not found and row.source is None:
        # It may have just been added: no poller has named it yet, but one still may.
        found = writers.at(elapsed)
    if found:
        return found[0].reason, found[0].heartbeat.retry_at
    if row.source is not None and writers.tell_symbols(row.source):
        return Reason.POLLER_STOPPED, None
    # Imported or relayed prices have no writer that could be missed.
    return Reason.FRESH, None
