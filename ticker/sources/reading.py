"""Turns Yahoo's answer, as JSON objects, into quotes and refusals.

Pure: no input or output, no clock. No answer raises an exception, however broken or hostile it is.
Each symbol that was asked for is returned exactly once: as a quote, or as a refusal with a reason
in words. Other symbols in the answer are ignored. This module does not know how an answer was
fetched.

The rules (the fields are those of `v7/finance/quote`):

* `price` and `time` come from the newest of the regular, pre-market and post-market trades. Yahoo's
  overnight price is ignored: it comes from another venue.
* In pre-market, and while the newest trade is a pre-market one, `previous_close` is the last
  regular price, because Yahoo updates its `regularMarketPreviousClose` only at the opening.
* `day_change` is price - previous close, computed in decimals, so that 19.54 - 19 is 0.54. A coin
  never closes, so its change is Yahoo's own, over 24 hours.
* A negative price is valid. So the day's change in per cent is relative to |previous close|.
* 0 means "unknown" wherever 0 cannot be a value: prices, bid, ask, market value, and the volume of
  things that have none (indices, currency pairs).
* An invalid price or time refuses the symbol. Any other invalid field is left out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final, NamedTuple

from ticker.errors import InvalidRecord
from ticker.records import MAX_NAME, MAX_NUMBER, MAX_TIME, Quote, check_symbol
from ticker.units import MINUTE, SECOND

_SESSIONS: Final = {
    "PRE": "pre",
    "REGULAR": "regular",
    "POST": "post",
    "PREPRE": "closed",
    "POSTPOST": "closed",
    "CLOSED": "closed",
}
_TRADES: Final = ("regularMarket", "preMarket", "postMarket")
WITHOUT_VOLUME: Final = frozenset({"index", "currency"})
COIN: Final = "cryptocurrency"

MAX_DECIMALS: Final = 12
_MAX_CURRENCY: Final = 16


class Context(NamedTuple):
    """The facts that all quotes of one answer share."""

    source: str
    """The source's name in the records."""
    title: str
    """The source's name for users: `Yahoo`, `the exchange`."""
    received: int
    """When the answer was complete (µs, UTC)."""
    simulated: bool
    """Whether its prices are invented."""


def read_answer(
    results: Sequence[object], asked: Sequence[str], context: Context
) -> tuple[list[Quote], dict[str, str]]:
    """Return the quotes in the order of `asked`, and the reason for each symbol without one.

    `results` is the list under `quoteResponse.result`. If a symbol has several entries, the first
    one counts. Never raises.
    """
    entries: dict[str, Mapping[str, object]] = {}
    for entry in results:
        if isinstance(entry, Mapping) and isinstance(symbol := entry.get("symbol"), str):
            entries.setdefault(symbol, entry)
    spellings = {symbol.upper(): symbol for symbol in entries}
    quotes: list[Quote] = []
    refused: dict[str, str] = {}
    for symbol in dict.fromkeys(asked):
        if (found := entries.get(symbol)) is not None:
            try:
                quotes.append(_read_quote(symbol, found, context))
            except _NoQuote as refusal:
                refused[symbol] = str(refusal)
            except InvalidRecord as error:
                refused[symbol] = f"invalid: {error}"
        elif (other := spellings.get(symbol.upper())) is not None and is_symbol(other):
            refused[symbol] = f"{context.title} calls it {other}"
        else:
            refused[symbol] = f"{context.title} knows no such symbol"
    return quotes, refused


def is_symbol(text: object) -> bool:
    """Tell whether `text` can be asked for: a valid symbol without a comma.

    In a request, commas separate symbols.
    """
    try:
        check_symbol(text)
    except InvalidRecord:
        return False
    return isinstance(text, str) and "," not in text


class _NoQuote(Exception):
    """Why one symbol has no quote, in words for a user."""


class _Trade(NamedTuple):
    time: int
    """µs, UTC."""
    price: float
    market: str
    """Which of `_TRADES`."""


def _read_quote(symbol: str, entry: Mapping[str, object], context: Context) -> Quote:
    trade = _newest_trade(entry)
    if (kind := plain_text(entry.get("quoteType"))) is not None:
        kind = kind.lower()[:MAX_NAME]
    session = _session(entry)
    previous_close = _previous_close(entry, trade, session)
    change, percent = _day_change(entry, kind, trade.price, previous_close)
    bid, ask = uncrossed(_price(entry.get("bid")), _price(entry.get("ask")))
    volume = _amount(entry.get("regularMarketVolume"))
    currency = plain_text(entry.get("currency"))
    return Quote(
        symbol=symbol,
        source=context.source,
        time=trade.time,
        received=context.received,
        price=trade.price,
        day_change=change,
        day_change_percent=percent,
        volume=None if volume == 0 and kind in WITHOUT_VOLUME else volume,
        bid=bid,
        ask=ask,
        currency=currency if currency and len(currency) <= _MAX_CURRENCY else None,
        session=session,
        simulated=context.simulated,
        name=plain_text(entry.get("longName")) or plain_text(entry.get("shortName")),
        kind=kind,
        exchange=plain_text(entry.get("fullExchangeName")),
        previous_close=previous_close,
        open=_price(entry.get("regularMarketOpen")),
        day_high=_price(entry.get("regularMarketDayHigh")),
        day_low=_price(entry.get("regularMarketDayLow")),
        fifty_two_week_high=_price(entry.get("fiftyTwoWeekHigh")),
        fifty_two_week_low=_price(entry.get("fiftyTwoWeekLow")),
        market_cap=_amount(entry.get("marketCap")) or None,
        price_hint=decimals(entry.get("priceHint")),
        delay=microseconds(entry.get("exchangeDataDelayedBy"), MINUTE),
    )


def _newest_trade(entry: Mapping[str, object]) -> _Trade:
    """Return the newest trade; if times are equal, the regular one. Raises `_NoQuote`."""
    trades = [
        _Trade(time, price, market)
        for market in _TRADES
        if (price := _price(entry.get(f"{market}Price"))) is not None
        and (time := microseconds(entry.get(f"{market}Time"), SECOND))
    ]
    if trades:
        return max(trades, key=lambda trade: trade.time)
    told = [value for market in _TRADES if (value := entry.get(f"{market}Price")) is not None]
    if not told:
        raise _NoQuote("no price")
    if all(_price(value) is None for value in told):
        raise _NoQuote(f"not a price: {_shown(told[0])}")
    raise _NoQuote("a price without a time")


def _session(entry: Mapping[str, object]) -> str | None:
    state = entry.get("marketState")
    return _SESSIONS.get(state) if isinstance(state, str) else None


def _previous_close(
    entry: Mapping[str, object], trade: _Trade, session: str | None
) -> float | None:
    before_the_opening = session == "pre" or trade.market == "preMarket"
    return _price(
        entry.get("regularMarketPrice" if before_the_opening else "regularMarketPreviousClose")
    )


def _day_change(
    entry: Mapping[str, object], kind: str | None, price: float, previous_close: float | None
) -> tuple[float | None, float | None]:
    """Return the day's change in currency and in per cent; `None` if unknown."""
    if kind == COIN:
        change = number(entry.get("regularMarketChange"))
        percent = number(entry.get("regularMarketChangePercent"))
        return change, percent if change is not None else None
    return day_change(price, previous_close)


def day_change(price: float, previous_close: float | None) -> tuple[float | None, float | None]:
    """Return the day's change in currency and in per cent; `None` if the close is unknown."""
    if previous_close is None:
        return None, None
    difference, close = _decimal(price) - _decimal(previous_close), _decimal(previous_close)
    return _finite(float(difference)), _finite(float(difference / abs(close) * 100))


def uncrossed(bid: float | None, ask: float | None) -> tuple[float | None, float | None]:
    """Return `bid` and `ask`, or `None` for both if the bid is above the ask."""
    if bid is not None and ask is not None and bid > ask:
        return None, None
    return bid, ask


def _decimal(number: float) -> Decimal:
    return Decimal(repr(number))


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None


def number(value: object) -> float | None:
    """Return `value` if it is a finite number. Texts and booleans are not."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return _finite(float(value))
    except OverflowError:
        return None


def _price(value: object) -> float | None:
    return number(value) or None


def _amount(value: object) -> int | float | None:
    """Return `value` if it is a number from 0 to `MAX_NUMBER`. Integers stay integers."""
    told = number(value)
    if told is None:
        return None
    amount = value if isinstance(value, int) else told
    return amount if 0 <= amount <= MAX_NUMBER else None


def microseconds(value: object, unit: int) -> int | None:
    """Convert `value` units of `unit` µs to µs, if the result is from 0 to `MAX_TIME`."""
    units = number(value)
    if units is None or not 0 <= units <= MAX_TIME / unit:
        return None
    return min(round(units * unit), MAX_TIME)


def decimals(value: object) -> int | None:
    """Return `value` if it is a plausible number of decimals."""
    count = number(value)
    if count is None or not 0 <= count <= MAX_DECIMALS or count != int(count):
        return None
    return int(count)


def plain_text(value: object) -> str | None:
    """Return the text, cut to `MAX_NAME` characters; `None` if it is blank or not a text.

    Lone surrogates become question marks, because they cannot be encoded.
    """
    if not isinstance(value, str):
        return None
    text = value[:MAX_NAME].encode("utf-8", "replace").decode("utf-8")
    return text if text.strip() else None


def _shown(value: object) -> str:
    """Return a foreign value for use in a message: short, and in printable ASCII."""
    return ascii(value)[:40] if isinstance(value, str | int | float) else type(value).__name__
