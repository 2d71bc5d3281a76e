"""A symbol's past, as Yahoo's `v8/finance/chart` sends it: bars that end in the present price.

Pure. The past is a random walk from seed, symbol and time, anchored at its venue's midnight. So
an old bar stays the same until the next midnight. The bars of today and of the trading day before
are bent to meet the market's own prices, and may change with them. Bars cover the venue's hours. In
a market that is always open they cover 24 hours, and weekends only for coins. Outside the regular
session, they end with the last regular trade. Nothing is older than ten years. What Yahoo refuses
is refused in Yahoo's words.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Final, NamedTuple
from zlib import crc32

from ticker.exchange.instrument import MarketState
from ticker.exchange.listings import COIN, Listing
from ticker.exchange.past_walk import level, noise
from ticker.exchange.sessions import SATURDAY, Session, SessionWish, session, weekday
from ticker.units import SECOND

_MINUTE: Final = 60
_HOUR: Final = 3_600
_DAY: Final = 86_400
_YEAR: Final = 365 * _DAY
_STEPS: Final[Mapping[str, int]] = {
    "1m": 60, "2m": 120, "5m": 300, "15m": 900, "30m": 1_800, "60m": 3_600, "90m": 5_400,
    "1h": 3_600, "4h": 14_400, "1d": _DAY, "5d": 5 * _DAY, "1wk": 7 * _DAY,
    "1mo": 30 * _DAY, "3mo": 91 * _DAY,
}  # fmt: skip
"""Seconds of a bar, by its name."""
_RANGES: Final[Mapping[str, int]] = {
    "1mo": 31, "3mo": 92, "6mo": 183, "1y": 366, "2y": 731, "5y": 1_827, "10y": 3_653, "max": 3_653,
}  # fmt: skip
"""Calendar days of a range, by its name."""
_VALID: Final = ("1d", "5d", *_RANGES, "ytd")
"""The ranges that Yahoo names. It also takes any number of days."""
_AGE: Final = 10 * _YEAR
"""How long ago each symbol was traded first (seconds)."""
_MOST: Final = 20_000
"""The most bars of an answer, give or take one. Older bars are left out."""
_DIGITS: Final = 5
_MONDAY: Final = 4 * _DAY
"""The first Monday (seconds since the epoch)."""
_WEEK: Final = 7 * _DAY
_MONTH: Final = 30 * _DAY


class ChartRefused(Exception):
    """Yahoo's refusal of a request: HTTP status, code, and words."""


class ChartBar(NamedTuple):
    """One bar. `time` is its beginning (seconds since the epoch)."""

    time: int
    open: float
    high: float
    low: float
    close: float
    volume: int


def chart(
    state: MarketState,
    query: Mapping[str, str],
    now: int,
    seed: int,
    *,
    is_always_open: bool = True,
) -> dict[str, Any]:
    """Return the body of the answer about `state` at `now` (µs, UTC).

    `query` may have `interval`, and `range` or `period1` and `period2` (seconds since the epoch).
    Raises `ChartRefused`.
    """
    interval = query.get("interval", "1d")
    if (step := _STEPS.get(interval)) is None:
        raise _unsupported("interval", interval, _STEPS)
    span = query.get("range", "1d" if step < _DAY else "1mo")
    if span not in _VALID and not _days(span):
        raise _unsupported("range", span, _VALID)
    at = (now if state.session is Session.REGULAR else min(now, state.time)) // SECOND
    try:
        begin = int(query.get("period1") or _begin(state.listing, span, step, at))
        end = int(query.get("period2") or at)
    except ValueError:
        raise _bad_request("period1 and period2 are whole seconds") from None
    if begin > max(end, at):
        words = f"start date cannot be after end date. startDate = {begin}, endDate = {end}"
        raise _bad_request(words)
    begin, end = max(begin, at - _AGE), min(end, at)
    bars = [*_bars(state, step, (begin, end), at, seed)] if begin <= end else []
    wants_all = query.get("includePrePost", "").lower() == "true"
    if step < _DAY and not is_always_open:
        hours = {Session.REGULAR, *((Session.PRE, Session.POST) if wants_all else ())}
        parts = (session(state.listing, SessionWish.AUTO, bar.time * SECOND) for bar in bars)
        bars = [bar for bar, part in zip(bars, parts, strict=True) if part in hours]
    columns = {name: [getattr(bar, name) for bar in bars] for name in ChartBar._fields[1:]}
    indicators: dict[str, Any] = {"quote": [columns if bars else {}]}
    meta = _meta(state, query, span, at)
    result: dict[str, Any] = {"meta": meta, "indicators": indicators}
    if bars:
        result["timestamp"] = [bar.time for bar in bars]
        if step >= _DAY:
            indicators["adjclose"] = [{"adjclose": columns["close"]}]
        else:
            days = range(_midnight(state.listing, bars[0].time), at + 1, _DAY)
            periods = [[_period(state.listing, day, day + _DAY)] for day in days]
            around = [[_period(state.listing, day, day)] for day in days]
            whole = {"pre": around, "regular": periods, "post": around}
            meta["tradingPeriods"] = whole if wants_all else periods
    return {"chart": {"result": [result], "error": None}}


def _unsupported(name: str, value: str, valid: Iterable[str]) -> ChartRefused:
    words = f"{name}={value} is not supported. Valid {name}s: [{', '.join(valid)}]"
    return ChartRefused(422, "Unprocessable Entity", f"Invalid input - {words}")


def _bad_request(words: str) -> ChartRefused:
    return ChartRefused(400, "Bad Request", f"Invalid input - {words}")


def _bars(
    state: MarketState, step: int, span: tuple[int, int], now: int, seed: int
) -> Iterator[ChartBar]:
    """Yield the bars of `step` seconds in `span`, begin and end inclusive (all in seconds).

    The last bar may end after `now`. Bars are aligned to midnight at the venue.
    """
    listing = state.listing
    zone = listing.venue.offset * 3_600
    begin, end = (time + zone for time in span)
    today = _midnight(listing, now) + zone
    key = crc32(f"{seed}:{listing.symbol}".encode())
    origin = level(key, today)
    wobble = listing.volatility * math.sqrt(step / _YEAR)

    def walk(time: int) -> float:
        return math.log(listing.price + listing.below) + listing.volatility * (
            level(key, time) - origin
        )

    def off(time: int, price: float) -> tuple[int, float]:
        """Return `time`, and the log of the market's `price` minus the walk there."""
        above = price + listing.below
        return time, math.log(above) - walk(time) if above > 0 else 0.0

    last_day = _trading_day_before(listing, today)
    close_before = off(last_day + _DAY, state.previous_close)
    day = (off(*each) for each in _known_today(state, today, now + zone, key))
    known = ((last_day, 0.0), close_before, *day)

    def price(time: int) -> float:
        made = math.exp(walk(time) + _between(known, time)) - listing.below
        if time > today:
            made = _folded(made, state.day_low, state.day_high)
        return round(made, listing.decimals)

    starts = _starts(step, begin, end)
    opening = price(starts[0]) if starts else 0.0
    for time, after in pairwise(starts):
        if step <= _DAY and time < today and _is_weekend(listing, time):
            continue  # today is kept: the market may be open at weekends
        is_last = after > now + zone
        close = state.price if is_last else price(after)
        if step <= _DAY and after == last_day + _DAY:
            close = state.previous_close
        if is_last and step >= _DAY:
            bar = ChartBar(time, state.open, state.day_high, state.day_low, close, state.volume)
        else:
            above, under = (abs(close) * wobble * noise(key, time + n) / 2 for n in (0, 1))
            high, low = _wick(state, (opening, close), above, under, is_today=time >= today)
            volume = round(listing.volume * step / _DAY * (0.5 + noise(key, time + 2)))
            bar = ChartBar(time, opening, high, low, close, volume)
        yield bar._replace(time=time - zone)
        opening = close


def _known_today(state: MarketState, today: int, now: int, key: int) -> Iterator[tuple[int, float]]:
    """Yield points of today: a time (seconds) and the market's own price then.

    The market does not know when its lowest and highest prices were, so these times are invented.
    """
    hours = (now - today) // _HOUR
    if hours > 1:
        yield today + _MINUTE, state.open
        first, second = state.day_low, state.day_high
        if round(noise(key, today)):
            first, second = second, first
        yield today + hours * _HOUR // 4, first
        yield today + hours * _HOUR * 2 // 3, second
    yield now, state.price


def _starts(step: int, begin: int, end: int) -> Sequence[int]:
    """Return the starts of bars, from the one that holds `begin` to the first after `end` (s).

    Weeks begin on Mondays, months on their first days. Beyond `_MOST`, old bars are left out.
    """
    if step >= _MONTH:
        months = step // _MONTH
        first, last = (_month(time) // months for time in (begin, end))
        return [_first_day(number * months) for number in range(first, last + 2)]
    origin = _MONDAY if step == _WEEK else 0
    first, last = (time - (time - origin) % step for time in (begin, end))
    return range(max(first, last - (_MOST - 1) * step), last + step + 1, step)


def _month(time: int) -> int:
    """Return the number of the month that holds `time` (seconds), counted from year 0."""
    day = datetime.fromtimestamp(time, UTC)
    return 12 * day.year + day.month - 1


def _first_day(month: int) -> int:
    """Return when `month`, a number from `_month`, begins (seconds)."""
    return int(datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC).timestamp())


def _wick(
    state: MarketState, ends: tuple[float, float], above: float, under: float, *, is_today: bool
) -> tuple[float, float]:
    """Return high and low of a bar: its `ends` and wicks. Today's wicks stay in the day's range."""
    high = round(max(ends) + above, state.listing.decimals)
    low = round(min(ends) - under, state.listing.decimals)
    if not is_today:
        return high, low
    return max(*ends, min(high, state.day_high)), min(*ends, max(low, state.day_low))


def _begin(listing: Listing, span: str, step: int, at: int) -> int:
    """Return when the range `span` begins that ends at `at` (seconds since the epoch).

    `5d` is the last five trading days, today included. `1d` is today. With bars shorter than a day
    it is the last 24 hours, so that there are some bars just after midnight.
    """
    if span == "1d" and step < _DAY:
        return at - _DAY
    if span in _RANGES:
        return at - _RANGES[span] * _DAY
    zone = listing.venue.offset * 3_600
    day = _midnight(listing, at) + zone
    if span == "ytd":
        return _first_day(_month(day) // 12 * 12) - zone
    for _ in range(1, _days(span)):
        day = _trading_day_before(listing, day)
    return day - zone


def _days(span: str) -> int:
    """Return the trading days of a range like `5d`; 0 for any other text."""
    count, letter = span[:-1], span[-1:]
    is_count = letter == "d" and count.isdecimal() and len(count) <= _DIGITS
    return min(int(count), _RANGES["max"]) if is_count else 0


def _trading_day_before(listing: Listing, day: int) -> int:
    """Return the last trading day before `day`: both are midnights by the venue's clock (s)."""
    return next(each for each in range(day - _DAY, 0, -_DAY) if not _is_weekend(listing, each))


def _is_weekend(listing: Listing, time: int) -> bool:
    """Tell whether `time`, by the venue's clock (seconds), is on a weekend without trading."""
    return listing.kind is not COIN and weekday(time * SECOND) >= SATURDAY


def _between(known: Sequence[tuple[int, float]], time: int) -> float:
    """Interpolate `known` (times and values) at `time`. Beyond an end, its value holds."""
    if time <= known[0][0]:
        return known[0][1]
    for (begin, first), (end, last) in pairwise(known):
        if time < end:
            return first + (last - first) * (time - begin) / (end - begin)
    return known[-1][1]


def _folded(price: float, low: float, high: float) -> float:
    """Reflect `price` at the ends of a range until it lies inside."""
    if high <= low:
        return low
    around = (price - low) % (2 * (high - low))
    return low + min(around, 2 * (high - low) - around)


def _midnight(listing: Listing, time: int) -> int:
    """Return when the day of `time` began at its venue (seconds since the epoch)."""
    zone = listing.venue.offset * 3_600
    return time - (time + zone) % _DAY


def _period(listing: Listing, start: int, end: int) -> dict[str, Any]:
    venue = listing.venue
    words = {"timezone": venue.zone_short, "gmtoffset": venue.offset * 3_600}
    return {**words, "start": start, "end": end}


def _meta(state: MarketState, query: Mapping[str, str], span: str, now: int) -> dict[str, Any]:
    listing = state.listing
    venue = listing.venue
    today = _midnight(listing, now)
    period = _period(listing, today, today + _DAY)
    return {
        "currency": listing.currency,
        "symbol": listing.symbol,
        "exchangeName": venue.code,
        "fullExchangeName": venue.name,
        "instrumentType": listing.kind.quote_type,
        "firstTradeDate": now - _AGE,
        "regularMarketTime": state.time // SECOND,
        "hasPrePostMarketData": listing.trades_extended,
        "gmtoffset": venue.offset * 3_600,
        "timezone": venue.zone_short,
        "exchangeTimezoneName": venue.zone,
        "regularMarketPrice": state.price,
        "fiftyTwoWeekHigh": state.year_high,
        "fiftyTwoWeekLow": state.year_low,
        "regularMarketDayHigh": state.day_high,
        "regularMarketDayLow": state.day_low,
        "regularMarketVolume": state.volume,
        "longName": listing.name,
        "shortName": listing.name,
        "chartPreviousClose": state.previous_close,
        "previousClose": state.previous_close,
        "scale": 3,
        "priceHint": listing.price_hint,
        "currentTradingPeriod": dict.fromkeys(("pre", "regular", "post"), period),
        "dataGranularity": query.get("interval", "1d"),
        "range": "" if "period1" in query else span,
        "validRanges": [*_VALID],
    }
