"""How a recording lies in its Parquet file.

The rows are the ticks, one column for each field of a tick, sorted by `received`, origin, symbol
and sequence. Times are Parquet timestamps (µs, UTC). The file's key-value metadata hold, as JSON:
`ticker.manifest` (`Manifest`), `ticker.gaps` (a list of `PlacedGap`) and `ticker.facts` (a list of
`PlacedFacts`). A row number says where a gap or a fact belongs: before that row, counted from 0.

Any Parquet reader opens the ticks; only ticker needs the metadata. This file knows SQL text, and
neither files nor connections.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Final

import msgspec

from ticker.records import Gap, Position, Quote, Tick
from ticker.streams.sequence import Key

VERSION: Final = 1
"""Raised when a recording changes in a way that older versions of ticker would misread."""

MANIFEST: Final = "ticker.manifest"
GAPS: Final = "ticker.gaps"
FACTS: Final = "ticker.facts"

FIELDS: Final = Tick.__struct_encode_fields__
TIMES: Final = frozenset({"time", "received"})
_INTEGERS: Final = frozenset({"sequence"})
TEXTS: Final = ("symbol", "source", "origin", "currency", "session")


def sql_type(field: str) -> str:
    """The column type of a tick's field."""
    if field in TIMES:
        return "TIMESTAMPTZ"
    if field in _INTEGERS:
        return "BIGINT"
    if field in TEXTS:
        return "VARCHAR"
    return "BOOLEAN" if field == "simulated" else "DOUBLE"


TABLE: Final = ", ".join(f'"{field}" {sql_type(field)}' for field in FIELDS)
COLUMNS: Final = ", ".join(f'"{field}"' for field in FIELDS)
VALUES: Final = ", ".join(
    f'epoch_us("{field}") AS "{field}"' if field in TIMES else f'"{field}"' for field in FIELDS
)
"""The columns as `Tick` takes them: times as whole microseconds."""

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


class SymbolSpan(msgspec.Struct, frozen=True, array_like=True):
    """What the recording holds of one (origin, symbol)."""

    origin: str
    symbol: str
    first: int
    """Its lowest sequence."""
    last: int
    count: int
    digest: str
    """See `ticker.streams.digest`."""


class Manifest(msgspec.Struct, frozen=True):
    """What a recording holds, so that a replay can prove that it is complete."""

    version: int
    identity: str
    """The same for recordings of the same ticks: positions name it."""
    ticks: int
    simulated: bool | None = None
    """Whether the prices are invented; absent where there are none."""
    first: int | None = None
    """`received` of the first row (µs, UTC)."""
    last: int | None = None
    """The latest `received` (µs, UTC)."""
    spans: tuple[SymbolSpan, ...] = ()


class PlacedGap(msgspec.Struct, frozen=True, array_like=True):
    """A gap, and the row before which it stands."""

    row: int
    gap: Gap


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


class PlacedFacts(msgspec.Struct, frozen=True, array_like=True):
    """Facts, and the row from which they are true."""

    row: int
    facts: Facts


def facts_of(quote: Quote) -> Facts:
    """The standing facts that `quote` tells."""
    return Facts(
        quote.origin or "",
        quote.symbol,
        quote.source,
        **{name: getattr(quote, name) for name in STANDING},
    )


class Known:
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
    told: Mapping[str, object] = (
        {} if facts is None else {name: getattr(facts, name) for name in STANDING}
    )
    known = {name: value for name, value in told.items() if value is not None}
    trade = {name: getattr(tick, name) for name in FIELDS}
    quote = Quote(**{**trade, **known, **_trade_facts(tick)})
    if quote.previous_close is None and tick.day_change is not None:
        close = round(tick.price - tick.day_change, 8)
        if close:
            quote = msgspec.structs.replace(quote, previous_close=close)
    return quote


def _trade_facts(tick: Tick) -> Mapping[str, object]:
    """What the tick itself tells beats an older fact."""
    told = {"currency": tick.currency, "session": tick.session}
    return {name: value for name, value in told.items() if value is not None}


class RecordingPosition(msgspec.Struct, frozen=True):
    """A position in a recording: before row `row`. One more than the ticks is the very end."""

    identity: str
    row: int

    def position(self) -> Position:
        """As it is given out."""
        return Position(f"{self.identity}:{self.row}")


def identity_of(spans: Sequence[SymbolSpan], gaps: Sequence[Gap]) -> str:
    """The same for the same ticks and gaps, whatever wrote them: 16 hexadecimal digits."""
    told = msgspec.json.encode([spans, sorted(msgspec.json.encode(gap) for gap in gaps)])
    return blake2b(told, digest_size=8).hexdigest()
