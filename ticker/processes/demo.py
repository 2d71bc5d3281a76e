"""The whole scenario without a network, for scripts and notebooks: `with ticker.demo() as url:`.

An exchange and a poller run as processes of their own, with a log that is deleted at the end. Ticks
are there when the block begins. It also works if an event loop is already running. Nothing is left
behind, whatever ends the caller. All prices are invented.
"""

from __future__ import annotations

import asyncio
import queue
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from ticker.errors import TickerError, UsageError
from ticker.processes.child import Child, Ended, News, command

START: Final = 30.0
"""How long the first prices may take (seconds)."""

WATCHLIST: Final = (
    "AAPL", "MSFT", "NVDA", "AMZN", "^IXIC", "GC=F", "CL=F", "EURUSD=X", "BTC-USD",
)  # fmt: skip


@contextmanager
def demo(
    symbols: Sequence[str] = WATCHLIST,
    *,
    seed: int = 7,
    every: str = "1s",
    outage: tuple[float, float] | None = None,
    within: float = START,
) -> Iterator[str]:
    """Give the URL of a stream with invented prices of `symbols`, until the block ends.

    The same `seed` moves the same way; `every` is the time between polls. `outage=(20, 5)` makes a
    gap, to see how a program treats one: 20 s after the first prices the poller stops, and 5 s
    later another one starts (which takes some seconds more). Raises `TickerError` if no price
    comes `within` so many seconds, and `UsageError` for symbols that are no list.
    """
    if isinstance(symbols, str):  # a sequence too, of its letters
        raise UsageError(f'demo: expected a list of symbols, like ["AAPL"], not {symbols!r:.60}')
    with tempfile.TemporaryDirectory(prefix="ticker-demo-") as folder:
        url = f"sqlite:{Path(folder) / 'demo.sqlite'}"
        told: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
        scene = _Scene(
            url, symbols, seed=seed, every=every, outage=outage, within=within, told=told
        )
        # A thread with an event loop of its own: a notebook's is busy running this very line.
        thread = threading.Thread(target=scene.run, name="ticker-demo", daemon=True)
        thread.start()
        try:
            if (problem := told.get()) is not None:
                raise problem
            yield url
        finally:
            scene.stop()
            thread.join()


class _Scene:
    """The two processes, in the event loop of a thread."""

    def __init__(
        self,
        url: str,
        symbols: Sequence[str],
        *,
        seed: int,
        every: str,
        outage: tuple[float, float] | None,
        within: float,
        told: queue.SimpleQueue[BaseException | None],
    ) -> None:
        self._url = url
        self._symbols = symbols
        self._seed = seed
        self._every = every
        self._outage = outage
        self._within = within
        self._told = told
        self._loop = asyncio.new_event_loop()
        self._over = asyncio.Event()
        self._source = ""
        self._children: list[Child] = []

    def run(self) -> None:
        """Run until `stop`. Reports `None` once there are ticks, or the error."""
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._play())

    def stop(self) -> None:
        """From any thread."""
        with suppress(RuntimeError):  # it has ended by itself
            self._loop.call_soon_threadsafe(self._over.set)

    async def _play(self) -> None:
        try:
            async with asyncio.timeout(self._within):
                await self._begin()
        except TimeoutError:
            self._told.put(TickerError(f"no price came within {self._within:g} s"))
        except Exception as error:  # noqa: BLE001  (whatever it is, the caller is waiting for it)
            self._told.put(error)
        else:
            self._told.put(None)
            if self._outage is not None:
                await self._stop_for_a_while(*self._outage)
            await self._over.wait()
        finally:
            for child in reversed(self._children):
                await child.stop()

    async def _begin(self) -> None:
        ready = await self._start(
            "exchange", "--listen", "127.0.0.1:0", "--seed", str(self._seed), until="ready"
        )
        self._source = f"exchange:{ready['host']}:{ready['port']}"
        await self._poll()

    async def _poll(self) -> None:
        words = ["--source", self._source, "--stream", self._url, "--every", self._every]
        await self._start("poll", *self._symbols, *words, until="status")

    async def _stop_for_a_while(self, after: float, length: float) -> None:
        """Stop the poller, and start another one; earlier if the scene is over."""
        if await self._is_over(after):
            return
        await self._children.pop().stop()
        if not await self._is_over(length):
            starting = asyncio.create_task(self._poll())
            over = asyncio.create_task(self._over.wait())
            either: set[asyncio.Future[Any]] = {starting, over}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            over.cancel()
            starting.cancel()
            with suppress(asyncio.CancelledError):
                await starting

    async def _is_over(self, seconds: float) -> bool:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._over.wait(), seconds)
        return self._over.is_set()

    async def _start(self, *words: str, until: str) -> News:
        """Start a child, and wait until it says `until` (a status: with ticks kept)."""
        said: asyncio.Future[News] = asyncio.get_running_loop().create_future()

        def hear(news: News) -> None:
            fits = news.get("say") == until and (until != "status" or news.get("ticks"))
            if fits and not said.done():
                said.set_result(news)

        child = Child(command(*words, "--control"), on_news=hear)
        self._children.append(child)
        await child.start()
        end = asyncio.create_task(child.wait())
        either: set[asyncio.Future[Any]] = {said, end}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not said.done():
            raise Ended(words[0], end.result(), child.why or child.errors[-500:])
        end.cancel()
        return said.result()
