"""`quote` of more symbols than one request asks for, where one of the requests fails."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aiohttp import web

from tests.serving import serving
from ticker.exchange import Exchange, Market, crowd

from .conftest import Program

SYMBOLS = [listing.symbol for listing in crowd(120)]


def failing(status: int, *lost: str) -> Any:
    async def fault(request: web.Request) -> web.StreamResponse | None:
        asked = request.query.get("symbols", "").split(",")
        is_lost = any(symbol in asked for symbol in lost)
        return web.Response(status=status, headers={"Retry-After": "60"}) if is_lost else None

    return fault


@pytest.mark.parametrize(("status", "answered"), [(500, 70), (429, 50)])
def test_of_three_requests_one_that_fails_is_named_and_the_others_are_printed(
    ticker: Program, status: int, answered: int
) -> None:
    exchange = Exchange(Market(7, listings=crowd(120)), port=0, fault=failing(status, SYMBOLS[50]))
    with serving(exchange) as (host, port):
        done = ticker("quote", *SYMBOLS, "--source", f"exchange:{host}:{port}")
    assert done.returncode == 4, done.stderr
    printed = [quote["symbol"] for quote in json.loads(done.stdout)]
    assert len(printed) == answered
    named = [word.rstrip(":") for word in done.stderr.split() if word.rstrip(":") in SYMBOLS]
    assert sorted([*printed, *named]) == SYMBOLS
    assert ("Next try " in done.stderr) == (status == 429)
    assert len(done.stderr.splitlines()) <= 2


@pytest.mark.parametrize(("status", "code"), [(500, 6), (429, 5)])
def test_if_all_requests_fail_the_code_is_that_of_the_failure(
    ticker: Program, status: int, code: int
) -> None:
    fault = failing(status, SYMBOLS[0], SYMBOLS[50], SYMBOLS[100])
    with serving(Exchange(Market(7, listings=crowd(120)), port=0, fault=fault)) as (host, port):
        done = ticker("quote", *SYMBOLS, "--source", f"exchange:{host}:{port}")
    assert (done.returncode, done.stdout) == (code, "")
    assert "Traceback" not in done.stderr


def test_answers_of_other_symbols_are_never_saved_under_one_name(
    ticker: Program, exchange: str
) -> None:
    for symbol in ("A/B", "A:B", ".", ".."):
        ticker("quote", symbol, "--source", exchange, "--raw", "saved")
    saved = sorted((ticker.folder / "saved").iterdir())
    assert len(saved) == 4
    assert all(path.suffix == ".json" for path in saved)
