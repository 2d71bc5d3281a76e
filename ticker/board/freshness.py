"""How old a row's price is, and why.

The age counts from the event's own time. The reason is the first that applies: the stream is away;
the poller stopped, is starting, or has a problem with its source; a poller runs, but does not ask
for the symbol; the source refused the symbol; the market is closed; the exchange delays its prices;
the session is before or after the regular one; a gap has just ended; nothing was traded. Without a
price, a refusal comes first of all. Pure: both clocks are passed in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ticker.board.row import Row
from ticker.health.reasons import TROUBLES, Reason
from ticker.health.writers import Writers
from ticker.records import Gap
from ticker.units import MINUTE

_QUIET: Final = MINUTE
"""A price older than this without another reason counts as unchanged (µs)."""
GAP_TOLD: Final = MINUTE
"""How long after a gap its rows show it as their reason (µs)."""
_EXTENDED: Final = {"pre": Reason.PRE_MARKET, "post": Reason.AFTER_HOURS}
"""Sessions with little trade: a price may be old or unusual."""


@dataclass(frozen=True, slots=True)
class Age:
    """How old a price is (µs; `None`: there is no price), and the reason."""

    micros: int | None
    reason: Reason
    detail: str = ""
    """The source's words for a refusal. They come from outside: escape them to show them."""
    until: int | None = None
    """When the source is asked again (µs, UTC); `None` if unknown."""
    delay: int | None = None
    """How late the exchange publishes its prices (µs)."""
    gap: int | None = None
    """The length of a gap that has just ended (µs)."""

    @property
    def is_trouble(self) -> bool:
        """Tell whether the price could be newer if all were well."""
        return self.reason in TROUBLES


def age_of(
    row: Row,
    writers: Writers,
    now: int,
    trouble: str | None,
    elapsed: int | None = None,
    *,
    gap: Gap | None = None,
) -> Age:
    """Return the age of the row's price at `now` (µs, UTC), with its reason.

    `trouble` says why the stream is away; `None` if it can be read. Writers are judged by
    `elapsed` (µs, the reader's own clock); `None` for a reader that reads once. `gap` is the newest
    one of the symbol.
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
    if gap is not None and now - gap.received < GAP_TOLD:
        lasted = None if gap.from_ is None or gap.until is None else gap.until - gap.from_
        return Age(age, Reason.GAP, gap=lasted)
    return Age(age, Reason.UNCHANGED if age > _QUIET else Reason.FRESH)


def _cause(
    row: Row, writers: Writers, elapsed: int, trouble: str | None
) -> tuple[Reason, int | None]:
    """Return what keeps the row from new prices, and when the source is asked again (µs, UTC)."""
    if trouble is not None:
        return Reason.STREAM_AWAY, None
    found = writers.of(row.symbol, row.source, elapsed)
    if not found and row.source is None:
        # The symbol may be new: no poller has listed it yet. So any poller counts.
        found = writers.at(elapsed)
    if found and not found[0].is_stopped:
        return found[0].reason, found[0].heartbeat.retry_at
    if found or (row.source is not None and writers.tell_symbols(row.source)):
        is_any_alive = any(writer.is_alive for writer in writers.at(elapsed))
        return Reason.NOT_POLLED if is_any_alive else Reason.POLLER_STOPPED, None
    # Imported or relayed prices have no poller, so none can have stopped.
    return Reason.FRESH, None
