"""The records that streams store: `Tick`, `Quote`, `Gap`, `Heartbeat`.

All are frozen. Construction raises `InvalidRecord` for impossible values, so every record fits into
every stream. Field names and their order are those of the JSON and of every stream's columns. An
unknown value is `None`, and absent in the JSON; it is never zero.

Units, everywhere: times are whole microseconds since the epoch (µs, UTC); durations are µs; prices
are in the instrument's own currency, spelled as its source spells it (`GBp` is pence).

This file does no input or output, reads no clock and knows nothing of streams.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping
from typing import Final

import msgspec

from ticker.errors import InvalidRecord
from ticker.records.bounds import (
    INFINITY,
    MAX_NUMBER,
    Count,
    Price,
    SequenceNumber,
    Symbol,
    Text,
    Time,
    check_amount,
    check_length,
    check_price,
    check_symbol,
    check_text,
    check_texts,
    check_time,
    symbols_seen,
)
from ticker.records.trade_checks import check_trade, is_rest_sound, is_trade_sound


class Tick(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="type", tag="tick", gc=False):
    """One event: the price of one symbol changed. Its identity is (origin, symbol, sequence).

    Raises `InvalidRecord` for a symbol that `check_symbol` refuses, a price that is 0 or not
    finite, a negative volume or size, a sequence below 1, a time before 1970, or an over-long text.
    """

    symbol: Symbol
    """Yahoo's name of the instrument, 1 to 64 visible characters."""
    source: Text
    """The price's source: `yahoo`, `yahoo-live`, `exchange`, `exchange-live`, or an import's."""
    origin: Text
    """Random id of the log in which this tick was first numbered."""
    sequence: SequenceNumber
    """1, 2, 3 … for each (origin, symbol), without a hole."""
    time: Time
    """When it happened, as the source reports (µs, UTC)."""
    received: Time
    """When we received it (µs, UTC)."""
    price: Price
    """The newest of the regular, pre-market and post-market prices (currency)."""
    previous_price: Price | None = None
    """The price before this tick (currency); absent in the first."""
    day_change: float | None = None
    """price minus previous close (currency); for coins the source's 24-hour change."""
    day_change_percent: float | None = None
    """`day_change` in per cent of |previous close|: its sign is that of the change."""
    volume: int | float | None = None
    """Units traded so far on this trading day; for coins, in the last 24 hours."""
    bid: Price | None = None
    """Best bid (currency)."""
    ask: Price | None = None
    """Best ask (currency)."""
    currency: Text | None = None
    """As the source spells it; never change its case."""
    session: Text | None = None
    """`pre`, `regular`, `post` or `closed`."""
    size: int | float | None = None
    """Units traded in the trade that made this tick, if the source reports them."""
    simulated: bool = False
    """True if the price is invented."""

    def __post_init__(self) -> None:
        if (
            is_trade_sound(self)
            and self.sequence >= 1
            and ((p := self.previous_price) is None or 0.0 < p < INFINITY or -INFINITY < p < 0.0)
            and ((p := self.size) is None or 0 <= p <= MAX_NUMBER)
        ):
            return
        check_trade(self)
        if self.sequence < 1:
            raise InvalidRecord("sequence", f"below 1: {self.sequence!r}")
        check_price("previous_price", self.previous_price)
        check_amount("size", self.size)


class Quote(
    msgspec.Struct, frozen=True, omit_defaults=True, tag_field="type", tag="quote", gc=False
):
    """All that a source knows about one symbol at one moment.

    A source's quote has neither `origin` nor `sequence`. On a stream it has both: it is the state
    after that tick of (origin, symbol). Raises `InvalidRecord` as `Tick` does.
    """

    symbol: Symbol
    source: Text
    time: Time
    """The time of the price, as the source reports (µs, UTC)."""
    received: Time
    """When we received it (µs, UTC)."""
    price: Price
    origin: Text | None = None
    sequence: SequenceNumber | None = None
    """The last tick of (origin, symbol) that this quote includes; `None` until it is numbered."""
    previous_price: Price | None = None
    day_change: float | None = None
    day_change_percent: float | None = None
    volume: int | float | None = None
    bid: Price | None = None
    ask: Price | None = None
    currency: Text | None = None
    session: Text | None = None
    size: int | float | None = None
    simulated: bool = False
    name: Text | None = None
    """The instrument's name, unchanged: it may hold anything, so escape it to show it."""
    kind: Text | None = None
    """Yahoo's `quoteType` in lower case: `equity`, `etf`, `index`, `future`, `currency`, …"""
    exchange: Text | None = None
    """The exchange's full name as the source spells it."""
    previous_close: Price | None = None
    """The last regular closing price before this session (currency)."""
    open: Price | None = None
    day_high: Price | None = None
    day_low: Price | None = None
    fifty_two_week_high: Price | None = None
    fifty_two_week_low: Price | None = None
    market_cap: int | float | None = None
    """The value of all shares (currency)."""
    price_hint: Count | None = None
    """Decimals that the source suggests for this price."""
    delay: Count | None = None
    """How late the exchange publishes its prices (µs)."""

    @property
    def key(self) -> tuple[str, str]:
        """Return (origin, symbol). The origin is empty until the quote is numbered."""
        return self.origin or "", self.symbol

    @property
    def version(self) -> tuple[int, int]:
        """Return (sequence, time). Of two quotes of one (origin, symbol), the greater is newer.

        The sequence counts first, because `time` may go back.
        """
        return self.sequence or 0, self.time

    def __post_init__(self) -> None:
        if is_trade_sound(self) and is_rest_sound(self):
            return
        check_trade(self)
        if self.sequence is not None and self.sequence < 1:
            raise InvalidRecord("sequence", f"below 1: {self.sequence!r}")
        for field in _QUOTE_PRICES:
            check_price(field, getattr(self, field))
        for field in ("size", "market_cap", "delay", "price_hint"):
            check_amount(field, getattr(self, field))
        check_texts(self, "name", "kind", "exchange")


_QUOTE_PRICES: Final = (
    "previous_price",
    "previous_close",
    "open",
    "day_high",
    "day_low",
    "fifty_two_week_high",
    "fifty_two_week_low",
)


READER: Final = "reader"
"""The `writer` of gaps that a reader noticed itself. No poller or relay wrote them."""


class Gap(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="type", tag="gap", gc=False):
    """A span without prices, or ticks of one symbol that are known to be missing.

    A span has `from_` and `until`. It concerns `symbols`; `None`: all that `writer` asks for.
    Missing ticks have `symbol`, `first_sequence` and `last_sequence` (both inclusive).
    """

    source: Text
    origin: Text
    writer: Text
    """The id of the poller or relay that wrote it, stable across its restarts; or `READER`."""
    received: Time
    """When it was written (µs, UTC)."""
    reason: Text
    """A `GapReason`, or a source's own words."""
    symbols: tuple[Symbol, ...] | None = None
    from_: Time | None = msgspec.field(name="from", default=None)
    """The last good answer before the span (µs, UTC)."""
    until: Time | None = None
    """The first good answer after the span (µs, UTC)."""
    symbol: Symbol | None = None
    first_sequence: SequenceNumber | None = None
    last_sequence: SequenceNumber | None = None

    def __post_init__(self) -> None:
        check_time("received", self.received)
        check_texts(self, "source", "origin", "writer", "reason")
        for symbol in self.symbols or ():
            check_symbol(symbol)
        check_length(self, len(self.symbols or ()))
        match self.from_, self.until, self.symbol, self.first_sequence, self.last_sequence:
            case int(start), int(end), None, None, None:
                check_time("from", start)
                if end < start:
                    raise InvalidRecord("until", f"before its beginning: {end} < {start}")
            case None, None, str(symbol), int(first), int(last):
                check_symbol(symbol)
                if not 1 <= first <= last:
                    raise InvalidRecord(
                        "first_sequence", f"{first} is after last_sequence {last}, or below 1"
                    )
            case _:
                raise InvalidRecord("gap", "needs from and until, or symbol and both sequences")

    def concerns(self, symbols: Collection[str] | None) -> bool:
        """Tell whether the gap is about one of `symbols`, or about all; `None`: always true."""
        if symbols is None:
            return True
        if self.symbol is not None:
            return self.symbol in symbols
        return self.symbols is None or any(symbol in symbols for symbol in self.symbols)

    @property
    def missing(self) -> tuple[int, int] | None:
        """Return the first and the last missing sequence (inclusive); `None` for a span of time."""
        if self.first_sequence is None or self.last_sequence is None:
            return None
        return self.first_sequence, self.last_sequence


class Heartbeat(
    msgspec.Struct, frozen=True, omit_defaults=True, tag_field="type", tag="heartbeat", gc=False
):
    """A writer's report on itself: when it last asked, what it got, what is wrong."""

    origin: Text
    writer: Text
    """The id of the poller or relay, stable across its restarts."""
    source: Text
    time: Time
    """When it last asked (µs, UTC)."""
    received: Time
    """When this was written (µs, UTC)."""
    interval: Count
    """The announced time between two polls (µs)."""
    state: Text
    """`ok`, `rate-limited`, `unreachable`, `stopped`, `replaying`, …"""
    asked: Count
    """Symbols asked for."""
    answered: Count
    """Symbols that came with a usable price."""
    refused: Mapping[Text, Text] = {}
    """Symbol → why it was not used."""
    retry_at: Time | None = None
    """When the source may be asked again (µs, UTC)."""
    last_good: Time | None = None
    """When the last answer with a usable price came (µs, UTC): observation lasted until then."""
    tape_time: Time | None = None
    """In a replay: the recorded time that is played now (µs, UTC)."""
    speed: float | None = None
    """In a replay: recorded seconds per second. 0: as fast as possible. Absent: paused."""
    symbols: tuple[Symbol, ...] | None = None
    """The symbols that its writer asks for. Absent: unknown, perhaps all of its source."""
    source_url: Text | None = None
    """The `--source` value that reaches the same server. Absent: the source's name is enough."""
    problem: Text | None = None
    """What is wrong with the source, in words that follow its name: `refuses us (HTTP 401)`."""

    @property
    def key(self) -> tuple[str, str]:
        """Return (writer, source)."""
        return self.writer, self.source

    def __post_init__(self) -> None:
        for field in ("time", "received", "retry_at", "last_good", "tape_time"):
            check_time(field, getattr(self, field))
        for field in ("speed", "interval", "asked", "answered"):
            check_amount(field, getattr(self, field))
        check_texts(self, "origin", "writer", "source", "state", "source_url", "problem")
        for text in itertools.chain.from_iterable(self.refused.items()):
            check_text("refused", text)
        for symbol in self.symbols or ():
            if symbol not in symbols_seen:
                check_symbol(symbol)
        check_length(self, len(self.symbols or ()) + len(self.refused))


TICK_FIELDS: Final = Tick.__struct_encode_fields__
"""The names of a tick's fields, in the order of writing."""

Record = Tick | Quote | Gap | Heartbeat
"""Any of the four kinds that a stream stores."""
