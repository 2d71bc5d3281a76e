"""The whole scenario without a network, for scripts and notebooks: `with ticker.demo() as url:`.

An exchange and a poller run as child processes, with a log that is deleted at the end. The log has
ticks when the block begins. It also works if an event loop is already running. The processes end
with the caller, even if it is killed. All prices are invented.
"""

from __future__ import annotations

import asyncio
import tempfile
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from ticker.errors import TickerError, UsageError
from ticker.processes.child import Child, News, command

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
        scene = _Scene(url, symbols, seed, every)
        began: Future[None] = Future()

        def run() -> None:
            with asyncio.Runner(loop_factory=lambda: scene.loop) as runner:
                runner.run(scene.play(began, within, outage))

        # Use a thread with its own event loop, because a notebook's loop waits for this call.
        thread = threading.Thread(target=run, name="ticker-demo", daemon=True)
        thread.start()
        try:
            began.result()
            yield url
        finally:
            scene.stop()
            thread.join()


class _Scene:
    """The exchange and the poller, started and ended in the event loop of a thread."""

    def __init__(self, url: str, symbols: Sequence[str], seed: int, every: str) -> None:
        self._url = url
        self._symbols = symbols
        self._seed = seed
        self._every = every
        self.loop = asyncio.new_event_loop()
        self._over = asyncio.Event()
        self._source = ""
        self._children: list[Child] = []

    def stop(self) -> None:
        """End `play`. May be called from any thread."""
        with suppress(RuntimeError):  # it has ended by itself
            self.loop.call_soon_threadsafe(self._over.set)

    async def play(
        self, began: Future[None], within: float, outage: tuple[float, float] | None
    ) -> None:
        """Run until `stop`. `began` gets its result when there are ticks, or the error."""
        try:
            async with asyncio.timeout(within):
                await self._begin()
        except TimeoutError:
            began.set_exception(TickerError(f"no price came within {within:g} s"))
        except Exception as error:  # noqa: BLE001  (the caller waits for it, and raises it)
            began.set_exception(error)
        else:
            began.set_result(None)
            pausing = asyncio.create_task(self._stop_for_a_while(outage))
            await self._over.wait()
            pausing.cancel()
            with suppress(asyncio.CancelledError):
                await pausing
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

    async def _stop_for_a_while(self, outage: tuple[float, float] | None) -> None:
        """Stop the poller after `outage[0]` s. Start another one `outage[1]` s later."""
        if outage is None:
            return
        after, length = outage
        await asyncio.sleep(after)
        poller = self._children[-1]
        await poller.stop()
        self._children.remove(poller)
        await asyncio.sleep(length)
        await self._poll()

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
            ended = f"ticker {words[0]} ended with {end.result()}"
            raise TickerError(child.why or child.errors[-500:] or ended)
        end.cancel()
        return said.result()
