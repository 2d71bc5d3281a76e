"""`quote` of more symbols than one request asks for, where one of the requests fails."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.serving import serving
from ticker.exchange import Exchange, Market, SavedAnswers, companies

from .conftest import Program

SYMBOLS = [listing.symbol for listing in companies(120)]


def failing(status: int, *lost: str) -> Any:
    async def fault(request: web.Request) -> web.StreamResponse | None:
        asked = request.query.get("symbols", "").split(",")
        is_lost = any(symbol in asked for symbol in lost)
        return web.Response(status=status, headers={"Retry-After": "60"}) if is_lost else None

    return fault


@pytest.mark.parametrize(("status", "answered"), [(500, 70), (429, 50)])
def test_one_failed_request_of_three_is_named_and_the_rest_printed(
    ticker: Program, status: int, answered: int
) -> None:
    exchange = Exchange(
        Market(7, listings=companies(120)), port=0, fault=failing(status, SYMBOLS[50])
    )
    with serving(exchange) as (host, port):
        done = ticker("quote", *SYMBOLS, "--source", f"exchange:{host}:{port}")
    assert done.returncode == 4, done.stderr
    printed = [quote["symbol"] for quote in json.loads(done.stdout)]
    assert len(printed) == answered
    named = [word.rstrip(":") for word in done.stderr.split() if word.rstrip(":") in SYMBOLS]
    assert sorted([*printed, *named]) == sorted(SYMBOLS)
    assert ("Next try " in done.stderr) == (status == 429)
    assert len(done.stderr.splitlines()) <= 2


@pytest.mark.parametrize(("status", "code"), [(500, 6), (429, 5)])
def test_if_all_requests_fail_the_exit_code_is_that_of_the_failure(
    ticker: Program, status: int, code: int
) -> None:
    fault = failing(status, SYMBOLS[0], SYMBOLS[50], SYMBOLS[100])
    with serving(Exchange(Market(7, listings=companies(120)), port=0, fault=fault)) as (host, port):
        done = ticker("quote", *SYMBOLS, "--source", f"exchange:{host}:{port}")
    assert (done.returncode, done.stdout) == (code, "")
    assert "Traceback" not in done.stderr


def test_answers_for_different_symbols_are_saved_under_different_names(
    ticker: Program, exchange: str
) -> None:
    for symbol in ("A/B", "A:B", "A?B", "..."):
        ticker("quote", symbol, "--source", exchange, "--raw", "saved")
    for folder in (".", ".."):  # no symbols
        assert ticker("quote", folder, "--source", exchange, "--raw", "saved").returncode == 2
    saved = sorted((ticker.folder / "saved").iterdir())
    assert len(saved) == 4
    assert all(path.suffix == ".json" for path in saved)


OIL = {
    "symbol": "CL=F",
    "quoteType": "FUTURE",
    "regularMarketPrice": -37.63,
    "regularMarketTime": 1_587_412_800,
    "regularMarketPreviousClose": 18.27,
    "priceHint": 2,
}
SMALL = {
    "symbol": "TINY-USD",
    "quoteType": "CRYPTOCURRENCY",
    "regularMarketPrice": 4.2e-9,
    "regularMarketTime": 1_587_412_800,
    "priceHint": 2,
}


@pytest.mark.parametrize("command", ["quote", "tail", "watch"])
def test_negative_and_very_small_prices_are_shown_exactly(ticker: Program, command: str) -> None:
    saved = ticker.folder / "saved"
    saved.mkdir()
    (saved / "two.json").write_text(json.dumps({"quoteResponse": {"result": [OIL, SMALL]}}))
    with serving(Exchange(SavedAnswers(saved), port=0)) as (host, port):
        words = ("CL=F", "TINY-USD", "--source", f"exchange:{host}:{port}")
        stream = ("--stream", f"sqlite:{ticker.folder / 'log.sqlite'}")
        if command == "quote":
            shown = ticker("quote", *words, "--format", "table", COLUMNS="120")
        else:
            assert ticker("poll", *words, *stream, "--count", "2").returncode == 0
            options = {
                "tail": ("--no-follow", "--format", "text"),
                "watch": ("--once", "--format", "table"),
            }
            shown = ticker(command, *options[command], *stream, COLUMNS="120")
    assert shown.returncode == 0, shown.stderr
    assert "-37.63" in shown.stdout
    assert "-305.97%" in shown.stdout
    assert "4.20e-09" in shown.stdout
    assert "0.00000000" not in shown.stdout


def test_holdings_are_printed_for_cron_with_the_needed_currency_pairs(
    ticker: Program, exchange: str, tmp_path: Path
) -> None:
    path = tmp_path / "config.toml"
    path.write_text(
        "[defaults]\ncurrency = 'EUR'\n[holdings]\ncash = { USD = 100 }\nlots = [\n"
        "{ symbol = 'AAPL', quantity = 2, price = 100 }, { symbol = 'VOD.L', quantity = 10 } ]\n"
    )
    words = ("quote", "--source", exchange, "--columns", "symbol,price,value,gain,weight")
    done = ticker(*words, "--format", "csv", TICKER_CONFIG=str(path))
    assert (done.returncode, done.stderr) == (0, "SIMULATED: these prices are invented\n")
    heading, apple, vodafone = (line.split(",") for line in done.stdout.splitlines())
    assert heading == ["symbol", "price", "value", "gain", "weight"]
    price = Decimal(apple[1])
    assert Decimal(apple[2]) == price * 2
    assert Decimal(apple[3]) == price * 2 - 200
    assert (Decimal(vodafone[2]), vodafone[3]) == (Decimal(vodafone[1]) * 10, "")
    assert 0 < Decimal(apple[4]) + Decimal(vodafone[4]) < 100
    table = ticker(*words, "--format", "table", TICKER_CONFIG=str(path))
    assert "SIMULATED" in table.stdout
    assert "EUR" in table.stdout.splitlines()[-1]
    assert "without VOD.L: cost not known" in table.stdout.splitlines()[-1]
    none = ticker(*words, TICKER_CONFIG=str(tmp_path / "none"))
    assert none.returncode == 3
