from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import examples
from ticker.exchange import Market, companies, listings
from ticker.exchange.instrument import MarketState
from ticker.exchange.listings import CATALOGUE, COIN
from ticker.units import DAY, SECOND

NOON = 1_795_435_200 * SECOND  # 2026-11-23T12:00:00Z
DEFAULT_WATCHLIST = "AAPL MSFT NVDA AMZN ^IXIC GC=F CL=F EURUSD=X BTC-USD".split()  # noqa: SIM905
BY_SYMBOL = {listing.symbol: listing for listing in CATALOGUE}
EVERYTHING = [*BY_SYMBOL]


def seconds(market: Market, count: int, start: int = NOON) -> list[list[MarketState]]:
    return [[*market.look(EVERYTHING, start + n * SECOND)] for n in range(count)]


def test_the_same_seed_gives_the_same_market() -> None:
    assert seconds(Market(7), 50) == seconds(Market(7), 50)
    assert seconds(Market(7), 50) != seconds(Market(8), 50)


def test_prices_do_not_depend_on_when_they_are_read() -> None:
    often, once = Market(7), Market(7)
    seconds(often, 100)
    once.look([], NOON)
    late = NOON + 99 * SECOND
    assert often.look(EVERYTHING, late) == once.look(EVERYTHING, late)
    assert often.events == once.events > 0


def test_a_symbols_prices_do_not_depend_on_what_else_is_listed() -> None:
    alone, among = Market(7, listings=[BY_SYMBOL["GC=F"]]), Market(7)
    for market in (alone, among):
        market.look([], NOON)
    later = NOON + 60 * SECOND
    assert alone.look(["GC=F"], later) == among.look(["GC=F"], later)


def test_each_second_moves_most_symbols_and_not_all() -> None:
    prices = [[state.price for state in states] for states in seconds(Market(7), 120)]
    moved = [
        sum(before != after for before, after in zip(*pair, strict=True)) / len(EVERYTHING)
        for pair in pairwise(prices)
    ]
    assert min(moved) > 0.5
    assert 0.75 < sum(moved) / len(moved) < 0.95
    assert len(set(moved)) > 3


def test_events_count_the_price_changes() -> None:
    market = Market(7)
    prices = [[state.price for state in states] for states in seconds(market, 60)]
    changes = sum(
        before != after for pair in pairwise(prices) for before, after in zip(*pair, strict=True)
    )
    assert market.events == changes


def test_moves_of_requested_symbols_are_counted_separately_however_rarely_requested() -> None:
    market, every_step = Market(7), Market(7, listings=[BY_SYMBOL["AAPL"], BY_SYMBOL["GC=F"]])
    for second in range(61):
        every_step.look(["AAPL", "GC=F"], NOON + second * SECOND)
    for second in range(0, 61, 20):
        market.look(["AAPL", "GC=F", "NOPE"], NOON + second * SECOND)
        market.look(["AAPL"], NOON + second * SECOND)
        market.look(["MSFT"], NOON + second * SECOND, counted=False)
    assert every_step.watched == every_step.events + 2  # the first price of each
    assert market.watched == every_step.watched < market.events
    market.look(["MSFT"], NOON + 60 * SECOND)
    assert market.watched == every_step.watched + 1


def test_a_halted_symbol_keeps_its_price_and_then_continues_from_it() -> None:
    market = Market(7)
    market.hold("AAPL", NOON, price=99.123, previous_close=98)
    for second in range(30):
        (apple,) = market.look(["AAPL"], NOON + second * SECOND)
        assert (apple.price, apple.previous_close) == (99.123, 98)
        assert apple.day_low <= apple.price <= apple.day_high
    assert market.watched == 1  # its first price
    assert market.events > 500
    market.hold("AAPL", NOON + 30 * SECOND, price=100)
    assert market.look(["AAPL"], NOON + 30 * SECOND)[0].price == 100
    assert market.watched == 2
    market.release("AAPL")
    (apple,) = market.look(["AAPL"], NOON + 60 * SECOND)
    assert 95 < apple.price < 105
    assert apple.price != 100


def check(state: MarketState) -> None:
    listing = state.listing
    tick = Decimal(listing.tick).scaleb(-listing.decimals)
    for price in (state.price, state.open, state.day_high, state.year_low, state.previous_close):
        assert price > 0
        assert Decimal(repr(price)) % tick == 0
    assert state.year_low <= state.day_low <= state.price <= state.day_high <= state.year_high
    assert state.day_low <= state.open <= state.day_high
    assert (state.bid is None) == (state.ask is None)
    if state.bid is not None and state.ask is not None:
        assert 0 < state.bid < state.price < state.ask


@settings(max_examples=examples(25), deadline=None)
@given(seed=st.integers(), every=st.sampled_from([100_000, SECOND, 60 * SECOND]))
def test_every_market_keeps_ranges_and_tick_sizes_and_spreads(seed: int, every: int) -> None:
    market = Market(seed, every=every)
    for step in range(30):
        for state in market.look(EVERYTHING, NOON + step * every * 7):
            check(state)


def test_prices_stay_plausible_over_weeks() -> None:
    market = Market(3, every=300 * SECOND)
    for state in market.look(EVERYTHING, NOON):
        check(state)
    for day in range(1, 15):
        states = market.look(EVERYTHING, NOON + day * DAY)
    for state in states:
        check(state)
        assert state.listing.price / 3 < state.price < state.listing.price * 3


def test_volume_grows_within_the_day_except_for_coins() -> None:
    first, *_, last = seconds(Market(7), 100)
    for before, after in zip(first, last, strict=True):
        if before.listing.kind is COIN or not before.listing.volume:
            continue
        assert after.volume > before.volume, before.listing.symbol
    shrunk = {
        state.listing.symbol
        for states in zip(*seconds(Market(7), 100), strict=True)
        for state, following in pairwise(states)
        if following.volume < state.volume
    }
    assert shrunk <= {"BTC-USD", "ETH-USD", "DOGE-USD"}
    assert shrunk


def test_a_new_day_begins_at_midnight_with_the_last_price_as_close() -> None:
    market = Market(7)
    midnight = NOON + DAY // 2
    before = market.look(EVERYTHING, midnight - SECOND)
    after = market.look(EVERYTHING, midnight)
    for old, new in zip(before, after, strict=True):
        assert new.previous_close == new.open == old.price
        assert {new.day_high, new.day_low} == {old.price, new.price}
        if old.listing.kind is not COIN and old.volume:
            assert new.volume < old.volume


def test_a_venues_delay_shows_in_the_time() -> None:
    apple, gold = Market(7).look(["AAPL", "GC=F"], NOON)
    assert apple.time - gold.time == 600 * SECOND
    assert apple.time == NOON


def test_a_quotes_time_is_that_of_its_last_move() -> None:
    market = Market(7)
    for second in range(60):
        for state in market.look(["AAPL"], NOON + second * SECOND + 345_678):
            assert state.time % SECOND == 0
            assert state.time <= NOON + second * SECOND


def test_reading_an_earlier_time_returns_the_present() -> None:
    market = Market(7)
    market.look([], NOON)
    now = market.look(EVERYTHING, NOON + 10 * SECOND)
    assert market.look(EVERYTHING, NOON - DAY) == now


def test_an_idle_market_catches_up_quickly() -> None:
    market = Market(7, every=1_000)
    first = market.look(EVERYTHING, NOON)
    # 3 weeks of milliseconds: at full length this would take hours.
    later = market.look(EVERYTHING, NOON + 21 * DAY)
    assert later != first
    assert later[0].time > NOON + 20 * DAY


def test_unlisted_symbols_are_left_out() -> None:
    states = Market(7).look(["NOPE", "GC=F", "AAPL"], NOON)
    assert [state.listing.symbol for state in states] == ["GC=F", "AAPL"]


def test_the_market_moves_at_the_chosen_rate() -> None:
    market = Market(7, listings=companies(500), every=100_000)
    market.look([], NOON)
    market.look([], NOON + SECOND)
    assert 3_500 < market.events < 5_000


def test_a_rate_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="every 0"):
        Market(7, every=0)


def test_the_catalogue_covers_the_default_watchlist_and_every_kind() -> None:
    assert set(DEFAULT_WATCHLIST) <= set(EVERYTHING)
    assert len(set(EVERYTHING)) == len(EVERYTHING) >= 34
    kinds = {listing.kind.quote_type for listing in CATALOGUE}
    assert kinds == {"EQUITY", "ETF", "INDEX", "FUTURE", "CURRENCY", "CRYPTOCURRENCY"}
    assert BY_SYMBOL["OCDO.L"].currency == "GBp"


def test_a_larger_market_starts_with_the_catalogue_and_repeats_no_symbol() -> None:
    found = listings(5_000)
    assert [listing.symbol for listing in found[: len(EVERYTHING)]] == EVERYTHING
    assert len({listing.symbol for listing in found}) == 5_000
    assert len({listing.name for listing in found}) == 5_000
    assert listings(10) == listings(200)[:10] == listings(5_000)[:10]


def test_invented_companies_are_reproducible_and_have_realistic_prices() -> None:
    found = companies(1_000)
    assert found == companies(1_000)
    prices = sorted(listing.price for listing in found)
    assert 3 <= prices[0] < prices[500] / 5 < 20
    assert 300 < prices[-1] <= 1_500
    assert all(listing.volume > 0 and listing.shares > 0 for listing in found)
