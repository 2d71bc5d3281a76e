"""The backends under contract. A new one joins by adding itself to BACKENDS."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ticker.streams import Retained, Stream
from ticker.streams.sqlite import SqliteLog, SqliteStream


@dataclass(frozen=True)
class Backend:
    """How one backend is made in an empty folder, always the same stream for the same folder."""

    name: str
    reader: Callable[[Path], Stream]
    writer: Callable[..., Retained]
    """Called with the folder, and for logs whose retention is ours `keep_for` and `clock`."""
    protocols: frozenset[str] = frozenset({"Stream", "Log", "Retained"})


def _sqlite_writer(folder: Path, **options: Any) -> Retained:
    return SqliteLog(folder / "log.sqlite", **options)


BACKENDS = [
    Backend("sqlite", lambda folder: SqliteStream(folder / "log.sqlite"), _sqlite_writer),
]


def _having(protocol: str) -> list[Any]:
    return [pytest.param(b, id=b.name) for b in BACKENDS if protocol in b.protocols]


@pytest.fixture(params=_having("Log"))
def log_backend(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture(params=_having("Retained"))
def retained_backend(request: pytest.FixtureRequest) -> Any:
    return request.param
