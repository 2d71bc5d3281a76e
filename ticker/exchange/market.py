"""The offline NASDAQ: makes prices from a seed and the passing of time.

Pure: time is a parameter, and there is no input or output. A listing's trades depend only on seed,
step, session and start time: not on other listings, nor on when requests come, unless steps are
skipped. Each step moves most symbols, not all. Prices are whole multiples of the price step. The
regular price is inside the day's range, and bid < last price < ask, if there are both. Only held
prices may break these rules. The market is open round the clock unless another session is asked
for. It knows nothing of Yahoo.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from random import Random
from typing import Final

from ticker.errors import UsageError
from ticker.exchange.instrument import Instrument, MarketState
from ticker.exchange.listings import CATALOGUE, Listing, unknown
from ticker.exchange.sessions import SessionWish, session
from ticker.units import MINUTE, SECOND

_MOVES_AT_ONCE: Final = 200_000
"""The most moves of single symbols at one request: about half a second of work."""


class Market:
    """A market of `listings` that moves every `every` µs, in the session of `wish`.

    `seed` determines its random numbers. The market begins at the first request. A request for an
    earlier time returns the present state. If more steps are due than about half a second's work,
    the oldest are skipped.
    """

    def __init__(
        self,
        seed: int = 0,
        *,
        listings: Iterable[Listing] = CATALOGUE,
        every: int = SECOND,
        wish: SessionWish = SessionWish.REGULAR,
    ) -> None:
        if every < 1:
            raise ValueError(f"a market cannot move every {every} µs")
        self.every = every
        self.seed = seed
        self.events = 0
        """Price changes so far."""
        self.watched = 0
        """Price changes that clients could see. The first price of a symbol counts as one."""
        self._wish = wish
        self.is_always_open = wish is SessionWish.REGULAR
        self._instruments = {
            listing.symbol: Instrument(listing, _chance(seed, listing.symbol), every)
            for listing in listings
        }
        self._mood = _chance(seed, "the whole market")
        self._step: int | None = None

    @property
    def listings(self) -> Sequence[Listing]:
        """Return what is listed, in order."""
        return [instrument.listing for instrument in self._instruments.values()]

    def advance(self, now: int) -> None:
        """Move the market to `now` (µs, UTC)."""
        step = now // self.every
        if self._step is None:
            self._step = step
            for instrument in self._instruments.values():
                instrument.begin(step * self.every, self._wish)
        at_once = max(1, _MOVES_AT_ONCE // max(1, len(self._instruments)))
        before = self._step * self.every
        for moved in range(max(self._step + 1, step + 1 - at_once), step + 1):
            mood = self._mood.gauss(0.0, 1.0)
            time = moved * self.every
            if self._wish is SessionWish.AUTO and time // MINUTE != before // MINUTE:
                for instrument in self._instruments.values():
                    instrument.enter(session(instrument.listing, self._wish, time))
            for instrument in self._instruments.values():
                self.events += instrument.move(time, mood)
            before = time
        self._step = max(step, self._step)

    def look(
        self, symbols: Iterable[str], now: int, *, counted: bool = True
    ) -> Sequence[MarketState]:
        """Return the states of `symbols` at `now` (µs, UTC). Leave out symbols that are not listed.

        `counted`: whether `watched` counts their changes.
        """
        self.advance(now)
        listed = self._instruments
        instruments = [listed[symbol] for symbol in symbols if symbol in listed]
        if counted:
            self.watched += sum(instrument.count() for instrument in instruments)
        return [instrument.state() for instrument in instruments]

    def hold(
        self,
        symbol: str,
        now: int,
        *,
        price: float | None = None,
        previous_close: float | None = None,
    ) -> None:
        """Hold the price of `symbol` from `now` on (µs, UTC), at `price` if given.

        `previous_close` is held too, if given. A symbol that is not listed is listed at `price`.
        Raises `UsageError` if it has none, or if a price is 0 or not finite.
        """
        for each in (price, previous_close):
            if each is not None and not (math.isfinite(each) and each):
                raise UsageError(f"{symbol}: expected a finite number other than 0, not {each!r}")
        self.advance(now)
        time = now - now % self.every
        if (instrument := self._instruments.get(symbol)) is None:
            if price is None:
                raise UsageError(f"{symbol} is not listed: give a price to list it")
            instrument = self._instruments[symbol] = Instrument(
                unknown(symbol, price), _chance(self.seed, symbol), self.every
            )
            instrument.begin(time, self._wish)
        self.events += instrument.hold(time, price, previous_close)

    def release(self, symbol: str) -> None:
        """Let `symbol` move again. Raises `UsageError` if it is not listed."""
        self._listed(symbol).release()

    def delist(self, symbol: str) -> None:
        """Remove `symbol`. Raises `UsageError` if it is not listed."""
        self._listed(symbol)
        del self._instruments[symbol]

    def _listed(self, symbol: str) -> Instrument:
        if (instrument := self._instruments.get(symbol)) is None:
            raise UsageError(f"{symbol} is not listed. List the symbols: ticker exchange --list")
        return instrument


def _chance(seed: int, whose: str) -> Random:
    """Return a random generator that depends only on `seed` and `whose`."""
    return Random(f"{seed}:{whose}")  # noqa: S311 - prices must be repeatable, not secret
