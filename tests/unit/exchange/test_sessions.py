from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ticker.exchange import Market, SessionWish, listings
from ticker.exchange.fields import fields
from ticker.exchange.instrument import MarketState
from ticker.exchange.listings import RARITIES, Oddity
from ticker.exchange.sessions import Session, last_close, session
from ticker.units import HOUR, MINUTE, SECOND

EVERYTHING = {listing.symbol: listing for listing in listings()}


def at(day: int, hour: int, minute: int = 0) -> int:
    """A moment of November 2026 (UTC, µs); the 23rd is a Monday."""
    return int(datetime(2026, 11, day, hour, minute, tzinfo=UTC).timestamp()) * SECOND


@pytest.mark.parametrize(
    ("symbol", "time", "expected"),
    [
        ("AAPL", at(23, 8, 59), Session.CLOSED),
        ("AAPL", at(23, 9), Session.PRE),
        ("AAPL", at(23, 14, 30), Session.REGULAR),
        ("AAPL", at(23, 21), Session.POST),
        ("AAPL", at(24, 1), Session.CLOSED),
        ("AAPL", at(22, 16), Session.CLOSED),
        ("^IXIC", at(23, 21), Session.POST),
        ("OCDO.L", at(23, 8), Session.REGULAR),
        ("OCDO.L", at(23, 16, 30), Session.CLOSED),
        ("7203.T", at(23, 0), Session.REGULAR),
        ("7203.T", at(23, 23), Session.CLOSED),
        ("GC=F", at(22, 22, 59), Session.CLOSED),
        ("GC=F", at(22, 23), Session.REGULAR),
        ("GC=F", at(23, 22, 30), Session.CLOSED),
        ("EURUSD=X", at(21, 12), Session.CLOSED),
        ("EURUSD=X", at(23, 17, 30), Session.REGULAR),
        ("BTC-USD", at(21, 12), Session.REGULAR),
        ("VFIAX", at(23, 15), Session.CLOSED),
    ],
)
def test_the_clock_decides_the_session(symbol: str, time: int, expected: Session) -> None:
    assert session(EVERYTHING[symbol], SessionWish.AUTO, time) is expected


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        (SessionWish.REGULAR, {"REGULAR"}),
        (SessionWish.CLOSED, {"CLOSED", "REGULAR"}),
        (SessionWish.PRE, {"PRE", "CLOSED", "REGULAR"}),
        (SessionWish.POST, {"POST", "CLOSED", "REGULAR"}),
    ],
)
def test_a_chosen_session_holds_at_any_time(wish: SessionWish, expected: set[str]) -> None:
    symbols = ["AAPL", "^IXIC", "SAP.DE", "GC=F", "BTC-USD"]
    for time in (at(22, 3), at(23, 15)):
        assert {session(EVERYTHING[s], wish, time) for s in symbols} == expected


@pytest.mark.parametrize("wish", [SessionWish.PRE, SessionWish.POST])
def test_outside_of_the_regular_session_the_first_answer_has_a_trade_already(
    wish: SessionWish,
) -> None:
    [state] = Market(7, wish=wish).look(["AAPL"], at(23, 8))
    assert state.extended is not None
    assert state.extended.session == wish.upper()


def test_the_last_close_is_that_of_a_weekday_before_now() -> None:
    apple = EVERYTHING["AAPL"]
    assert last_close(apple, at(23, 20, 59)) == at(20, 21)
    assert last_close(apple, at(23, 21)) == at(23, 21)
    assert last_close(apple, at(22, 12)) == at(20, 21)


def test_a_future_closes_the_week_when_its_trading_ends() -> None:
    gold = EVERYTHING["GC=F"]
    for time in (at(21, 12), at(22, 22, 59)):
        assert last_close(gold, time) == at(20, 22)
    assert session(gold, SessionWish.AUTO, at(20, 22) - SECOND) is Session.REGULAR
    assert session(gold, SessionWish.AUTO, at(20, 22)) is Session.CLOSED


@pytest.mark.parametrize(("every", "rest"), [(1_000, 30), (SECOND, 0), (MINUTE, 0)])
def test_a_new_day_begins_at_the_opening_even_if_nobody_asked_overnight(
    every: int, rest: int
) -> None:
    market = Market(7, every=every, wish=SessionWish.AUTO)
    market.advance(at(23, 20))
    [monday] = market.look(["AAPL"], at(23, 20, 30))
    [tuesday] = market.look(["AAPL"], at(24, 15) + rest * SECOND)
    assert monday.session is tuesday.session is Session.REGULAR
    assert tuesday.previous_close != monday.previous_close
    assert tuesday.day_low <= tuesday.open <= tuesday.day_high
    if every < MINUTE:  # the night is skipped
        assert tuesday.previous_close == monday.price
        assert tuesday.volume < monday.volume


def test_a_session_that_nobody_saw_begin_is_noticed_at_once() -> None:
    market = Market(7, every=1_000, wish=SessionWish.AUTO)
    market.advance(at(23, 20))
    [state] = market.look(["AAPL"], at(23, 22) + 30 * SECOND)
    assert state.session is Session.POST


def day(market: Market, begin: int, hours: int) -> list[MarketState]:
    return [market.look(["AAPL"], begin + minute * MINUTE)[0] for minute in range(0, hours * 60, 5)]


def test_trades_outside_the_session_do_not_move_the_regular_price() -> None:
    market = Market(7, every=MINUTE, wish=SessionWish.AUTO)
    states = day(market, at(23, 8), 20)
    order = list(dict.fromkeys(state.session for state in states))
    assert order == [Session.CLOSED, Session.PRE, Session.REGULAR, Session.POST]
    assert states[-1].session is Session.CLOSED
    closed, opened = states[0], next(s for s in states if s.session is Session.REGULAR)
    for state in states:
        match state.session:
            case Session.PRE:
                assert (state.price, state.volume) == (closed.price, closed.volume)
                if state.extended is not None:
                    assert state.extended.session is Session.PRE
                    assert state.extended.time > state.time
            case Session.REGULAR:
                assert state.extended is None
                assert state.previous_close == closed.price
            case Session.POST:
                assert state.time <= at(23, 21)
    assert opened.open != closed.price  # it continues from the last trade before the opening
    assert len({state.price for state in states if state.session is Session.REGULAR}) > 50
    late = [state.extended for state in states if state.session is Session.POST]
    assert len({trade.price for trade in late if trade}) > 20
    assert states[-1].extended == states[-12].extended != late[-1]
    assert states[-1].extended is not None
    assert states[-1].extended.session is Session.POST


@pytest.mark.parametrize("wish", [SessionWish.PRE, SessionWish.POST])
def test_few_symbols_trade_outside_the_regular_session(wish: SessionWish) -> None:
    market = Market(7, listings=listings(), wish=wish)
    before = {s.listing.symbol: fields(s) for s in market.look(EVERYTHING, at(23, 15))}
    after = {s.listing.symbol: fields(s) for s in market.look(EVERYTHING, at(23, 15, 1))}
    moved = {symbol for symbol in EVERYTHING if before[symbol] != after[symbol]}
    assert {"AAPL", "SPY", "BTC-USD", "GC=F", "EURUSD=X"} <= moved
    assert not {"^IXIC", "OCDO.L", "7203.T", "VFIAX"} & moved
    name = f"{wish}MarketPrice"
    assert name in after["AAPL"]
    assert after["AAPL"]["regularMarketPrice"] == before["AAPL"]["regularMarketPrice"]
    assert market.events == market.watched - len(EVERYTHING)


def test_a_closed_market_moves_only_coins_and_shows_post_market_trades() -> None:
    market = Market(7, listings=listings(), wish=SessionWish.CLOSED)
    before = market.look(EVERYTHING, at(22, 12))
    after = market.look(EVERYTHING, at(22, 12, 5))
    moved = {new.listing.symbol for old, new in zip(before, after, strict=True) if old != new}
    assert moved == {"BTC-USD", "ETH-USD", "DOGE-USD"}
    (apple,) = market.look(["AAPL"], at(22, 12, 5))
    assert apple.time == at(20, 21)
    assert apple.extended is not None
    assert apple.time < apple.extended.time < apple.time + 4 * HOUR


def test_the_market_includes_every_oddity_of_yahoos_answers() -> None:
    market = Market(7, listings=listings())
    market.advance(at(23, 15))
    early = {s.listing.symbol: fields(s) for s in market.look(EVERYTHING, at(23, 15))}
    told = {s.listing.symbol: fields(s) for s in market.look(EVERYTHING, at(23, 15, 10))}
    assert {each.oddity for each in RARITIES} >= set(Oddity)
    assert (told["NOBID"]["bid"], told["NOBID"]["ask"]) == (0, 0)
    assert told["CROSSED"]["bid"] > told["CROSSED"]["ask"]
    volumes = [each["SHRINKING"]["regularMarketVolume"] for each in (early, told)]
    assert volumes[0] > volumes[1] > 0
    assert told["NOCLOSE"]["regularMarketPreviousClose"] == 0
    assert told["STATELESS"]["marketState"] not in set(Session)
    assert -100 < told["NEGATIVE=F"]["regularMarketPrice"] < 0
    assert told["NEGATIVE=F"]["bid"] < told["NEGATIVE=F"]["regularMarketPrice"]
    assert {told[s]["quoteType"] for s in told} >= {"MUTUALFUND", "OPTION"}
    assert "bid" not in told["VFIAX"]
    assert told["OCDO.L"]["currency"] == "GBp"
