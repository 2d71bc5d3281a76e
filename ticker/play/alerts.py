"""Finds where alerts are met on a tape."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from typing import Final

from ticker.board.alert_rules import Alert, Alerts, Told
from ticker.play.reel import Reel
from ticker.records import Batch, Position
from ticker.streams.standing_facts import quote_of

_BATCH: Final = 500
"""The most ticks checked before other tasks of the event loop may run."""


async def alerts_met(reel: Reel, alerts: Sequence[Alert]) -> list[tuple[int, Told]]:
    """Return where `alerts` are met on `reel`, with the time (µs of the tape), in order of time.

    The values at the start meet no alert, only later crossings do. Raises `StreamError`.
    """
    looking = Alerts(alerts)
    symbols = frozenset(looking.symbols)
    if reel.span.symbols is not None:
        symbols &= frozenset(reel.span.symbols)
    if not symbols:
        return []
    known = await reel.tape.last_ticks(reel.start - 1)
    quotes = [quote_of(tick, None) for tick in known.ticks if tick.symbol in symbols]
    looking.take(Batch(Position(""), quotes=quotes), since=reel.start)
    gaps = iter(reel.gaps_of(symbols))
    due_gap = next(gaps, None)
    met: list[tuple[int, Told]] = []
    due = reel.start
    reading = reel.tape.read(known.position, symbols=symbols, follow=False, limit=_BATCH)
    async with aclosing(reading) as batches:
        async for batch in batches:
            for tick in batch.ticks:
                due = max(due, tick.received)
                if due > reel.end:
                    return met
                passed = []
                while due_gap is not None and due_gap[0] <= due:
                    passed.append(due_gap[1])
                    due_gap = next(gaps, None)
                found = looking.take(Batch(Position(""), ticks=[tick], gaps=passed))
                met += [(due, told) for told in found]
    return met
