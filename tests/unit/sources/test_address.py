from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from ticker.errors import UsageError
from ticker.sources import open_source
from ticker.sources.address import YahooAddress
from ticker.sources.live import LiveSource
from ticker.units import SECOND


def test_yahoo_itself_is_asked_within_its_budget() -> None:
    source = open_source("yahoo")
    assert (source.name, source.url, source.budget.per_hour, source.batch) == (
        "yahoo",
        "yahoo",
        360,
        50,
    )
    assert (source.every, source.every_closed) == (15 * SECOND, 60 * SECOND)


@pytest.mark.parametrize(
    ("url", "name", "server"),
    [
        ("yahoo+http://127.0.0.1:9000", "yahoo", "127.0.0.1:9000"),
        ("yahoo+http://localhost:9000/", "yahoo", "localhost:9000"),
        ("yahoo+http://proxy.example", "yahoo", "proxy.example:80"),
        ("yahoo+http://[::1]:9000", "yahoo", "[::1]:9000"),
        ("exchange", "exchange", "127.0.0.1:8790"),
        ("exchange:", "exchange", "127.0.0.1:8790"),
        ("exchange:22790", "exchange", "127.0.0.1:22790"),
        ("exchange:box", "exchange", "box:8790"),
        ("exchange:box:99", "exchange", "box:99"),
        ("exchange:[::1]", "exchange", "[::1]:8790"),
    ],
)
def test_another_server_may_be_asked_each_second_without_a_budget(
    url: str, name: str, server: str
) -> None:
    place = YahooAddress.at(url)
    assert (place.url, place.name, place.server) == (url, name, server)
    assert (place.budget, place.every, place.every_closed) == (None, SECOND, SECOND)


@pytest.mark.parametrize(
    ("url", "name", "server"),
    [
        ("yahoo-live", "yahoo-live", None),
        ("yahoo-live+ws://a.example:99", "yahoo-live", "a.example:99"),
        ("exchange-live", "exchange-live", "127.0.0.1:8790"),
        ("exchange-live:1234", "exchange-live", "127.0.0.1:1234"),
        ("exchange-live:a.example:99", "exchange-live", "a.example:99"),
    ],
)
def test_live_sources_are_opened_by_their_urls(url: str, name: str, server: str | None) -> None:
    source: Any = open_source(url)
    assert isinstance(source, LiveSource)
    assert (source.name, source.url, source._server) == (name, url, server)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nasdaq",
        "yahoo:",
        "yahoo:80",
        "yahoo+http:",
        "yahoo+http:localhost:80",
        "yahoo+http://",
        "yahoo+http://:80",
        "yahoo+http://host:port",
        "yahoo+http://host:99999",
        "yahoo+http://host:80/prefix",
        "yahoo+http://host:80?x=1",
        "yahoo+http://me:secret@host:80",
        "yahoo+http://a b:80",
        "yahoo+http://a\x1bb:80",
        "yahoo+https://host",
        "yahoo-live:",
        "yahoo-live+ws:",
        "exchange-live:a b",
        "live",
        "exchange:[::1",
        "exchange::80",
    ],
)
def test_other_words_are_not_sources(url: str) -> None:
    with pytest.raises(UsageError):
        open_source(url)


def test_opening_a_source_loads_neither_yfinance_nor_curl() -> None:
    code = (
        "import sys; from ticker.sources import open_source; open_source('yahoo');"
        "assert not {'yfinance', 'curl_cffi', 'pandas'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
