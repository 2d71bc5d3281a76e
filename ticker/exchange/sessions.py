"""When an instrument trades: finds the session of a listing at a time.

Pure. Hours are those of the venue's clock in winter, all year: there is no summer time, and there
are no holidays. Coins trade always, funds never. All moments are µs since the epoch, UTC.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from ticker.exchange.listings import COIN, CURRENCY, FUND, FUTURE, Listing
from ticker.units import DAY, HOUR, MINUTE

SATURDAY: Final = 5
_SUNDAY: Final = 6
_FRIDAY: Final = 4
_PRE_OPENS: Final = 4 * 60
_POST_CLOSES: Final = 20 * 60
"""Minutes after midnight in New York."""
_BREAK: Final = (17 * 60, 18 * 60)
"""Futures pause in this hour (minutes after midnight), and, like currencies, over the weekend."""
_ROUND_THE_CLOCK: Final = (FUTURE, CURRENCY)
"""Kinds that trade round the clock, from Sunday to Friday."""


class Session(StrEnum):
    """A part of the trading day; the value is Yahoo's `marketState`."""

    PRE = "PRE"
    REGULAR = "REGULAR"
    POST = "POST"
    CLOSED = "CLOSED"


class SessionWish(StrEnum):
    """The session of the whole market; `auto`: by the clock."""

    REGULAR = "regular"
    CLOSED = "closed"
    PRE = "pre"
    POST = "post"
    AUTO = "auto"


def session(listing: Listing, wish: SessionWish, now: int) -> Session:
    """Return the session of `listing` at `now`."""
    kind = listing.kind
    if kind is COIN:
        return Session.REGULAR
    if kind is FUND:
        return Session.CLOSED
    match wish:
        case SessionWish.REGULAR | SessionWish.CLOSED:
            return Session(wish.upper())
        case SessionWish.AUTO:
            return _by_the_clock(listing, now)
        case _ if kind in _ROUND_THE_CLOCK:
            return Session.REGULAR
        case _:
            return Session(wish.upper()) if listing.venue.has_extended_hours else Session.CLOSED


def trades(listing: Listing, session: Session) -> bool:
    """Tell whether `listing` trades in `session`. Only some stocks and ETFs have extended hours."""
    is_extended = session in (Session.PRE, Session.POST)
    return session is Session.REGULAR or (is_extended and listing.trades_extended)


def last_close(listing: Listing, now: int) -> int:
    """Return when the last regular session of `listing` ended: at `now` or earlier."""
    venue = listing.venue
    zone = venue.offset * HOUR
    midnight = (now + zone) // DAY * DAY
    close = midnight + (_BREAK[0] if listing.kind in _ROUND_THE_CLOCK else venue.closes) * MINUTE
    while close > now + zone or weekday(close) >= SATURDAY:
        close -= DAY
    return close - zone


def _by_the_clock(listing: Listing, now: int) -> Session:
    venue = listing.venue
    local = now + venue.offset * HOUR
    day, minute = weekday(local), local % DAY // MINUTE
    if listing.kind in _ROUND_THE_CLOCK:
        return _around_the_clock(day, minute, has_break=listing.kind is FUTURE)
    if day >= SATURDAY:
        return Session.CLOSED
    if venue.opens <= minute < venue.closes:
        return Session.REGULAR
    if venue.has_extended_hours and _PRE_OPENS <= minute < _POST_CLOSES:
        return Session.PRE if minute < venue.opens else Session.POST
    return Session.CLOSED


def _around_the_clock(day: int, minute: int, *, has_break: bool) -> Session:
    begin, end = _BREAK
    is_over = (
        day == SATURDAY
        or (day == _FRIDAY and minute >= begin)
        or (day == _SUNDAY and minute < end)
        or (has_break and begin <= minute < end)
    )
    return Session.CLOSED if is_over else Session.REGULAR


def weekday(local: int) -> int:
    """Return the weekday of `local` (µs). 0 is Monday; the epoch was a Thursday."""
    return (local // DAY + 3) % 7
