"""Records with the time at which they are due on the tape. Pure.

The tape's time is `received`. A record is due when the running maximum of `received` reaches it:
where the recording machine's clock stepped back, the tape goes on at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ticker.records import MAX_TIME, Batch, Gap, Position, Quote, Record, Tick

Timed = tuple[int, Record]
"""When it is due (µs of the tape), and what."""


def in_order(batch: Batch, floor: int) -> list[Timed]:
    """A batch of a log that keeps the order of all its ticks; `floor`: when the last was due."""
    ticks: list[tuple[int, Tick]] = []
    due = floor
    for tick in batch.ticks:
        due = max(due, tick.received)
        ticks.append((due, tick))
    return _merged(batch.gaps, ticks, batch.quotes, floor)


def by_time(batches: Sequence[Batch]) -> list[Timed]:
    """All batches of a log that keeps the order of each symbol only: put in order by `received`."""
    heads: dict[tuple[str, str], int] = {}
    ticks: list[tuple[int, Tick]] = []
    for tick in (tick for batch in batches for tick in batch.ticks):
        key = (tick.origin, tick.symbol)
        heads[key] = max(heads.get(key, 0), tick.received)
        ticks.append((heads[key], tick))
    gaps = [gap for batch in batches for gap in batch.gaps]
    return _merged(gaps, ticks, [quote for batch in batches for quote in batch.quotes], 0)


def _merged(
    gaps: Sequence[Gap], ticks: Sequence[tuple[int, Tick]], quotes: Iterable[Quote], floor: int
) -> list[Timed]:
    """All in order of time; of the same time gaps first, then ticks, then quotes.

    A hole that was told comes with the tick behind it, because a log takes that tick only then. All
    other gaps come at their own time, and quotes not before the last tick that they take in.
    """
    told = {(quote.origin, quote.symbol): quote for quote in quotes}
    holes = {
        (gap.origin, gap.symbol, gap.last_sequence + 1)
        for gap in gaps
        if gap.last_sequence is not None
    }
    after: dict[tuple[str | None, str], int] = {}
    behind: dict[tuple[str, str | None, int], int] = {}
    for due, tick in ticks:
        key = (tick.origin, tick.symbol)
        if key in told and tick.sequence <= (told[key].sequence or 0):
            after[key] = due
        if holes and (*key, tick.sequence) in holes:
            behind[*key, tick.sequence] = due
    timed: list[Timed] = []
    for gap in gaps:
        name = (gap.origin, gap.symbol, (gap.last_sequence or 0) + 1)
        timed.append((behind.get(name, max(floor, gap.received)), gap))
    timed += ticks
    timed += [(max(floor, q.received, after.get(key, 0)), q) for key, q in told.items()]
    return sorted(timed, key=due_time)  # stable


def due_time(timed: Timed) -> int:
    """When it is due (µs of the tape)."""
    return timed[0]


def within(batch: Batch, since: int | None, until: int | None) -> Batch:
    """What of `batch` was received from `since` on and before `until`.

    Heartbeats are left out: they are signs of life of its writers, and nothing that is played.
    """
    first, end = since or 0, MAX_TIME + 1 if until is None else until
    return Batch(
        batch.position,
        ticks=[tick for tick in batch.ticks if first <= tick.received < end],
        gaps=[gap for gap in batch.gaps if first <= gap.received < end],
        quotes=[quote for quote in batch.quotes if first <= quote.received < end],
    )


def as_batch(timed: Sequence[Timed]) -> Batch:
    """Records that are due, in one batch; its position is nobody's."""
    records = [record for _, record in timed]
    return Batch(
        Position(""),
        ticks=[record for record in records if isinstance(record, Tick)],
        gaps=[record for record in records if isinstance(record, Gap)],
        quotes=[record for record in records if isinstance(record, Quote)],
    )
