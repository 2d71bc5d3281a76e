from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from ticker.board.holdings import Portfolio
from ticker.config.holdings_and_alerts import Holdings, Lot
from ticker.currency_pairs import Pairs, pairs_in
from ticker.follow import Follow
from ticker.records import Batch, Heartbeat, Position, Quote
from ticker.units import SECOND

NOW = 1_795_447_805_000_000
MakeStream = Callable[..., Any]


class Poller:
    """Notes the symbols that it should poll."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, list[str]]] = []

    def add(self, symbols: Sequence[str]) -> None:
        self.asked.append(("add", list(symbols)))

    def remove(self, symbols: Sequence[str]) -> None:
        self.asked.append(("remove", list(symbols)))


def beat(**refused: str) -> Heartbeat:
    names = {f"{name}=X": why for name, why in refused.items()}
    return Heartbeat("one", "w", "yahoo", NOW, NOW, SECOND, "ok", 3, 3, refused=names)


def quote(symbol: str, price: float, currency: str) -> Quote:
    return Quote(symbol, "yahoo", NOW, NOW, price, origin="one", sequence=1, currency=currency)


async def test_pairs_are_read_and_asked_for_until_a_rate_is_known(
    stream_in_memory: MakeStream,
) -> None:
    feed = Follow(stream_in_memory(), ["VOD.L"], beside=["GC=F"], elapsed=lambda: 0)
    lots = (Lot(symbol="VOD.L", quantity=Decimal(1)),)
    feed.board.own(Portfolio(Holdings({}, lots), "EUR"))
    poller = Poller()
    pairs = Pairs(feed, poller, ["EURUSD=X"], ["GC=F"])
    pairs.look()
    assert poller.asked == []  # its currency is not known yet

    def fold(*quotes: Quote, **refused: str) -> None:
        feed.board.fold(Batch(Position(""), quotes=quotes, heartbeats=[beat(**refused)]), 0)

    fold(quote("VOD.L", 90.0, "GBp"))
    pairs.look()
    fold(GBPEUR="no such symbol")
    pairs.look()
    pairs.look()
    fold(EURGBP="no such symbol")
    pairs.look()
    assert poller.asked == [
        ("add", ["GBPEUR=X"]),
        ("add", ["EURGBP=X"]),
        ("remove", ["GBPEUR=X"]),
        ("add", ["GBPUSD=X", "USDEUR=X"]),
        ("remove", ["EURGBP=X"]),
    ]
    fold(quote("GBPUSD=X", 1.5, "USD"), USDEUR="no such symbol")
    pairs.look()
    fold(quote("EURUSD=X", 1.25, "USD"))
    pairs.look()
    assert poller.asked[5:] == [("add", ["EURUSD=X"]), ("remove", ["USDEUR=X"])]
    assert feed.board.beside == {"GC=F", "GBPUSD=X", "EURUSD=X"}
    assert feed.board.symbols == ["VOD.L"]
    feed.board.revalue()
    assert feed.board.valuation is not None
    assert feed.board.valuation.total.value == Decimal("1.08")


async def test_without_a_poller_any_pair_in_the_stream_serves(stream_in_memory: MakeStream) -> None:
    feed = Follow(stream_in_memory(), ["AAPL"], elapsed=lambda: 0)
    lots = (Lot(symbol="AAPL", quantity=Decimal(1)),)
    feed.board.own(Portfolio(Holdings({}, lots), "EUR"))
    pairs = Pairs(feed, None, ["AAPL"], [])
    feed.board.fold(Batch(Position(""), quotes=[quote("AAPL", 200.0, "USD")]), 0)
    pairs.look()
    assert feed.board.beside == {"USDEUR=X", "EURUSD=X"}
    feed.board.fold(Batch(Position(""), quotes=[quote("EURUSD=X", 1.25, "USD")]), 0)
    pairs.look()
    assert feed.board.beside == {"EURUSD=X"}


async def test_pairs_for_a_changed_configuration_are_read_and_polled_once(
    stream_in_memory: MakeStream,
) -> None:
    feed = Follow(stream_in_memory(), ["AAPL"], beside=["GC=F"], elapsed=lambda: 0)
    poller = Poller()
    pairs = Pairs(feed, poller, ["AAPL"], ["GC=F"])
    pairs.look()
    pairs.need(["AAPL", "MSFT"])
    pairs.look()
    pairs.look()
    assert poller.asked == [("add", ["MSFT"])]
    assert feed.board.beside == {"MSFT"}


def test_a_replay_hides_pairs_that_are_only_needed_for_totals() -> None:
    lots = (Lot(symbol="VOD.L", quantity=Decimal(1)),)
    held = [quote("VOD.L", 90.0, "GBp"), quote("GBPUSD=X", 1.5, "USD")]
    held += [quote("EURUSD=X", 1.25, "USD"), quote("USDJPY=X", 155.0, "JPY")]
    assert pairs_in(Portfolio(Holdings({}, lots), "EUR"), held) == {"GBPUSD=X", "EURUSD=X"}
    assert pairs_in(Portfolio(Holdings({}, lots), "GBP"), held) == set()
