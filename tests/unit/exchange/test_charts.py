from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import pairwise
from typing import Any

import pytest

from tests.examples import some
from ticker.exchange import Market, SessionWish
from ticker.exchange.charts import ChartRefused, chart
from ticker.units import HOUR, SECOND

NOW = 1_795_447_805_000_000  # a Monday


def told(symbol: str = "AAPL", now: int = NOW, seed: int = 7, **query: str) -> Any:
    [state] = Market(seed).look([symbol], now)
    return chart(state, query, now, seed)["chart"]["result"][0]


def test_the_past_is_reproducible_and_ends_at_the_present() -> None:
    month = told(range="1mo", interval="1d")
    assert month == told(range="1mo", interval="1d")
    assert month != told(range="1mo", interval="1d", seed=8)
    quote = month["indicators"]["quote"][0]
    assert quote["close"][-1] == month["meta"]["regularMarketPrice"]
    assert quote["close"][-2] == month["meta"]["previousClose"]
    assert len(month["timestamp"]) == len(quote["open"]) in range(20, 24)
    assert month["timestamp"] == sorted(set(month["timestamp"]))


@pytest.mark.parametrize("interval", ["1m", "5m", "1h", "4h", "1d", "1wk", "1mo"])
@pytest.mark.parametrize(
    "symbol", some("AAPL", "BTC-USD", "7203.T", "EURUSD=X", "DOGE-USD", plain=2)
)
def test_a_bar_opens_at_the_previous_close(symbol: str, interval: str) -> None:
    result = told(symbol, interval=interval, range="5d" if interval[-1] in "mh" else "1y")
    quote = result["indicators"]["quote"][0]
    bars = [*zip(quote["low"], quote["open"], quote["close"], quote["high"], strict=True)]
    for low, opening, close, high in bars[:-1]:
        assert 0 < low <= min(opening, close) <= max(opening, close) <= high
    for before, after in [*pairwise(bars)][:-1]:
        assert after[1] == before[2]
    assert all(time <= NOW // SECOND for time in result["timestamp"])


@pytest.mark.parametrize("later", [0, 1, 4, 5, 6])
@pytest.mark.parametrize("symbol", ["AAPL", "BTC-USD", "7203.T"])
def test_five_days_are_five_trading_days_and_one_is_the_present_one(
    symbol: str, later: int
) -> None:
    now = NOW + later * 86_400 * SECOND
    five = told(symbol, now, interval="1d", range="5d")["timestamp"]
    assert len(five) == 5
    assert told(symbol, now, interval="1d", range="1d")["timestamp"] == five[-1:]
    assert told(symbol, now, interval="15m", range="5d")["timestamp"][0] == five[0]


def test_a_span_has_two_ends_and_an_empty_span_no_bars() -> None:
    at = NOW // SECOND
    some = told(interval="1m", period1=str(at - 600), period2=str(at - 300))
    assert 5 <= len(some["timestamp"]) <= 7
    none = told(interval="1m", period1=str(at + 600), period2=str(at + 900))
    assert "timestamp" not in none
    assert none["indicators"] == {"quote": [{}]}


@pytest.mark.parametrize("interval", ["1m", "1d", "1wk", "1mo", "3mo"])
@pytest.mark.parametrize("period2", [-(10**18), -62_135_596_801, 0])
def test_a_span_before_the_first_trade_has_no_bars(period2: int, interval: str) -> None:
    old = told(interval=interval, period1=str(period2 - 86_400), period2=str(period2))
    assert "timestamp" not in old
    assert old["indicators"] == {"quote": [{}]}


def test_the_default_is_a_month_of_daily_bars() -> None:
    assert told() == told(interval="1d", range="1mo")


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        (
            {"range": "foo"},
            422,
            "range=foo is not supported. Valid ranges: [1d,",
        ),
        ({"range": "0d"}, 422, "range=0d is not supported"),
        ({"interval": "30s"}, 422, "interval=30s is not supported"),
        ({"period1": "x"}, 400, "period1 and period2 are whole seconds"),
        ({"period1": "1e9"}, 400, "period1 and period2 are whole seconds"),
        ({"period1": f"{NOW}", "period2": "9"}, 400, "start date cannot be after"),
    ],
)
def test_requests_that_yahoo_refuses_are_refused(
    query: dict[str, str], status: int, words: str
) -> None:
    [state] = Market(7).look(["AAPL"], NOW)
    with pytest.raises(ChartRefused) as caught:
        chart(state, query, NOW, 7)
    assert caught.value.args[0] == status
    assert words in caught.value.args[2]


def day_of(time: int) -> datetime:
    return datetime.fromtimestamp(time - 5 * 3_600, UTC)  # in New York, in winter


@pytest.mark.parametrize("days", [3, 10, 60])
def test_any_number_of_trading_days_is_a_range(days: int) -> None:
    assert len(told(range=f"{days}d")["timestamp"]) == days
    minutes = told(range=f"{days}d", interval="15m")["timestamp"]
    assert len({day_of(time).date() for time in minutes}) == days


def test_a_range_can_start_with_the_year_or_the_first_trade() -> None:
    year = told(range="ytd")["timestamp"]
    assert day_of(year[0]).date() == date(2026, 1, 1)
    oldest = told(range="max")["timestamp"][0]
    for period1 in ("-2208994789", "0", "86400"):
        past = told(period1=period1, period2=str(NOW // SECOND))
        assert abs(past["timestamp"][0] - past["meta"]["firstTradeDate"]) <= 3 * 86_400
        assert abs(past["timestamp"][0] - oldest) <= 3 * 86_400


def test_a_market_that_keeps_hours_has_minutes_only_in_them() -> None:
    night = NOW + 12 * HOUR  # Monday evening in New York
    market = Market(7, wish=SessionWish.AUTO)
    [state] = market.look(["AAPL"], night)

    def minutes(**options: str) -> tuple[list[datetime], Any]:
        query = {"interval": "1m", "range": "1d", **options}
        body = chart(state, query, night, 7, is_always_open=market.is_always_open)
        [result] = body["chart"]["result"]
        return [day_of(time) for time in result["timestamp"]], result["indicators"]["quote"][0]

    times, quote = minutes()
    assert len(times) == 390
    assert (times[0].hour, times[0].minute, times[-1].hour, times[-1].minute) == (9, 30, 15, 59)
    assert quote["close"][-1] == state.price
    assert minutes(includePrePost="true")[0][0].hour == 4


def test_weeks_start_on_mondays_and_months_on_their_first_days() -> None:
    weeks = told(range="1y", interval="1wk")["timestamp"]
    assert {day_of(time).weekday() for time in weeks} == {0}
    months = [day_of(time) for time in told(range="max", interval="1mo")["timestamp"]]
    assert len(months) in (121, 122)
    assert {month.day for month in months} == {1}
    quarters = [day_of(time).month for time in told(range="1y", interval="3mo")["timestamp"]]
    assert quarters == [10, 1, 4, 7, 10]


@pytest.mark.parametrize("symbol", ["AAPL", "BTC-USD", "GC=F", "EURUSD=X"])
def test_todays_minutes_end_at_the_present_price(symbol: str) -> None:
    [state] = Market(7).look([symbol], NOW)
    day = told(symbol, interval="1m", range="1d")["indicators"]["quote"][0]
    moves = [abs(after / before - 1) for before, after in pairwise(day["close"])]
    assert moves[-1] <= 4 * max(moves[-60:-1])
    assert max(day["high"][-60:]) <= state.day_high
    assert min(day["low"][-60:]) >= state.day_low


@pytest.mark.parametrize("symbol", ["AAPL", "BTC-USD", "GC=F"])
def test_todays_minutes_begin_at_the_open_and_reach_the_days_extremes(symbol: str) -> None:
    [state] = Market(7).look([symbol], NOW)
    result = told(symbol, interval="1m", range="1d")
    zone = state.listing.venue.offset * 3_600
    quote = result["indicators"]["quote"][0]
    today = [
        number
        for number, time in enumerate(result["timestamp"])
        if (time + zone) // 86_400 == (NOW // SECOND + zone) // 86_400
    ]
    first, *later = today
    assert quote["close"][first] == state.open
    assert min(quote["low"][number] for number in later) == state.day_low
    assert max(quote["high"][number] for number in later) == state.day_high
