"""The whole scenario without a network, for scripts and notebooks: `with ticker.demo() as url:`.

An exchange and a poller run as child processes, with a log that is deleted at the end. The log has
ticks when the block begins. It also works if an event loop is already running. The processes end
with the caller, even if it is killed. All prices are invented.
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
"""How long the first prices may take (s)."""

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
    """Yield the URL of a stream of invented prices of `symbols`. It grows until the block ends.

    The same `seed` gives the same price movements. `every` is the time between polls.
    `outage=(20, 5)` makes a gap, so that you can see what a program does with it: 20 s after the
    first prices the poller stops, and 5 s later another one starts (which takes some seconds more).
    Raises `TickerError` if no price comes within `within` seconds, and `UsageError` if `symbols` is
    a string.
    """
    if isinstance(symbols, str):  # it would count as a sequence of letters
        raise UsageError(f'demo: expected a list of symbols, like ["AAPL"], not {symbols!r:.60}')
    with tempfile.TemporaryDirectory(prefix="ticker-demo-") as folder:
        url = f"sqlite:{Path(folder) / 'demo.sqlite'}"
        told: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
        scene = _Scene(
            url, symbols, seed=seed, every=every, outage=outage, within=within, told=told
        )
        # A thread with its own event loop: that of a notebook is busy with this very call.
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
    """The exchange and the poller, started and ended in the event loop of a thread."""

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
        """Run until `stop`. Puts `None` into `told` when there are ticks, or else the error."""
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._play())

    def stop(self) -> None:
        """End `run`. May be called from any thread."""
        with suppress(RuntimeError):  # it has ended by itself
            self._loop.call_soon_threadsafe(self._over.set)

    async def _play(self) -> None:
        try:
            async with asyncio.timeout(self._within):
                await self._begin()
        except TimeoutError:
            self._told.put(TickerError(f"no price came within {self._within:g} s"))
        except Exception as error:  # noqa: BLE001  (the caller waits for it, and raises it)
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
        """Stop the poller after `after` seconds, and start another one `length` seconds later."""
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
        """Start a child. Return its first news that says `until`; a status must also have ticks."""
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
