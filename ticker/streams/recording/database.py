"""DuckDB, as this project uses it: connections in UTC, and its errors in our words.

Every connection is set to UTC, or frames come in the machine's zone. An open result owns its
connection, so each reader takes a cursor of its own.
"""

from __future__ import annotations

import contextlib
import errno
import glob
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import duckdb

from ticker.errors import (
    InvalidRecord,
    StreamMissing,
    StreamNotWritable,
    StreamUnreachable,
    StreamUnusable,
)

_ERRNO: Final = re.compile(r'"errno":"(\d+)"')
"""How DuckDB tells the system's number of an error."""
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
Connection = duckdb.DuckDBPyConnection

_MAGIC: Final = b"PAR1"
"""The first and the last four bytes of every Parquet file."""


def connect(database: str = ":memory:") -> Connection:
    """A connection in UTC."""
    connection = duckdb.connect(database)
    prepare(connection)
    return connection


def prepare(connection: Connection) -> None:
    """Settings that a cursor does not inherit."""
    connection.execute("SET TimeZone = 'UTC'")
    # A seek asks three questions; each would read the footer again, with all its row groups.
    connection.execute("SET parquet_metadata_cache = true")


def close(connection: Connection) -> None:
    """Let go of `connection`; a second time is harmless.

    One whose cursor another thread still uses goes with that thread.
    """
    with contextlib.suppress(duckdb.Error):
        connection.close()


def interrupt(connection: Connection) -> None:
    """End the query that runs on `connection`, if it runs; safe from any thread."""
    with contextlib.suppress(duckdb.Error):  # it was closed just now
        connection.interrupt()


def literal(text: str) -> str:
    """`text` as a literal of SQL, for places that take no parameter."""
    return "'" + text.replace("'", "''") + "'"


def path_literal(path: str) -> str:
    """The file at `path` as a literal, where DuckDB would read `*`, `?` and `[` as a pattern."""
    return literal(glob.escape(path))


@contextlib.contextmanager
def reading(path: Path, url: str) -> Iterator[None]:
    """Turns what DuckDB and the system say of reading `path` into errors of ours."""
    try:
        yield
    except FileNotFoundError:
        raise StreamMissing(url, "there is no such file") from None
    except OSError as error:
        raise StreamUnreachable(url, f"cannot be read: {error.strerror}") from error
    except duckdb.IOException as error:
        if not path.exists():
            raise StreamMissing(url, "there is no such file") from None
        raise StreamUnusable(url, f"cannot be read: {first_line(error)}") from error
    except duckdb.Error as error:
        raise StreamUnusable(url, f"is damaged: {first_line(error)}") from error
    except InvalidRecord as error:
        raise StreamUnusable(url, f"is damaged: a tick that is none: {error}") from error


@contextlib.contextmanager
def writing(url: str) -> Iterator[None]:
    """Turns what DuckDB and the system say of writing into errors of ours."""
    try:
        yield
    except OSError as error:
        raise StreamNotWritable(url, f"cannot be written: {error.strerror}") from error
    except (duckdb.OutOfMemoryException, duckdb.IOException) as error:
        raise unwritten(url, error) from error


def unwritten(url: str, error: duckdb.Error) -> StreamNotWritable:
    """What `error` says of writing `url`, in our words."""
    code = _ERRNO.search(str(error))
    why = os.strerror(int(code[1])).lower() if code else first_line(error)
    return StreamNotWritable(url, f"cannot be written: {why}")


def is_full(error: duckdb.Error) -> bool:
    """Whether there is no room left, in memory or on the disk."""
    if isinstance(error, duckdb.OutOfMemoryException):
        return True
    code = _ERRNO.search(str(error))
    return code is not None and int(code[1]) in _FULL


def first_line(error: Exception) -> str:
    """The first line of an error, without the name of its kind."""
    line = str(error).partition("\n")[0]
    words = line.partition(": ")[2] or line
    # Of a broken footer it may repeat a byte.
    return words if any(map(str.isalpha, words)) else "DuckDB cannot read it"


def check_magic(path: Path, url: str) -> None:
    """Tell files that are no Parquet, or were cut off, in our own words."""
    if path.is_dir():
        raise StreamUnusable(url, "is a folder, not a recording")
    try:
        with path.open("rb") as file:
            head = file.read(4)
            file.seek(0, 2)
            size = file.tell()
            file.seek(max(0, size - 4))
            tail = file.read(4)
    except FileNotFoundError:
        raise StreamMissing(url, "there is no such file") from None
    except OSError as error:
        raise StreamUnusable(url, f"cannot be read: {error.strerror}") from error
    if head != _MAGIC:
        raise StreamUnusable(url, "is no recording: it is not a Parquet file")
    if tail != _MAGIC:
        raise StreamUnusable(url, "is cut off: its end is missing")
