from __future__ import annotations

import pytest

from ticker.cli.exchange import SessionName, counted_parts, source_url
from ticker.exchange import Counters, Fault, SessionWish


@pytest.mark.parametrize(
    ("host", "port", "url"),
    [
        ("127.0.0.1", 8790, "exchange"),
        ("127.0.0.1", 8791, "exchange:127.0.0.1:8791"),
        ("0.0.0.0", 8790, "exchange:0.0.0.0:8790"),  # noqa: S104  (only a text here)
    ],
)
def test_the_shown_source_option_is_as_short_as_possible(host: str, port: int, url: str) -> None:
    assert source_url(host, port) == url


def test_the_line_counts_connections_and_requests_and_events_and_moves() -> None:
    counted = Counters(connections=12, open=3, requests=1_204, quote_requests=9, events=1, sent=340)
    words = ["12 connections (3 open)", "1,204 requests", "340 events sent", "market moved 1 time"]
    assert counted_parts(counted, {}) == words
    faults = {Fault.TOO_MANY: 0.5, Fault.HTML: 1.0}
    assert counted_parts(counted, faults) == ["failing on purpose: 429:0.5, html:1", *words]


def test_the_option_offers_every_session() -> None:
    assert [*map(str, SessionName)] == [*map(str, SessionWish)]
