"""Standing facts: what a quote tells of a symbol and no tick does. Pure.

A tape keeps their changes. A tick and the facts known by then make a quote.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter
from typing import Any, Final

import msgspec

from ticker.records import Quote, Tick
from ticker.streams.sequence import Key

_FIELDS: Final = Tick.__struct_encode_fields__
STANDING: Final = (
    "name",
    "kind",
    "exchange",
    "currency",
    "price_hint",
    "delay",
    "session",
    "previous_close",
    "open",
)
"""The fields of a quote that no tick tells: a recording keeps their changes."""
_trade = attrgetter(*_FIELDS)
_standing = attrgetter(*STANDING)


class Facts(msgspec.Struct, frozen=True, omit_defaults=True):
    """Standing facts of one (origin, symbol); an unknown one is absent. Fields as in `Quote`."""

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


def facts_of(quote: Quote) -> Facts:
    """The standing facts that `quote` tells."""
    return Facts(
        quote.origin or "",
        quote.symbol,
        quote.source,
        **{name: getattr(quote, name) for name in STANDING},
    )


class KnownFacts:
    """The standing facts told so far, to find out which are new."""

    def __init__(self) -> None:
        self._facts: dict[Key, Facts] = {}

    def changes(self, quotes: Iterable[Quote], *, fixed_only: bool = False) -> list[Facts]:
        """The facts of `quotes` that differ from what was told before.

        `fixed_only`: leave out what is true only on the quotes' own day (see `fixed`).
        """
        changed: list[Facts] = []
        for quote in quotes:
            facts = fixed(facts_of(quote)) if fixed_only else facts_of(quote)
            key = (facts.origin, facts.symbol)
            if self._facts.get(key) != facts:
                self._facts[key] = facts
                changed.append(facts)
        return changed


def fixed(facts: Facts) -> Facts:
    """Those that were true all along: a stream keeps only the latest quote.

    The session, the previous close and the open are of the quote's own day.
    """
    return msgspec.structs.replace(facts, session=None, previous_close=None, open=None)


def quote_of(tick: Tick, facts: Facts | None) -> Quote:
    """The quote that was true after `tick`: its fields, and the standing facts known by then.

    Where the facts do not tell the previous close it is `price` minus `day_change`.
    """
    told: dict[str, Any] = dict(zip(_FIELDS, _trade(tick), strict=True))
    if facts is not None:
        for name, value in zip(STANDING, _standing(facts), strict=True):
            if told.get(name) is None:  # what the tick itself tells beats an older fact
                told[name] = value
    if told.get("previous_close") is None and tick.day_change is not None:
        told["previous_close"] = round(tick.price - tick.day_change, 8) or None
    return Quote(**told)
