"""One symbol at the exchange: its prices, counted in price steps, and how it trades.

Pure: time and randomness are passed in. It knows no other symbol, and nothing of Yahoo.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random
from typing import Final

from ticker.exchange.listings import COIN, Listing
from ticker.exchange.sessions import Session, SessionWish, last_close, session, trades
from ticker.units import DAY, HOUR, MINUTE, SECOND

_PULL: Final = 2e-6
"""The fraction of its distance to its starting price that a symbol drifts back in a second.

Without it, prices would become implausible after weeks.
"""
_DAYS_A_YEAR: Final = 252
_POST_LASTS: Final = 4 * HOUR - 2 * SECOND
"""The time from the close to the last trade after hours (µs)."""


@dataclass(frozen=True)
class ExtendedTrade:
    """The last trade before the opening or after the close."""

    session: Session
    """`PRE` or `POST`."""
    price: float
    time: int
    """µs, UTC."""


@dataclass(frozen=True)
class MarketState:
    """One symbol as the exchange shows it now. Prices are in the listing's currency."""

    listing: Listing
    time: int
    """The time of the last regular trade (µs, UTC), minus the venue's delay while it is open."""
    price: float
    previous_close: float
    open: float
    day_high: float
    day_low: float
    year_high: float
    year_low: float
    bid: float | None
    ask: float | None
    volume: int
    session: Session = Session.REGULAR
    extended: ExtendedTrade | None = None


class Instrument:
    """One symbol's prices, counted in price steps. `every` is the time between two moves (µs)."""

    def __init__(self, listing: Listing, chance: Random, every: int) -> None:
        self.listing = listing
        self._chance = chance
        kind = listing.kind
        scale = 10.0**listing.decimals / listing.tick
        self._base = max(1, round((listing.price + listing.below) * scale))
        # The first random numbers place the price in the day's and the year's range.
        daily = listing.volatility / math.sqrt(_DAYS_A_YEAR)
        self._price = self._near(self._base, 0.5 * daily)
        self._close = self._near(self._price, 0.7 * daily)
        self._open = self._near(self._close, 0.3 * daily)
        ends = sorted((self._price, self._open))
        self._high = max(ends[1], self._near(ends[1], 0.4 * daily))
        self._low = min(ends[0], self._near(ends[0], 0.4 * daily))
        year = listing.volatility * 0.6
        self._year_high = max(self._high, round(self._base * (1 + year * chance.random())))
        self._year_low = max(1, min(self._low, round(self._base * (1 - year * chance.random()))))
        self._volume = round(listing.volume * chance.uniform(0.2, 0.6))
        self._time = 0
        self._session = Session.REGULAR
        self._is_traded = True
        self._day = 0
        """The day (UTC) of open, high, low and volume. A regular move begins the next day."""
        self._extended: tuple[Session, int, int] | None = None
        """Session, price and time of the last trade before the opening or after the close."""
        self._is_held = False
        self._held_price: float | None = None
        self._held_close: float | None = None
        """In currency; `None`: the market's own."""
        self._moves = 0
        self._counted: int | None = None
        # What a step does.
        seconds = every / SECOND
        sigma = listing.volatility * math.sqrt(seconds / kind.seconds_a_year)
        self._together = sigma * kind.following
        self._alone = sigma * math.sqrt(1 - kind.following**2)
        self._pull = min(1.0, _PULL * seconds)
        self._lot = listing.volume * seconds / (kind.seconds_a_year / _DAYS_A_YEAR)

    def begin(self, time: int, wish: SessionWish) -> None:
        """Make the first regular trade: at `time` (µs, UTC) if open, or else at the last close."""
        self._session = session(self.listing, wish, time)
        self._is_traded = trades(self.listing, self._session)
        is_open = self._session is Session.REGULAR
        self._time = time if is_open else last_close(self.listing, time)
        self._day = self._time // DAY
        if self._session is Session.CLOSED and trades(self.listing, Session.POST):
            price = self._near(self._price, 0.1 * self.listing.volatility / math.sqrt(_DAYS_A_YEAR))
            last = min(time, self._time + _POST_LASTS)
            self._extended = (Session.POST, price, last)
        elif self._is_traded and not is_open:
            self._extended = (self._session, self._price, time)

    def enter(self, session: Session) -> None:
        """Enter `session`. Does nothing if it is the present session."""
        if session is self._session:
            return
        if session is Session.PRE:
            self._extended = None
        self._session = session
        self._is_traded = trades(self.listing, session)

    def count(self) -> int:
        """Return the number of price changes since the last count. The first count returns 1."""
        since, self._counted = self._counted, self._moves
        return 1 if since is None else self._moves - since

    def move(self, time: int, mood: float) -> bool:
        """Make one step at `time` (µs, UTC), and tell whether the price changed.

        `mood` is the random number of the whole market (standard normal).
        """
        if not self._is_traded or self._is_held:
            return False
        if self._session is Session.REGULAR and time // DAY != self._day:
            self._begin_day(time)
        if self._chance.random() >= self.listing.kind.activity:
            return False
        before = self._last_price()
        price = self._next(before, mood)
        if self._session is Session.REGULAR:
            self._trade(price, time)
        else:
            self._extended = (self._session, price, time)
        changed = price != before
        self._moves += changed
        return changed

    def hold(self, time: int, price: float | None, close: float | None) -> bool:
        """Hold the price from `time` on (µs, UTC), at `price` if given.

        `close`, if given, is the previous close to hold. Tells whether the price changed.
        """
        before = self.state().price
        self._is_held = True
        self._held_close = self._held_close if close is None else close
        if price is None:
            return False
        self._held_price, self._extended = price, None
        listing = self.listing
        ticks = (price + listing.below) * 10.0**listing.decimals / listing.tick
        self._trade(max(round(ticks), listing.kind.spread + 1), time)
        self._moves += price != before
        return price != before

    def release(self) -> None:
        """Let the price move again, from where it is."""
        self._is_held, self._held_price, self._held_close = False, None, None

    def state(self) -> MarketState:
        """Return the present state."""
        price = self._money(self._price) if self._held_price is None else self._held_price
        close = self._money(self._close) if self._held_close is None else self._held_close
        last, spread = self._last_price(), self.listing.kind.spread
        is_open = self._session is Session.REGULAR  # the delay ends with the session
        extended = None
        if self._extended is not None:
            part, ticks, time = self._extended
            extended = ExtendedTrade(part, self._money(ticks), time)
        return MarketState(
            listing=self.listing,
            time=self._time - (self.listing.venue.delay * MINUTE if is_open else 0),
            price=price,
            previous_close=close,
            open=self._money(self._open),
            day_high=max(price, self._money(self._high)),
            day_low=min(price, self._money(self._low)),
            year_high=self._money(self._year_high),
            year_low=self._money(self._year_low),
            bid=self._money(last - spread) if spread else None,
            ask=self._money(last + spread) if spread else None,
            volume=self._volume,
            session=self._session,
            extended=extended,
        )

    def _last_price(self) -> int:
        """Return the price of the last trade, regular or not (in price steps)."""
        return self._price if self._extended is None else self._extended[1]

    def _next(self, price: int, mood: float) -> int:
        """Return the price (in price steps) after `price`."""
        drift = self._pull * (self._base - price) / price
        change = self._together * mood + self._alone * self._chance.gauss(0.0, 1.0) + drift
        ticks = round(price * change)
        if ticks == 0:
            ticks = 1 if change >= 0 else -1
        # The spread fits below the lowest price.
        lowest = self.listing.kind.spread + 1
        return price + ticks if price + ticks >= lowest else 2 * lowest - price - ticks

    def _trade(self, price: int, time: int) -> None:
        """Make a regular trade at `price` (in price steps)."""
        self._price = price
        self._time = time
        self._high = max(self._high, price)
        self._low = min(self._low, price)
        self._year_high = max(self._year_high, price)
        self._year_low = min(self._year_low, price)
        if self.listing.kind is COIN:
            # A coin's volume is that of the last 24 hours, so it may also shrink.
            self._volume = round(self._volume * (1 + 1e-5 * self._chance.gauss(0.0, 1.0)))
        elif self._lot:
            self._volume += max(1, round(self._lot * self._chance.expovariate(1.0)))

    def _begin_day(self, time: int) -> None:
        """Make the last regular price the close. The day opens at the last price of any trade."""
        self._day, self._close = time // DAY, self._price
        self._open = self._high = self._low = self._price = self._last_price()
        self._extended = None
        if self.listing.kind is not COIN:
            self._volume = 0

    def _near(self, ticks: int, by: float) -> int:
        lowest = self.listing.kind.spread + 1
        return max(lowest, round(ticks * math.exp(by * self._chance.gauss(0.0, 1.0))))

    def _money(self, ticks: int) -> float:
        listing = self.listing
        price = ticks * listing.tick / 10.0**listing.decimals - listing.below
        return round(price, listing.decimals)
