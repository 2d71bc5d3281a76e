"""A poller process for the fault tests: real yfinance, acknowledgements on stdout.

`python polling_child.py PATH SYMBOLS EVERY_µs SOURCE`. After each `append` that returned it prints
one line: `symbol:sequence` for every tick of it. SIGTERM ends it in order.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import Any, cast

from ticker.exchange import companies
from ticker.poll import Poll
from ticker.records import Batch, Position
from ticker.sources import open_source
from ticker.streams import open_log
from ticker.streams.protocol import Log, NumberingLog


class Acknowledging:
    """A log that says aloud what is durable."""

    def __init__(self, log: Log) -> None:
        self._log = log

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    async def append(self, batch: Batch) -> Position:
        position = await self._log.append(batch)
        words = " ".join(f"{tick.symbol}:{tick.sequence}" for tick in batch.ticks)
        sys.stdout.write(words + "\n")
        sys.stdout.flush()
        return position


async def main(path: str, symbols: str, every: str, url: str) -> None:
    source: Any = open_source(url)
    await source.prepare()  # loading yfinance takes seconds on a busy machine
    async with open_log(f"sqlite:{path}") as log:
        poll = Poll(
            source,
            cast("NumberingLog", Acknowledging(log)),
            [listing.symbol for listing in companies(int(symbols))],
            every=int(every),
        )
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, poll.stop)
        await poll.run()
    await source.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
