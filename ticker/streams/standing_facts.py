"""Standing facts: the fields of a quote that rarely change. Pure.

A recording stores their changes. A tick and the facts known by then make a quote.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Any, Final

import msgspec

from ticker.records import Quote, Tick
from ticker.streams.sequence import Key

# The first fields of a quote are those of a tick, in another order.
_SHARED: Final = Quote.__struct_fields__[: len(Tick.__struct_fields__)]
_CURRENCY: Final = _SHARED.index("currency")
_SESSION: Final = _SHARED.index("session")
_RANGES: Final = (None, None, None, None, None)
"""From `day_high` to `market_cap`: these are not recorded."""
_trade: Callable[[Tick], Sequence[Any]] = attrgetter(*_SHARED)


class Facts(msgspec.Struct, frozen=True, omit_defaults=True):
    """Standing facts of one (origin, symbol); an unknown one is absent. Fields as in `Quote`.

    A tick can repeat only `currency` and `session`.
    """

    origin: str
    symbol: str
    source: str
    name: str | None = None
    kind: str | None = None
    exchange: str | None = None
    currency: str | None = None
    price_hint: int | None = None
    delay: int | None = None
    session: str | None = None
    previous_close: float | None = None
    open: float | None = None


_NO_FACTS: Final = Facts("", "", "")
_told: Final = attrgetter(*Facts.__struct_fields__[1:])


class KnownFacts:
    """The standing facts so far, to find out which are new."""

    def __init__(self) -> None:
        self._facts: dict[Key, Facts] = {}

    def changes(self, quotes: Iterable[Quote], *, fixed_only: bool = False) -> list[Facts]:
        """Return the facts of `quotes` that changed, and remember them.

        `fixed_only`: leave out what is true only on the quotes' own day (see `fixed`).
        """
        told = [Facts(quote.origin or "", *_told(quote)) for quote in quotes]
        return self.new(map(fixed, told) if fixed_only else told)

    def new(self, told: Iterable[Facts]) -> list[Facts]:
        """Return the facts that changed, and remember them."""
        changed: list[Facts] = []
        for facts in told:
            key = (facts.origin, facts.symbol)
            if self._facts.get(key) != facts:
                self._facts[key] = facts
                changed.append(facts)
        return changed


def fixed(facts: Facts) -> Facts:
    """Return `facts` without the session, the previous close and the open.

    These belong to the quote's own day, and the ticks may be from an earlier day.
    """
    return msgspec.structs.replace(facts, session=None, previous_close=None, open=None)


def quote_of(tick: Tick, facts: Facts | None) -> Quote:
    """Make the quote after `tick` from its fields and the `facts` known by then.

    If `facts` lack the previous close, it is `price` minus `day_change`.
    """
    facts = facts or _NO_FACTS
    close = facts.previous_close
    if close is None and tick.day_change is not None:
        close = round(tick.price - tick.day_change, 8) or None
    told = [*_trade(tick)]
    told[_CURRENCY] = tick.currency or facts.currency  # the tick's own fields beat an older fact
    told[_SESSION] = tick.session or facts.session
    told += (facts.name, facts.kind, facts.exchange, close, facts.open)
    told += (*_RANGES, facts.price_hint, facts.delay)
    return Quote(*told)
