"""The backends under contract. A new one joins by adding itself to BACKENDS."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ticker.streams import Log, Stream
from ticker.streams.kafka import KafkaAddress, KafkaLog, KafkaStream
from ticker.streams.memory import MemoryLog, MemoryStream
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
    """Topics of their own for each folder."""
    return KafkaAddress((server,), f"contract.{hashlib.sha256(bytes(folder)).hexdigest()[:16]}")


def _kafka_reader(folder: Path, server: str) -> Stream:
    return KafkaStream(_address(folder, server))


def _kafka_writer(folder: Path, server: str) -> Log:
    return KafkaLog(_address(folder, server))


BACKENDS = [
    Backend(
        "memory",
        lambda folder: MemoryStream(f"memory:{folder}"),
        lambda folder, **options: MemoryLog(f"memory:{folder}", **options),
    ),
    Backend("sqlite", lambda folder: SqliteStream(folder / "log.sqlite"), _sqlite_writer),
    Backend(
        "kafka",
        _kafka_reader,
        _kafka_writer,
        server="kafka",
        protocols=frozenset({"Stream", "Log"}),
    ),
]


def _having(protocol: str) -> list[Any]:
    return [
        pytest.param(b, id=b.name, marks=getattr(pytest.mark, b.server) if b.server else ())
        for b in BACKENDS
        if protocol in b.protocols
    ]


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
