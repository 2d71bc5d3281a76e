from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.waiting import until
from ticker.dashboard import histories
from ticker.dashboard.histories import Histories
from ticker.errors import StreamUnreachable
from ticker.follow import Follow
from ticker.health import StreamState
from ticker.records import Batch, Gap, Position, Quote, Tick
from ticker.streams import open_log, open_stream, retained

NOW = 1_795_447_805_000_000
SECOND = 1_000_000


def quote(symbol: str) -> Quote:
    return Quote(symbol, "yahoo", NOW, NOW, 9.0, origin="one", sequence=9)


def tick(symbol: str, sequence: int, price: float = 5.0) -> Tick:
    time = NOW - (100 - sequence) * SECOND
    return Tick(symbol, "yahoo", "one", sequence, time, time, price)


class Past(Follow):
    """A feed whose stream is `batches` long."""

    def __init__(self, *batches: Batch | StreamUnreachable) -> None:
        super().__init__(open_stream("memory:past"))
        self.batches = batches
        self.asked: list[list[str]] = []
        self.state = StreamState.OK

    async def history(self, symbols: Collection[str]) -> AsyncGenerator[Batch, None]:
        self.asked.append(sorted(symbols))
        for batch in self.batches:
            if isinstance(batch, StreamUnreachable):
                raise batch
            yield batch
            await asyncio.sleep(0)


async def filled(feed: Past, visible: Sequence[str], done: Callable[[], bool]) -> Histories:
    filling = Histories(feed, lambda: visible, lambda: None)
    filling.look()
    running = asyncio.create_task(filling.run())
    await until(done)
    running.cancel()
    return filling


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(histories, "_SETTLED", 0)


async def test_rows_on_screen_are_read_first_and_each_only_once() -> None:
    feed = Past(Batch(Position("1"), ticks=[tick("A", 1), tick("A", 2)]))
    feed.board.fold(Batch(Position("0"), quotes=[quote(s) for s in "ABC"]), 0)
    filling = await filled(feed, ["A"], lambda: len(feed.asked) == 2)
    assert feed.asked == [["A"], ["B", "C"]]
    filling.look()
    assert not filling._wanted.is_set()
    history = feed.board.history("A")
    assert history is not None
    assert list(history.prices) == [5.0, 5.0, 9.0]
    assert feed.board.ticks == 0, "the past is no news"


async def test_after_a_seek_the_board_is_filled_again_with_gaps() -> None:
    gap = Gap("one", "w", "yahoo", NOW, "poller stopped", from_=NOW - 9 * SECOND, until=NOW)
    feed = Past(Batch(Position("1"), ticks=[tick("A", 1)], gaps=[gap]))
    feed.board.fold(Batch(Position("0"), quotes=[quote("A")]), 0)
    filling = await filled(feed, ["A"], lambda: bool(feed.board.breaks("A")))
    feed.board.forget()
    assert feed.board.breaks("A") == []
    feed.board.fold(Batch(Position("0"), quotes=[quote("A")]), 0)
    filling.look()
    assert filling._wanted.is_set()


async def test_a_symbol_is_loading_until_its_past_is_read() -> None:
    feed = Past(Batch(Position("1"), ticks=[tick("A", 1)]))
    feed.board.fold(Batch(Position("0"), quotes=[quote("A")]), 0)
    assert Histories(feed, list, lambda: None).is_loading("A")
    shown: set[str] = set()

    def end(symbols: Iterable[str]) -> None:
        shown.update(symbols)

    feed.board.show_again = end  # type: ignore[method-assign]
    filling = await filled(feed, ["A"], lambda: shown == {"A"})
    assert not filling.is_loading("A")
    feed.board.forget()
    assert filling.is_loading("A")


async def test_a_symbol_that_replaces_another_is_filled_too() -> None:
    feed = Past()
    feed.choose(["A", "B"])
    filling = await filled(feed, ["A", "B"], lambda: len(feed.asked) == 1)
    feed.choose(["A"])
    filling.look()
    feed.choose(["A", "C"])
    filling.look()
    assert filling._wanted.is_set()


async def test_a_silent_stream_is_not_asked_again() -> None:
    feed = Past(StreamUnreachable("x", "gone"))
    feed.board.fold(Batch(Position("0"), quotes=[quote("A")]), 0)
    filling = await filled(feed, ["A"], lambda: len(feed.asked) == 1)
    filling.look()
    assert not filling._wanted.is_set()


async def test_a_live_feed_gives_the_last_day_of_its_stream(tmp_path: Path) -> None:
    url = f"sqlite:{tmp_path / 'log.sqlite'}"
    async with retained(open_log(url)) as log:
        told: dict[str, Any] = {"symbol": "A", "source": "yahoo", "origin": log.origin}
        for sequence, hours in ((1, 30), (2, 3), (3, 0)):
            time = NOW - hours * 3_600 * SECOND
            await log.append(
                Batch(ticks=[Tick(**told, sequence=sequence, time=time, received=time, price=1.0)])
            )
        feed = Follow(log, clock=lambda: NOW)
        found = [t.sequence async for batch in feed.history(["A"]) for t in batch.ticks]
        assert found == [2, 3]
        assert not [batch async for batch in feed.history(["B"]) if batch]
