"""A TCP proxy between clients and a server. A test can cut and restore the connection.

While it is cut, nothing is refused and nothing arrives, as with a broken network.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator


class Cable:
    """Passes bytes both ways, unless it is cut."""

    def __init__(self, host: str, port: int, *, rate: int | None = None) -> None:
        """`rate`: the most bytes a second towards the client; `None`: unlimited."""
        self.passed = 0
        """Bytes passed, both ways."""
        self._server = (host, port)
        self._rate = rate
        self._turn = asyncio.Lock()
        self._whole = asyncio.Event()
        self._whole.set()
        self._tasks: set[asyncio.Task[None]] = set()

    def cut(self) -> None:
        """Let no byte pass. Connections stay open, and new ones are accepted."""
        self._whole.clear()

    def mend(self) -> None:
        """Let bytes pass again. Those sent meanwhile arrive too, as if TCP sent them again."""
        self._whole.set()

    @contextlib.asynccontextmanager
    async def listening(self, port: int) -> AsyncIterator[None]:
        """Accept connections on loopback."""
        server = await asyncio.start_server(self._connect, "127.0.0.1", port)
        try:
            yield
        finally:
            server.close()
            for task in tuple(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connect(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await self._whole.wait()
                far, out = await asyncio.open_connection(*self._server)
                with contextlib.closing(out):
                    ways = [
                        asyncio.create_task(self._pass(near, out, None)),
                        asyncio.create_task(self._pass(far, back, self._rate)),
                    ]
                    try:
                        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                    finally:
                        for way in ways:
                            way.cancel()
                        await asyncio.gather(*ways, return_exceptions=True)
        finally:
            back.close()
            self._tasks.discard(task)

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, rate: int | None
    ) -> None:
        while piece := await reader.read(65_536 if rate is None else 16_384):
            if rate is not None:
                async with self._turn:  # all connections share the line
                    await asyncio.sleep(len(piece) / rate)
            await self._whole.wait()
            self.passed += len(piece)
            writer.write(piece)
            await writer.drain()
