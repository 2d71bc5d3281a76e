"""Yahoo for other people's tests: a session for yfinance, and a plugin of pytest."""

from __future__ import annotations

import asyncio
import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests

import ticker
from ticker.errors import UsageError
from ticker.exchange import OfflineYahoo
from ticker.processes.child import environment

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # yfinance's, of pandas to come
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]

MORNING = 1_795_447_805_000_000
"""2026-11-23, 10:30 in New York, a Monday (µs)."""
TESTS = """
import pytest, yfinance as yf

def test_history(yahoo):
    assert len(yf.Ticker("AAPL", session=yahoo.session).history(period="5d")) >= 3

@pytest.mark.yahoo(seed=3, faults=["429"])
def test_patience(yahoo):
    with pytest.raises(Exception, match="Rate"):
        yf.Ticker("MSFT", session=yahoo.session).history(period="5d")
"""


@pytest.fixture
def yf(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Return yfinance with an empty cache in a temporary folder."""
    import ticker.sources.fetching  # loads yfinance, and keeps it quiet

    import yfinance  # isort: skip

    yfinance.set_tz_cache_location(str(tmp_path))
    monkeypatch.setattr(yfinance.data.SingletonMeta, "_instances", {})
    yield yfinance
    ticker.sources.fetching._keep_yfinance_quiet()


def test_programs_that_use_yfinance_run_offline_and_unchanged(yf: Any) -> None:
    with ticker.exchange(seed=7, clock=lambda: MORNING) as yahoo:
        apple = yf.Ticker("AAPL", session=yahoo.session)
        history = apple.history(period="1mo")
        assert len(history) > 15
        assert (history["Low"] <= history["High"]).all()
        minutes = apple.history(period="1d", interval="1m")
        assert len(minutes) > 500  # since midnight in New York
        assert len(apple.history(period="max")) > 2_500
        assert len(apple.history(period="60d", interval="4h")) > 300
        assert 100 < apple.fast_info.last_price < 1_000
        assert apple.fast_info.currency == "USD"
        assert apple.fast_info.market_cap == pytest.approx(apple.info["marketCap"], rel=1e-6)
        assert apple.info["longName"] == "Apple Inc."
        both = yf.download("AAPL GC=F", period="5d", session=yahoo.session, progress=False)
        assert {"AAPL", "GC=F"} == set(both["Close"].columns)
        found = yf.Search("gold", session=yahoo.session).quotes
        assert {quote["symbol"] for quote in found} == {"GC=F", "GLD"}
        assert yahoo.counters.requests > 5
        assert len(yahoo.session.cookies) == 0


def test_data_that_the_offline_yahoo_lacks_is_empty_as_on_yahoo(yf: Any) -> None:
    with ticker.exchange(seed=7) as yahoo:
        apple = yf.Ticker("AAPL", session=yahoo.session)
        assert apple.options == ()
        assert apple.calendar == {}
        assert apple.recommendations.empty
        assert yf.Ticker("NOPE", session=yahoo.session).options == ()
        answer = yahoo.session.get("https://query1.finance.yahoo.com/v9/finance/nothing")
        assert answer.status_code == 404
        error = answer.json()["finance"]["error"]
        assert error["description"] == "The offline exchange has no /v9/finance/nothing"


def test_the_last_bar_and_the_quote_agree(yf: Any) -> None:
    with ticker.exchange(seed=7, clock=lambda: MORNING) as yahoo:
        apple = yf.Ticker("AAPL", session=yahoo.session)
        url = "https://query1.finance.yahoo.com/v8/finance/chart/AAPL?range=5d&interval=1d"
        answers = [yahoo.session.get(url).json()["chart"]["result"][0] for _ in range(2)]
        assert answers[0] == answers[1]
        closes = answers[0]["indicators"]["quote"][0]["close"]
        assert closes[-1] == apple.info["regularMarketPrice"]
        assert closes[-2] == apple.info["regularMarketPreviousClose"]


def test_a_program_that_passes_no_session_is_offline_only_inside_the_block(yf: Any) -> None:
    outside = yf.Ticker("MSFT")
    client = yf.data.YfData()
    before = {**vars(client)}
    with ticker.exchange(seed=7) as yahoo:
        yahoo.set("MSFT", price=500)
        assert outside.fast_info.last_price == 500
        yahoo.set("AAPL", price=250)
        assert yf.Ticker("AAPL").history(period="5d")["Close"].iloc[-1] == 250
        assert yf.download("GC=F", period="5d", progress=False).shape[0] > 3
        past = {"start": "2026-01-05", "end": "2026-02-05"}  # yfinance caches it
        january = yf.Ticker("AAPL").history(**past)
        with ticker.exchange(seed=8) as other:
            assert not yf.Ticker("AAPL").history(**past).equals(january)
            assert yf.WebSocket(verbose=False).url == other.socket
        assert yf.AsyncWebSocket(verbose=False).url == yahoo.socket
        assert yf.Ticker("AAPL").history(**past).equals(january)
    assert vars(client) == before
    assert "yahoo.com" in yf.WebSocket(verbose=False).url


def test_no_other_host_is_asked_and_no_cookie_is_kept() -> None:
    with ticker.exchange() as yahoo:
        for url in ("https://example.com", "http://127.0.0.1:9", "https://yahoo.com.evil.example"):
            with pytest.raises(requests.ConnectionError, match="not Yahoo's"):
                yahoo.session.get(url)
        answer = yahoo.session.get("https://fc.yahoo.com")
        assert answer.url == "https://fc.yahoo.com/"
        assert answer.headers["Ticker-Simulated"] == "1"
        assert len(yahoo.session.cookies) == 0
        yahoo.session.get("https://query1.finance.yahoo.com/v1/test/getcrumb").raise_for_status()
        assert yahoo.counters.connections == 1


def test_faults_can_be_switched_while_it_serves() -> None:
    chart = "https://query2.finance.yahoo.com/v8/finance/chart/AAPL"
    with ticker.exchange(faults=["429"]) as yahoo:
        assert yahoo.session.get(chart).status_code == 429
        yahoo.fail("html")
        assert yahoo.session.get(chart).headers["Content-Type"].startswith("text/html")
        yahoo.fail()
        assert yahoo.session.get(chart).json()["chart"]["error"] is None
        with pytest.raises(UsageError):
            yahoo.fail("weather")
    with pytest.raises(UsageError), ticker.exchange(faults="429"):
        pass


def test_a_price_set_by_a_test_is_the_price_everywhere(yf: Any) -> None:
    with ticker.exchange() as yahoo:
        yahoo.set("AAPL", price=250.005, previous_close=245, marketState="HALTED", bid=None)
        yahoo.set("MYCO", price=10, longName="My Company")
        apple = yf.Ticker("AAPL", session=yahoo.session)
        assert apple.info["regularMarketPrice"] == apple.fast_info.last_price == 250.005
        assert apple.info["previousClose"] == apple.fast_info.previous_close == 245
        assert apple.history(period="5d")["Close"].iloc[-1] == 250.005
        assert apple.info["marketState"] == "HALTED"
        assert "bid" not in apple.info
        assert yf.Ticker("MYCO", session=yahoo.session).info["longName"] == "My Company"
        assert [each["symbol"] for each in yf.Search("myco", session=yahoo.session).quotes] == [
            "MYCO"
        ]


def test_symbols_are_upper_case_as_on_yahoo() -> None:
    url = "https://query2.finance.yahoo.com/v8/finance/chart/AAPL"
    with ticker.exchange(faults=[429]) as yahoo:  # type: ignore[list-item]
        assert yahoo.session.get(url).status_code == 429
        yahoo.fail()
        yahoo.set("aapl", price=1.5)
        meta = yahoo.session.get(url).json()["chart"]["result"][0]["meta"]
        assert meta["regularMarketPrice"] == 1.5
        yahoo.resume("aapl")
        yahoo.delist("aapl")
        assert yahoo.session.get(url).status_code == 404


def test_a_symbol_can_be_halted_and_resumed_and_delisted() -> None:
    now = MORNING
    url = "https://query2.finance.yahoo.com/v8/finance/chart/GC=F"

    def price(yahoo: OfflineYahoo) -> Any:
        return yahoo.session.get(url).json()["chart"]["result"][0]["meta"]["regularMarketPrice"]

    with ticker.exchange(clock=lambda: now) as yahoo:
        prices = [price(yahoo)]
        yahoo.set("GC=F")
        now += 60_000_000
        prices.append(price(yahoo))
        yahoo.resume("GC=F")
        now += 60_000_000
        prices.append(price(yahoo))
        assert prices[0] == prices[1] != prices[2]
        yahoo.delist("GC=F")
        assert yahoo.session.get(url).status_code == 404
        yahoo.set("GC=F", price=-37.63)
        assert price(yahoo) == -37.63


async def test_a_set_price_is_sent_to_subscribers_at_once() -> None:
    with ticker.exchange(every=60) as yahoo:
        async with ticker.open_source(f"exchange-live{yahoo.source.removeprefix('exchange')}") as s:
            await s.quotes(["AAPL"])
            woken = asyncio.Event()
            s.listen(woken.set)
            yahoo.set("AAPL", price=99.5)
            async with asyncio.timeout(30):
                while not any(quote.price == 99.5 for quote in s.take()):
                    await woken.wait()
                    woken.clear()


@pytest.mark.parametrize(
    ("do", "words"),
    [
        (
            lambda yahoo: yahoo.set("AAPL", price=0),
            "AAPL: expected a finite number other than 0, not 0",
        ),
        (
            lambda yahoo: yahoo.set("AAPL", price=float("nan")),
            "AAPL: expected a finite number other than 0, not nan",
        ),
        (lambda yahoo: yahoo.set("NOPE"), "NOPE is not listed: give a price to list it"),
        (lambda yahoo: yahoo.resume("NOPE"), "NOPE is not listed. List the symbols"),
        (lambda yahoo: yahoo.delist("NOPE"), "NOPE is not listed. List the symbols"),
        (lambda _: ticker.exchange(session="weekend").__enter__(), "expected a session of regular"),
        (lambda _: ticker.exchange(every=0).__enter__(), "every=0: expected seconds, 0.001 or"),
        (lambda _: ticker.exchange(symbols=0).__enter__(), "symbols=0"),
    ],
)
def test_a_mistake_is_reported_in_words(do: Any, words: str) -> None:
    with ticker.exchange() as yahoo, pytest.raises(UsageError, match=words):
        do(yahoo)


def test_an_unknown_symbol_has_an_empty_history_as_on_yahoo(yf: Any) -> None:
    with ticker.exchange() as yahoo:
        assert yf.Ticker("NOPE", session=yahoo.session).history().empty
        missing = yahoo.session.get("https://query1.finance.yahoo.com/v8/finance/chart/NOPE")
        with pytest.raises(requests.HTTPError, match="404") as raised:
            missing.raise_for_status()
    assert raised.value.response is missing


async def test_the_offline_yahoo_is_also_a_source_inside_an_event_loop() -> None:
    with ticker.exchange(symbols=100) as yahoo:
        async with ticker.open_source(yahoo.source) as source:
            answer = await source.quotes(["AAPL"])
    assert answer.quotes[0].simulated


def test_the_module_and_the_function_share_a_name() -> None:
    import ticker.exchange as room

    assert room.Exchange.__name__ == "Exchange"
    assert "seed" in inspect.signature(room).parameters  # type: ignore[arg-type]
    with room(seed=1) as yahoo:  # type: ignore[operator]
        assert isinstance(yahoo, OfflineYahoo)


@pytest.mark.processes
def test_the_fixtures_plugin_loads_nothing_before_it_is_used(
    tmp_path: Path,
) -> None:
    (tmp_path / "test_mine.py").write_text(TESTS)
    words = [sys.executable, "-m", "pytest", "-q", "-p", "ticker.pytest_plugin", str(tmp_path)]
    done = subprocess.run(
        [*words, "-c", "/dev/null", "--rootdir", str(tmp_path)],
        capture_output=True,
        text=True,
        env=environment(),
        cwd=Path(ticker.__file__).parents[1],
        check=False,
    )
    assert "2 passed" in done.stdout, done.stdout + done.stderr
    code = "import sys, ticker.pytest_plugin; print({'aiohttp', 'yfinance'} & set(sys.modules))"
    told = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment(), check=True
    )
    assert told.stdout.strip() == "set()"
