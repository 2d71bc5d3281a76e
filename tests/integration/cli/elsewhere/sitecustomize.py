"""Gives every process of a test a second kind of log, `elsewhere:PATH`, that goes away on demand.

It is a SQLite file; while `PATH.away` exists it does not answer, while `PATH.hang` exists an append
takes for ever. Python imports this file by its name where PYTHONPATH leads to it.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import ticker.streams
import ticker.streams.stream_choice
from ticker.address import Backend, StreamAddress, parse_address
from ticker.errors import StreamUnreachable
from ticker.records import Batch
from ticker.streams import Log, Stream, StreamChoice, open_log, open_stream
from ticker.streams.sqlite import SqliteLog, SqliteStream

SCHEME = "elsewhere:"


class Elsewhere(SqliteLog):
    def __init__(self, path: str) -> None:
        super().__init__(Path(path))
        self.url = SCHEME + path

    async def __aenter__(self) -> Any:
        self._check()
        return await super().__aenter__()

    async def append(self, batch: Batch) -> Any:
        self._check()
        if self._hangs():
            await asyncio.Event().wait()
        return await super().append(batch)

    def _hangs(self) -> bool:
        return Path(f"{self._path}.hang").exists()

    def _check(self) -> None:
        if Path(f"{self._path}.away").exists():
            raise StreamUnreachable(self.url, "nobody answers")


def open_log_elsewhere(stream: str | StreamChoice, **options: Any) -> Log:
    path = _path(stream)
    return open_log(stream, **options) if path is None else Elsewhere(path)


def open_stream_elsewhere(stream: str | StreamChoice | None = None, **options: Any) -> Stream:
    path = _path(stream)
    return open_stream(stream, **options) if path is None else SqliteStream(Path(path))


def parse_address_elsewhere(url: str) -> StreamAddress:
    """Take `url` apart: to the rest of the program, `elsewhere:` is on another machine."""
    if url.startswith(SCHEME):
        return StreamAddress(Backend.KAFKA, url)
    return parse_address(url)


def _path(stream: str | StreamChoice | None) -> str | None:
    url = stream.url if isinstance(stream, StreamChoice) else stream or ""
    return url.removeprefix(SCHEME) if url.startswith(SCHEME) else None


# Commands take these names from the package when they are imported, which is later than now.
ticker.streams.open_log = open_log_elsewhere
ticker.streams.open_stream = open_stream_elsewhere
vars(ticker.streams.stream_choice)["parse_address"] = parse_address_elsewhere
