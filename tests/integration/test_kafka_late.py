"""A reader that comes late to a long topic: the full board in seconds, the history afterwards.

`-m slow` fills 10 million ticks (3 GB, about two minutes) and a million quotes of 500 symbols, as
pollers leave them behind: compacted but for the newest.
"""

import asyncio
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.partitioner import DefaultPartitioner

from tests.kafka_flow import admin
from ticker import wire
from ticker.records import Batch, Heartbeat, Quote, Tick
from ticker.streams.kafka import KafkaAddress, KafkaLog, KafkaStream, TopicPlan
from ticker.streams.kafka.cluster import BEGIN, END, ClusterClient
from ticker.streams.kafka.fetching import span
from ticker.streams.kafka.messages import HEADERS, QUOTES, key
from ticker.streams.kafka.producing import Message, Producing
from ticker.streams.kafka.topics import configurations

SYMBOLS = [f"SYM{n}" for n in range(500)]
ROUNDS_AT_ONCE = 40
WITHIN = 3.0
"""Seconds in which the board of millions of ticks is to be full."""
NO_HANG = 20.0
"""Seconds in which that of a few is, on a machine that has much else to do."""


@pytest.fixture
def address(make_broker: Callable[..., Any]) -> Iterator[KafkaAddress]:
    """On a broker of their own, whose files are deleted afterwards: they are large."""
    broker = make_broker()
    broker.start()
    yield KafkaAddress((broker.address,), "late")
    broker.kill()
    shutil.rmtree(broker.folder / "data")


def tick(symbol: str, sequence: int, begin: int) -> Tick:
    return Tick(
        symbol=symbol,
        source="yahoo",
        origin="poller00",
        sequence=sequence,
        time=begin + sequence,
        received=begin + sequence + 300_000,
        price=100 + sequence % 97 / 8,
        previous_price=100.25,
        day_change=1.5,
        volume=120_431 + sequence,
        bid=100.5,
        ask=100.75,
        currency="USD",
    )


def quote(symbol: str, sequence: int, begin: int) -> Quote:
    told = tick(symbol, sequence, begin)
    return Quote(
        **{name: getattr(told, name) for name in Tick.__struct_fields__ if name in SHARED},
        name=f"The company that is called {symbol}",
        kind="equity",
        exchange="NMS",
        previous_close=99.25,
        open=99.5,
        day_high=112.0,
        day_low=99.0,
        fifty_two_week_high=150.0,
        fifty_two_week_low=80.0,
        market_cap=3_912_345_678_901,
        price_hint=2,
        delay=0,
    )


SHARED = set(Tick.__struct_fields__) & set(Quote.__struct_fields__)


class Filling:
    """Writes as a relay does, without its checks: those are measured elsewhere."""

    def __init__(self, address: KafkaAddress, begin: int) -> None:
        self._producing = Producing(address, 120)
        self._prefix = address.prefix
        self._begin = begin
        self._partition: Any = DefaultPartitioner()
        self._by_partition: dict[int, list[str]] = {}
        for symbol in SYMBOLS:
            number = self._partition(symbol.encode(), [0, 1, 2], [0, 1, 2])
            self._by_partition.setdefault(number, []).append(symbol)

    async def send(
        self, ending: str, make: Callable[[str, int, int], Tick | Quote], sequences: range
    ) -> None:
        def messages(symbols: list[str]) -> Iterator[Message]:
            for sequence in sequences:
                for symbol in symbols:
                    record = make(symbol, sequence, self._begin)
                    yield key(record), wire.encode(record), HEADERS

        await self._producing.send(
            self._prefix + ending, {p: messages(s) for p, s in self._by_partition.items()}
        )

    async def close(self) -> None:
        await self._producing.close(5)


async def compacted(address: KafkaAddress, at_most: int) -> int:
    """Wait until at most so many quotes lie on the topic; how many do."""
    async with asyncio.timeout(180):
        while True:
            async with ClusterClient(address) as asking:
                topics = await asking.topics()
                begins = await asking.offsets(topics, BEGIN, QUOTES)
                ends = await asking.offsets(topics, END, QUOTES)
            between = {where: (begins[where], ends[where]) for where in begins}
            left = sum([len(some) async for _, some in span(address, between)])
            if left <= at_most:
                return left
            await asyncio.sleep(2)  # the broker looks for something to compact now and then


@pytest.mark.parametrize(
    ("each", "quotes", "within"),
    [(200, 20, NO_HANG), pytest.param(20_000, 2_000, WITHIN, marks=pytest.mark.slow)],
)
async def test_a_late_reader_has_the_full_board_in_seconds_and_then_the_history(
    address: KafkaAddress, each: int, quotes: int, within: float, tmp_path: Path
) -> None:
    begin = time.time_ns() // 1_000 - 3_600_000_000
    async with KafkaLog(address, TopicPlan(partitions=3)) as log, admin(address) as client:
        # Hours are written in seconds: segments end as often, or nothing would be compacted.
        often = ConfigResource(ConfigResourceType.TOPIC, f"{address.prefix}.quotes")
        often.configs = {**configurations(TopicPlan())[QUOTES], "segment.ms": "1000"}
        await client.alter_configs([often])
        filling = Filling(address, begin)
        for first in range(1, each + 1, ROUNDS_AT_ONCE):
            await filling.send("", tick, range(first, first + ROUNDS_AT_ONCE))
        step = each // quotes
        for first in range(step, each + 1, step * ROUNDS_AT_ONCE):
            last = min(each, first + step * (ROUNDS_AT_ONCE - 1))
            await filling.send(".quotes", quote, range(first, last + 1, step))
        await filling.close()
        now = time.time_ns() // 1_000
        beat = Heartbeat("poller00", "p", "yahoo", now, now, 15_000_000, "ok", 500, 500)
        await log.append(Batch(heartbeats=[beat]))
    left = await compacted(address, 120_000)

    async with KafkaStream(address) as stream:
        started = time.perf_counter()
        board = await stream.snapshot()
        took = time.perf_counter() - started
        assert {(q.symbol, q.sequence) for q in board.quotes} == {(s, each) for s in SYMBOLS}
        started = time.perf_counter()
        health = await stream.health()
        told = time.perf_counter() - started
        assert health.ticks == each * len(SYMBOLS)
        started = time.perf_counter()
        history = stream.read(await stream.find("start"))
        seen = len((await anext(history)).ticks)
        first_batch = time.perf_counter() - started
        async for batch in history:
            seen += len(batch.ticks)
            if seen == each * len(SYMBOLS):
                break
        whole = time.perf_counter() - started
        await history.aclose()
    started = time.perf_counter()
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-P", "-m", "ticker", "watch", "--once", "--stream", address.url],
        env={**os.environ, "XDG_STATE_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    watched = time.perf_counter() - started
    assert done.returncode == 0, done.stderr
    assert all(symbol in done.stdout for symbol in SYMBOLS)
    print(  # noqa: T201 - figures
        f"\n{seen:,} ticks, {left:,} quotes left: snapshot {took:.2f} s, health {told:.2f} s, "
        f"watch --once {watched:.2f} s, first of the history {first_batch:.2f} s, all {whole:.1f} s"
    )
    assert took < within
    assert watched < within
    assert first_batch < within
