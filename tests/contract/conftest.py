"""The backends under contract. A new one joins by adding itself to BACKENDS."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Self, cast

import pytest

from ticker.records import Batch, Position
from ticker.streams import Log, Stream
from ticker.streams.kafka import KafkaAddress, KafkaLog, KafkaStream
from ticker.streams.memory import MemoryLog, MemoryStream
from ticker.streams.recording import Recorder, RecordingStream, record
from ticker.streams.sqlite import SqliteLog, SqliteStream


@dataclass(frozen=True)
class Backend:
    """How one backend is made in an empty folder, always the same stream for the same folder."""

    name: str
    reader: Callable[..., Stream]
    writer: Callable[..., Log]
    """Called with the folder, and for logs whose retention is ours `keep_for` and `clock`."""
    server: str | None = None
    """The fixture that gives the server's address, as the keyword `server` of the two above.

    Its tests have a mark of the same name.
    """
    protocols: frozenset[str] = frozenset({"Stream", "Log", "NumberingLog", "Retained"})


def _sqlite_writer(folder: Path, **options: Any) -> Log:
    return SqliteLog(folder / "log.sqlite", **options)


def _address(folder: Path, server: str) -> KafkaAddress:
    """Return an address with topics for this folder only."""
    return KafkaAddress((server,), f"contract.{hashlib.sha256(bytes(folder)).hexdigest()[:16]}")


def _kafka_reader(folder: Path, server: str) -> Stream:
    return KafkaStream(_address(folder, server))


def _kafka_writer(folder: Path, server: str) -> Log:
    return KafkaLog(_address(folder, server))


class RecordedLog:
    """A log of which each append makes a new recording. All but `append` goes to the recording."""

    def __init__(self, folder: Path) -> None:
        self._log = SqliteLog(folder / "log.sqlite")
        self._path = folder / "log.parquet"
        self._tape = RecordingStream(self._path)
        self.origin = self.id = ""

    async def append(self, batch: Batch) -> Position:
        """Append to the log, and return the end of the new recording."""
        await self._log.append(batch)
        await self._record()
        return await self._tape.find("end")

    async def _record(self) -> None:
        await self._tape.close()
        with Recorder(self._path, replace=True) as recorder:
            await record(self._log, recorder)
            recorder.finish()
        self._tape = RecordingStream(self._path)

    async def __aenter__(self) -> Self:
        await self._log.__aenter__()
        self.origin, self.id = self._log.origin, self._log.id
        await self._record()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._tape.close()
        await self._log.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tape, name)


BACKENDS = [
    Backend(
        "memory",
        lambda folder: MemoryStream(f"memory:{folder}"),
        lambda folder: MemoryLog(f"memory:{folder}"),
        protocols=frozenset({"Stream", "Log", "NumberingLog"}),
    ),
    Backend("sqlite", lambda folder: SqliteStream(folder / "log.sqlite"), _sqlite_writer),
    Backend(
        "kafka",
        _kafka_reader,
        _kafka_writer,
        server="kafka",
        protocols=frozenset({"Stream", "Log"}),
    ),
    Backend(
        "recording",
        lambda folder: RecordingStream(folder / "log.parquet"),
        lambda folder: cast("Log", RecordedLog(folder)),
        protocols=frozenset({"Stream"}),
    ),
]


def _having(protocol: str) -> list[Any]:
    return [
        pytest.param(b, id=b.name, marks=getattr(pytest.mark, b.server) if b.server else ())
        for b in BACKENDS
        if protocol in b.protocols
    ]


@pytest.fixture(params=_having("Stream"))
def stream_backend(request: pytest.FixtureRequest) -> Any:
    return _served(request)


@pytest.fixture(params=_having("Log"))
def log_backend(request: pytest.FixtureRequest) -> Any:
    return _served(request)


@pytest.fixture(params=_having("NumberingLog"))
def numbering_backend(request: pytest.FixtureRequest) -> Any:
    return _served(request)


@pytest.fixture(params=_having("Retained"))
def retained_backend(request: pytest.FixtureRequest) -> Any:
    return _served(request)


def _served(request: pytest.FixtureRequest) -> Backend:
    """The backend under test, with its server running."""
    backend: Backend = request.param
    if backend.server is None:
        return backend
    server = request.getfixturevalue(backend.server)
    return replace(
        backend,
        reader=partial(backend.reader, server=server),
        writer=partial(backend.writer, server=server),
    )
