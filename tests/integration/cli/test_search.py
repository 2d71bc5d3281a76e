"""`search`: symbols by words, from Yahoo's interface."""

from __future__ import annotations

import json

import pytest
from aiohttp import web

from tests.serving import serving
from ticker.exchange import Exchange, Market

from .conftest import Program


def test_a_search_prints_symbols_and_names_and_kinds(ticker: Program) -> None:
    with serving(Exchange(Market(7), port=0)) as (host, port):
        source = ("--source", f"exchange:{host}:{port}")
        done = ticker("search", "apple", *source)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout) == [
            {"symbol": "AAPL", "name": "Apple Inc.", "kind": "equity", "exchange": "NasdaqGS"}
        ]
        table = ticker("search", "gold", "--format", "table", *source)
        assert "GC=F" in table.stdout
        assert "future" in table.stdout
        rows = ticker("search", "e", "--format", "csv", "--count", "3", *source).stdout.split("\n")
        assert rows[0] == "symbol,name,kind,exchange"
        assert len(rows) == 5
        nothing = ticker("search", "no such thing", *source)
        assert nothing.returncode == 4
        assert nothing.stderr.startswith("The exchange finds nothing for no such thing.")


@pytest.mark.parametrize(
    ("status", "body", "code", "words"),
    [
        (429, "", 5, "too many requests. Next try "),
        (200, "<html>", 6, "answered with a web page"),
        (200, "{}", 6, "answered with JSON that is not a search result"),
        (
            200,
            '{"quotes": [1, {"symbol": "A\\u001b"}, {"symbol": "B", "longname": "\\u001b[2J"}]}',
            0,
            "",
        ),
    ],
)
def test_a_failed_search_says_why(
    ticker: Program, status: int, body: str, code: int, words: str
) -> None:
    async def fault(request: web.Request) -> web.StreamResponse | None:
        is_search = request.path.endswith("/search")
        return web.Response(status=status, text=body) if is_search else None

    with serving(Exchange(Market(7), port=0, fault=fault)) as (host, port):
        done = ticker("search", "x", "--source", f"exchange:{host}:{port}", "--format", "table")
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert "\x1b" not in done.stdout
