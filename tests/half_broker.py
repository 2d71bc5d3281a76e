"""Half a Kafka broker on loopback: it answers only requests for versions and for metadata.

A test can delay or cut its answers at exact moments, which no real broker allows.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator

from aiokafka.protocol.admin import ApiVersionResponse_v0
from aiokafka.protocol.metadata import MetadataResponse_v5

_VERSIONS, _METADATA = 18, 3


class HalfBroker:
    """Names itself as node 1 in its metadata, unless the test sets `advertised` or `empty`."""

    def __init__(self, newest: int = 5) -> None:
        """`newest`: the newest version of metadata that it offers; Kafka 3.0 and later offer 12."""
        self.port = 0
        self.open = 0
        """The open connections."""
        self.asked = 0
        """The number of requests for metadata."""
        self.empty = 0
        """How many of the next metadata answers name no broker."""
        self.advertised: list[tuple[str, int]] = []
        """The addresses of its cluster's nodes in its answers; empty: itself as node 1."""
        self.tells_versions = asyncio.Event()
        self.tells_brokers = asyncio.Event()
        self._newest = newest
        self._changed = asyncio.Condition()
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Accept connections. Each kind of answer waits while its event (`tells_…`) is cleared."""
        self.tells_versions.set()
        self.tells_brokers.set()
        server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            server.close()
            self.hang_up()
            await self.until(0)

    def hang_up(self) -> None:
        """Close each connection."""
        for writer in self._writers:
            writer.transport.abort()

    async def until(self, connections: int) -> None:
        """Wait until exactly `connections` are open."""
        async with asyncio.timeout(30), self._changed:
            await self._changed.wait_for(lambda: self.open == connections)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        await self._count(1)
        answers: set[asyncio.Task[None]] = set()
        try:
            with contextlib.suppress(asyncio.IncompleteReadError, OSError):
                while True:  # even while answers are delayed, it sees that a client closes
                    (size,) = struct.unpack(">i", await reader.readexactly(4))
                    key, _, number = struct.unpack(">hhi", (await reader.readexactly(size))[:8])
                    answers.add(asyncio.create_task(self._answer(writer, key, number)))
        finally:
            for answer in answers:
                answer.cancel()
            await asyncio.gather(*answers, return_exceptions=True)
            self._writers.remove(writer)
            writer.close()
            await self._count(-1)

    async def _answer(self, writer: asyncio.StreamWriter, key: int, number: int) -> None:
        says = struct.pack(">i", number) + await self._says(key)
        writer.write(struct.pack(">i", len(says)) + says)

    async def _says(self, key: int) -> bytes:
        if key == _VERSIONS:
            await self.tells_versions.wait()
            versions = [(_METADATA, 0, self._newest), (_VERSIONS, 0, 0)]
            told: bytes = ApiVersionResponse_v0(0, versions).encode()
            return told
        assert key == _METADATA
        self.asked += 1
        await self.tells_brokers.wait()
        where = self.advertised or [("127.0.0.1", self.port)]
        nodes = [(n, host, port, None) for n, (host, port) in enumerate(where, 1)]
        names = [] if self.empty else nodes
        self.empty = max(0, self.empty - 1)
        answer: bytes = MetadataResponse_v5(0, names, None, 1, []).encode()
        return answer

    async def _count(self, more: int) -> None:
        async with self._changed:
            self.open += more
            self._changed.notify_all()
