"""An exchange that serves from a thread of the test's own process."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ticker.exchange import Exchange


@contextmanager
def serving(exchange: Exchange) -> Iterator[tuple[str, int]]:
    """Yield the address of `exchange`, which serves until the block ends."""
    loop = asyncio.new_event_loop()
    address = loop.run_until_complete(exchange.start())
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield address
    finally:
        asyncio.run_coroutine_threadsafe(exchange.stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.close()
