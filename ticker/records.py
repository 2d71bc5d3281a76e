"""The records that travel: `Tick`, `Quote`, `Gap`, `Heartbeat`; a `Batch` of them; a `Health`.

All are frozen. The four that are stored refuse nonsense at construction with `InvalidRecord`, so
a record that exists can be true, and fits into every stream. Field names and their order are the
JSON names and the columns of every stream; an unknown value is `None` and absent on the wire, never
zero.

Units, everywhere: times are whole microseconds since the epoch (µs, UTC); durations are µs; prices
are in the instrument's own currency, spelled as its source spells it (`GBp` is pence).

This file does no input or output, reads no clock and knows nothing of streams.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Final, NewType

import msgspec

from ticker.errors import InvalidRecord

Position = NewType("Position", str)
"""Where a reader stands. Opaque: given out with every batch, handed back to resume *after* it."""

MAX_SYMBOL: Final = 64
"""The longest symbol, in characters; Yahoo's longest (options) have 21."""
MAX_NAME: Final = 256
"""The longest free text kept (names, reasons), in characters; longer ones are cut at the door."""
MAX_TEXT: Final = 1_000
"""The longest text in a record of anybody's, in characters: a longer one makes it no record."""
MAX_BYTES: Final = 900_000
"""The longest record, as JSON (bytes): a broker of Kafka takes 1 MB, with all that goes with it."""
MAX_NUMBER: Final = 2**63 - 1
"""The largest whole number: a column of SQLite holds 64 bits."""

MAX_TIME: Final = 253_402_214_399_999_999
"""The last microsecond of 9999-12-30: later ones fit no calendar in some zone (µs, UTC)."""

Symbol = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_SYMBOL)]
Text = Annotated[str, msgspec.Meta(max_length=MAX_TEXT)]
Price = Annotated[float, msgspec.Meta(gt=0)]
Time = Annotated[int, msgspec.Meta(ge=0, le=MAX_TIME)]
Count = Annotated[int, msgspec.Meta(ge=0, le=MAX_NUMBER)]
SequenceNumber = Annotated[int, msgspec.Meta(ge=1, le=MAX_NUMBER)]

_INFINITY: Final = math.inf
_symbols_seen: set[str] = set()
_SYMBOLS_REMEMBERED: Final = 100_000
_FEW: Final = 50
"""So many symbols and refusals need no look at how long their record is."""


def check_symbol(symbol: object) -> None:
    """Raise `InvalidRecord` unless `symbol` is 1 to 64 visible characters without a space.

    Controls, escape sequences, direction marks and lone surrogates are not visible characters
    (`str.isprintable`), so a symbol can be printed anywhere as it is, except as markup.
    """
    if not isinstance(symbol, str):
        raise InvalidRecord("symbol", f"not a text: {symbol!r:.40}")
    if not symbol:
        raise InvalidRecord("symbol", "empty")
    if len(symbol) > MAX_SYMBOL:
        raise InvalidRecord("symbol", f"longer than {MAX_SYMBOL} characters: {symbol[:16]!a}…")
    if not symbol.isprintable() or " " in symbol:
        raise InvalidRecord("symbol", f"has a control, hidden or space character: {symbol!a}")
    # Ticks of the same few symbols are built by the million: remember those that passed. The
    # bound keeps a hostile feed of ever new names from filling the memory.
    if len(_symbols_seen) >= _SYMBOLS_REMEMBERED:
        _symbols_seen.clear()
    _symbols_seen.add(symbol)


def _check_price(field: str, price: float | None) -> None:
    if price is not None and not 0.0 < price < _INFINITY:
        raise InvalidRecord(field, f"not a positive, finite number: {price!r}")


def _check_time(field: str, time: int | None) -> None:
    if time is not None and not 0 <= time <= MAX_TIME:
        raise InvalidRecord(field, f"before 1970 or after 9999: {time!r}")


def _check_finite(field: str, number: float | None) -> None:
    if number is not None and not math.isfinite(number):
        raise InvalidRecord(field, f"not a finite number: {number!r}")


def _check_amount(field: str, number: float | None) -> None:
    if number is not None and not 0.0 <= number <= MAX_NUMBER:
        raise InvalidRecord(field, f"negative, not finite or beyond 64 bits: {number!r:.40}")


def _check_texts(record: msgspec.Struct, *fields: str) -> None:
    for field in fields:
        text: str | None = getattr(record, field)
        if text is not None and len(text) > MAX_TEXT:
            raise InvalidRecord(field, f"longer than {MAX_TEXT:,} characters: {text[:16]!a}…")


def _check_length(record: Gap | Heartbeat, listed: int) -> None:
    """`listed`: how many texts of others it lists; each may be as long as any."""
    if listed > _FEW and len(msgspec.json.encode(record)) > MAX_BYTES:
        raise InvalidRecord("record", f"longer than {MAX_BYTES:,} bytes")


class Tick(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="type", tag="tick", gc=False):
    """One event: the price of one symbol changed. Its identity is (origin, symbol, sequence).

    Raises `InvalidRecord` for an empty or over-long symbol, control characters, a price that is
    not finite and positive, a sequence below 1, a time before 1970, or an over-long text.
    """

    symbol: Symbol
    """Yahoo's name of the instrument, 1 to 64 visible characters."""
    source: Text
    """Who told it: `yahoo`, `yahoo-live`, `exchange`, `exchange-live`, or an import's."""
    origin: Text
    """Random id of the log in which this tick was first numbered."""
    sequence: SequenceNumber
    """1, 2, 3 … for each (origin, symbol), without a hole."""
    time: Time
    """When it happened, by the source (µs, UTC)."""
    received: Time
    """When we had it (µs, UTC)."""
    price: Price
    """The newest of regular, pre-market and post-market trades (currency)."""
    previous_price: Price | None = None
    """The price before this tick (currency); absent on the first."""
    day_change: float | None = None
    """price minus previous close (currency); for coins the source's 24-hour change."""
    day_change_percent: float | None = None
    """`day_change` in per cent of the previous close."""
    volume: int | float | None = None
    """Traded so far in this session's day (units; 24 hours for coins)."""
    bid: Price | None = None
    """Best bid (currency)."""
    ask: Price | None = None
    """Best ask (currency)."""
    currency: Text | None = None
    """As the source spells it; never change its case."""
    session: Text | None = None
    """`pre`, `regular`, `post` or `closed`."""
    size: int | float | None = None
    """Units of the trade that made this tick, where the source tells."""
    simulated: bool = False
    """True where the price is invented."""

    def __post_init__(self) -> None:
        # One test for what is nearly always true, because ticks are built by the million; the
        # checks below it only word the refusal.
        if (
            self.symbol in _symbols_seen
            and 0.0 < self.price < _INFINITY
            and self.sequence >= 1
            and 0 <= self.time <= MAX_TIME
            and 0 <= self.received <= MAX_TIME
            and ((p := self.previous_price) is None or 0.0 < p < _INFINITY)
            and ((p := self.bid) is None or 0.0 < p < _INFINITY)
            and ((p := self.ask) is None or 0.0 < p < _INFINITY)
            and ((p := self.day_change) is None or -_INFINITY < p < _INFINITY)
            and ((p := self.day_change_percent) is None or -_INFINITY < p < _INFINITY)
            and ((p := self.volume) is None or 0 <= p <= MAX_NUMBER)
            and ((p := self.size) is None or 0 <= p <= MAX_NUMBER)
            and len(self.source) <= MAX_TEXT
            and len(self.origin) <= MAX_TEXT
            and ((t := self.currency) is None or len(t) <= MAX_TEXT)
            and ((t := self.session) is None or len(t) <= MAX_TEXT)
        ):
            return
        _check_trade(self)
        if self.sequence < 1:
            raise InvalidRecord("sequence", f"below 1: {self.sequence!r}")
        _check_price("previous_price", self.previous_price)
        _check_amount("size", self.size)


class Quote(
    msgspec.Struct, frozen=True, omit_defaults=True, tag_field="type", tag="quote", gc=False
):
    """All that a source knows about one symbol at one moment: what *is*.

    As a source gives it, a quote has neither `origin` nor `sequence`; on a stream it has both, and
    is true up to that tick of (origin, symbol). Raises `InvalidRecord` as `Tick` does.
    """

    symbol: Symbol
    source: Text
    time: Time
    """Of the price, by the source (µs, UTC)."""
    received: Time
    """When we had it (µs, UTC)."""
    price: Price
    origin: Text | None = None
    sequence: SequenceNumber | None = None
    """The last tick of (origin, symbol) that this quote takes in; `None` until it is numbered."""
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
    """The instrument's name, as it came: may hold anything, so it is escaped where it is shown."""
    kind: Text | None = None
    """Yahoo's `quoteType` in lower case: `equity`, `etf`, `index`, `future`, `currency`, …"""
    exchange: Text | None = None
    """The exchange's full name as the source spells it."""
    previous_close: Price | None = None
    """Last regular closing price before this session (currency)."""
    open: Price | None = None
    day_high: Price | None = None
    day_low: Price | None = None
    fifty_two_week_high: Price | None = None
    fifty_two_week_low: Price | None = None
    market_cap: int | float | None = None
    """Currency."""
    price_hint: Count | None = None
    """Decimals that the source suggests for this price."""
    delay: Count | None = None
    """By how much the exchange delays its prices (µs)."""

    def __post_init__(self) -> None:
        _check_trade(self)
        if self.sequence is not None and self.sequence < 1:
            raise InvalidRecord("sequence", f"below 1: {self.sequence!r}")
        for field in _QUOTE_PRICES:
            _check_price(field, getattr(self, field))
        _check_amount("size", self.size)
        _check_amount("market_cap", self.market_cap)
        _check_amount("delay", self.delay)
        _check_amount("price_hint", self.price_hint)
        _check_texts(self, "name", "kind", "exchange")


_QUOTE_PRICES: Final = (
    "previous_price",
    "previous_close",
    "open",
    "day_high",
    "day_low",
    "fifty_two_week_high",
    "fifty_two_week_low",
)


def _check_trade(record: Tick | Quote) -> None:
    if record.symbol not in _symbols_seen:
        check_symbol(record.symbol)
    _check_price("price", record.price)
    _check_time("time", record.time)
    _check_time("received", record.received)
    _check_price("bid", record.bid)
    _check_price("ask", record.ask)
    _check_amount("volume", record.volume)
    _check_finite("day_change", record.day_change)
    _check_finite("day_change_percent", record.day_change_percent)
    _check_texts(record, "source", "origin", "currency", "session")


class Gap(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="type", tag="gap", gc=False):
    """A span in which nobody looked, or ticks of one symbol that are known to be missing.

    Either `from_` and `until` are given (a span, of `symbols`, or of all that `writer` asks for),
    or `symbol`, `first_sequence` and `last_sequence` (both inclusive).
    """

    source: Text
    origin: Text
    writer: Text
    """Who looks, or should have: the id of the poller or relay, stable across its restarts."""
    received: Time
    """When it was written (µs, UTC)."""
    reason: Text
    """In words: `poller stopped`, `rate-limited`, `unreachable`, `slow answer`, `retention`, …"""
    symbols: tuple[Symbol, ...] | None = None
    from_: Time | None = msgspec.field(name="from", default=None)
    """The last good answer before the span (µs, UTC)."""
    until: Time | None = None
    """The first good answer after the span (µs, UTC)."""
    symbol: Symbol | None = None
    first_sequence: SequenceNumber | None = None
    last_sequence: SequenceNumber | None = None

    def __post_init__(self) -> None:
        _check_time("received", self.received)
        _check_texts(self, "source", "origin", "writer", "reason")
        for symbol in self.symbols or ():
            check_symbol(symbol)
        _check_length(self, len(self.symbols or ()))
        match self.from_, self.until, self.symbol, self.first_sequence, self.last_sequence:
            case int(start), int(end), None, None, None:
                _check_time("from", start)
                if end < start:
                    raise InvalidRecord("until", f"before its beginning: {end} < {start}")
            case None, None, str(symbol), int(first), int(last):
                check_symbol(symbol)
                if not 1 <= first <= last:
                    raise InvalidRecord("first_sequence", f"no span: {first} to {last}")
            case _:
                raise InvalidRecord("gap", "needs from and until, or symbol and both sequences")


class Heartbeat(
    msgspec.Struct, frozen=True, omit_defaults=True, tag_field="type", tag="heartbeat", gc=False
):
    """A writer's sign of life: when it last asked, what it got, what is wrong."""

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
    """When the last answer with a usable price came: until then somebody looked (µs, UTC)."""
    tape_time: Time | None = None
    """While replaying: the recorded moment now shown (µs, UTC)."""
    speed: float | None = None
    """While replaying: recorded seconds a second; 0 is as fast as it goes."""
    symbols: tuple[Symbol, ...] | None = None
    """Those that its writer asks for. Absent: not told; it may be any of its source."""

    def __post_init__(self) -> None:
        _check_time("time", self.time)
        _check_time("received", self.received)
        _check_time("retry_at", self.retry_at)
        _check_time("last_good", self.last_good)
        _check_time("tape_time", self.tape_time)
        _check_amount("speed", self.speed)
        for field in ("interval", "asked", "answered"):
            _check_amount(field, getattr(self, field))
        _check_texts(self, "origin", "writer", "source", "state")
        for text in itertools.chain.from_iterable(self.refused.items()):
            if len(text) > MAX_TEXT:
                raise InvalidRecord(
                    "refused", f"longer than {MAX_TEXT:,} characters: {text[:16]!a}…"
                )
        for symbol in self.symbols or ():
            if symbol not in _symbols_seen:
                check_symbol(symbol)
        _check_length(self, len(self.symbols or ()) + len(self.refused))


Record = Tick | Quote | Gap | Heartbeat
"""Any of the four kinds that a stream stores."""


class Batch(msgspec.Struct, frozen=True):
    """What a stream hands over at once, and where its reader stands after it.

    Empty batches are normal: they come each second of silence and say "still here".
    """

    position: Position
    """Resume after this batch with `read(after=position)`."""
    ticks: Sequence[Tick] = ()
    """Ascending by sequence for each (origin, symbol)."""
    gaps: Sequence[Gap] = ()
    quotes: Sequence[Quote] = ()
    """Conflated: the last per (origin, symbol) of this batch's span."""
    heartbeats: Sequence[Heartbeat] = ()
    """The last per (writer, source)."""

    def __bool__(self) -> bool:
        """True if the batch holds any record."""
        return bool(self.ticks or self.gaps or self.quotes or self.heartbeats)


class Hold(msgspec.Struct, frozen=True):
    """What a log keeps for a reader that is not done with it."""

    position: Position
    """Behind all that the reader is done with."""
    ticks: int
    """How many follow it."""


class Health(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a stream is, as its reader sees it now."""

    stream: str
    """Its URL as a user may see it (no secrets)."""
    state: str
    """`ok`, `missing`, `empty`, `unreachable`, `unusable`."""
    problem: str | None = None
    """What is wrong, in a sentence; absent when nothing is."""
    ticks: int | None = None
    """How many the stream holds (rows)."""
    symbols: int | None = None
    first: int | None = None
    """`received` of the first tick that is still held (µs, UTC)."""
    last: int | None = None
    """`received` of the last tick (µs, UTC)."""
    size: int | None = None
    """Bytes on disk, where the stream is a file."""
    simulated: bool | None = None
    """Whether its prices are invented; absent while it holds none."""
    broken: int = 0
    """Records passed over since this reader opened the stream, because they could not be read."""
    holes: int = 0
    """Ticks found missing since this reader opened the stream."""
    repeats: int = 0
    """Ticks seen twice and dropped since this reader opened the stream."""
    undelivered: int = 0
    """Ticks kept locally that a relay has not sent yet: of the destination furthest behind."""
    waiting: Mapping[str, int] = {}
    """Destination (its URL) → how many ticks a log of ours keeps for it; 0 where all is sent."""
    heartbeats: tuple[Heartbeat, ...] = ()
    """The last per (writer, source)."""
