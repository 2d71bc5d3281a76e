"""Each of Yahoo's failures becomes one error of the source, through real yfinance."""

from __future__ import annotations

import pytest

from ticker.errors import RateLimited, SourceError, SourceUnreachable
from ticker.exchange import Exchange, Fault, Market
from ticker.sources.address import YahooAddress
from ticker.sources.yahoo import YahooSource


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        ("429", RateLimited, "too many requests"),
        ("crumb", SourceError, "refuses us (HTTP 401)"),
        ("consent", SourceError, "asks for consent to its cookies"),
        ("html", SourceError, "answered with a web page instead of quotes"),
        ("truncated", SourceError, "answered with broken JSON"),
        ("slow", SourceUnreachable, "no answer within 0.5 s"),
        ("reset", SourceUnreachable, "connection"),
        ("5xx", SourceError, "has a server error (HTTP 502)"),
    ],
)
async def test_each_fault_has_its_own_error_and_ends_with_the_fault(
    fault: str, kind: type[SourceError], words: str
) -> None:
    async with Exchange(Market(1), port=0) as exchange:
        host, port = exchange.address
        place = YahooAddress.at(f"exchange:{host}:{port}")
        deadline = 0.5 if fault == Fault.SLOW else 10.0
        async with YahooSource(place, deadline=deadline) as source:
            await source.quotes(["AAPL"])
            exchange.faults.switch(fault)
            for _ in range(2):
                with pytest.raises(kind) as caught:
                    await source.quotes(["AAPL", "GC=F"])
                assert type(caught.value) is kind
                assert words in caught.value.problem
            exchange.faults.switch()
            answer = await source.quotes(["AAPL", "GC=F"])
    assert [quote.symbol for quote in answer.quotes] == ["AAPL", "GC=F"]


async def test_missing_symbols_are_refused_and_the_others_come() -> None:
    async with Exchange(Market(1), port=0, faults=["missing:0.65"]) as exchange:
        host, port = exchange.address
        async with YahooSource(YahooAddress.at(f"exchange:{host}:{port}")) as source:
            answer = await source.quotes(["AAPL", "GC=F", "MSFT"])
            assert [quote.symbol for quote in answer.quotes] == ["AAPL", "MSFT"]
            assert answer.refused == {"GC=F": "the exchange knows no such symbol"}
        exchange.faults.switch()
        # The first source asks rarely for what was refused.
        async with YahooSource(YahooAddress.at(f"exchange:{host}:{port}")) as source:
            assert not (await source.quotes(["AAPL", "GC=F", "MSFT"])).refused


async def test_a_share_of_the_requests_fails_and_the_rest_are_answered() -> None:
    async with Exchange(Market(1), port=0, faults=["5xx:0.5"]) as exchange:
        host, port = exchange.address
        outcomes = []
        async with YahooSource(YahooAddress.at(f"exchange:{host}:{port}")) as source:
            for _ in range(4):
                try:
                    outcomes.append(len((await source.quotes(["AAPL"])).quotes))
                except SourceError:
                    outcomes.append(0)
    assert outcomes == [1, 0, 1, 0]
