# ruff: noqa: T201 - a bench prints its figures
"""How long a change takes from the source to a reader, and what a poller costs. `-m bench -s`."""

import asyncio
import multiprocessing
import random
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import quantiles

import pytest

from ticker.poll import Poll
from ticker.records import Quote
from ticker.sources.budget import Budget
from ticker.sources.protocol import Answer, Source
from ticker.streams import open_log, open_stream, retained

pytestmark = pytest.mark.bench

SYMBOLS = [f"S{number:03}" for number in range(200)]
EVERY = 100_000
LASTING = 6_000_000


def now() -> int:
    return time.time_ns() // 1_000


class Moving(Source):
    """Every price moves; a quote's time is the moment at which the source had its answer ready."""

    name = "exchange"
    url = "exchange:nowhere"
    every = every_closed = 1_000_000
    budget = Budget(None)
    batch = 50

    async def quotes(self, symbols: Sequence[str]) -> Answer:
        prices = [round(random.uniform(90, 110), 4) for _ in symbols]  # noqa: S311  (prices)
        at = now()
        return Answer(
            [
                Quote(symbol, self.name, time=at, received=at, price=price, simulated=True)
                for symbol, price in zip(symbols, prices, strict=True)
            ],
            {},
        )

    async def close(self) -> None: ...


async def read(url: str, heard: Connection) -> None:
    delays: list[int] = []
    async with open_stream(url) as stream:
        position = (await stream.snapshot()).position
        heard.send("ready")
        async for batch in stream.read(position):
            here = now()
            delays += [here - tick.time for tick in batch.ticks]
            if any(beat.state == "stopped" for beat in batch.heartbeats):
                break
    heard.send(delays)


def reader(url: str, heard: Connection) -> None:
    asyncio.run(read(url, heard))


async def test_a_change_is_readable_in_another_process_within_milliseconds(tmp_path: Path) -> None:
    url = f"sqlite:{tmp_path / 'stream.sqlite'}"
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    async with retained(open_log(url)) as log:
        await Poll(Moving(), log, SYMBOLS, every=EVERY, count=1).run()
        process = context.Process(target=reader, args=(url, there))
        process.start()
        assert here.recv() == "ready"
        began, used = time.perf_counter(), time.process_time()
        report = await Poll(Moving(), log, SYMBOLS, every=EVERY, duration=LASTING).run()
        share = (time.process_time() - used) / (time.perf_counter() - began)
    delays = [delay / 1_000 for delay in here.recv()]
    process.join()
    cut = quantiles(delays, n=100)
    print(
        f"\nsource → reader in another process, {len(SYMBOLS)} symbols x 10 polls/s, all moving: "
        f"p50 {cut[49]:.1f} ms, p99 {cut[98]:.1f} ms ({len(delays):,} ticks); "
        f"poller {share:.1%} of a core"
    )
    assert len(delays) == report.status.ticks
    # Wanted to the screen: p50 < 10 ms, p99 < 25 ms. Twice that fails here, because the figures
    # are of a moment of a machine that others may be using.
    assert cut[49] < 20
    assert cut[98] < 50
