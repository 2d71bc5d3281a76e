"""A poller process for the fault tests: a source that always moves, acknowledgements on stdout.

`python polling_child.py PATH SYMBOLS EVERY_µs SEED [DURATION_µs]`. After each `append` that
returned it prints one line: `symbol:sequence` for every tick of it.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections.abc import Sequence
from typing import Any, cast

from ticker.poll import Poll
from ticker.records import Position, Quote
from ticker.sources.protocol import Answer
from ticker.streams import open_log
from ticker.streams.protocol import Log


def now() -> int:
    return time.time_ns() // 1_000


class Moving:
    """Nearly every price moves at each asking."""

    name = "exchange"
    url = "exchange:nowhere"
    every = every_closed = 1_000_000
    budget: int | None = None
    batch = 50

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311  (prices, not secrets)

    async def quotes(self, symbols: Sequence[str]) -> Answer:
        at = now()
        await asyncio.sleep(0.002)
        return Answer(
            [
                Quote(
                    symbol,
                    self.name,
                    time=at,
                    received=at,
                    price=round(self._random.uniform(90, 110), 2),
                    simulated=True,
                )
                for symbol in symbols
            ],
            {},
            at,
            now(),
        )

    async def close(self) -> None: ...


class Acknowledging:
    """A log that says aloud what is durable."""

    def __init__(self, log: Log) -> None:
        self._log = log

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    async def append(self, ticks: Sequence[Any] = (), **others: Any) -> Position:
        position = await self._log.append(ticks, **others)
        words = " ".join(f"{tick.symbol}:{tick.sequence}" for tick in ticks)
        sys.stdout.write(words + "\n")
        sys.stdout.flush()
        return position


async def main(path: str, symbols: str, every: str, seed: str, duration: str = "") -> None:
    async with open_log(f"sqlite:{path}") as log:
        await Poll(
            Moving(int(seed)),
            cast("Log", Acknowledging(log)),
            [f"S{number:03}" for number in range(int(symbols))],
            every=int(every),
            duration=int(duration) if duration else None,
        ).run()


asyncio.run(main(*sys.argv[1:]))
