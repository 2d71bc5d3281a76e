"""Opens DuckDB connections, and maps DuckDB's errors to ours.

Every connection is set to UTC; otherwise frames would be in the machine's time zone. A connection
can have one open result, so each reader needs its own cursor.
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

from ticker.address import PARQUET
from ticker.errors import (
    InvalidRecord,
    StreamMissing,
    StreamNotWritable,
    StreamUnreachable,
    StreamUnusable,
)

_ERRNO: Final = re.compile(r'"errno":"(\d+)"')
"""Finds the system's error number in the text of a DuckDB error."""
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
Connection = duckdb.DuckDBPyConnection


def connect(database: str = ":memory:") -> Connection:
    """Open a connection in UTC."""
    connection = duckdb.connect(database)
    # Global: a cursor does not inherit the settings of its connection.
    connection.execute("SET GLOBAL TimeZone = 'UTC'")
    # A seek runs three queries. Each would read the file's footer again, which is long.
    connection.execute("SET GLOBAL parquet_metadata_cache = true")
    return connection


def close(connection: Connection) -> None:
    """Close `connection`. A second call is harmless.

    If another thread still uses a cursor of it, it closes later, when that thread has ended.
    """
    with contextlib.suppress(duckdb.Error):
        connection.close()


def interrupt(connection: Connection) -> None:
    """Interrupt the query on `connection`, if one is running. Safe from any thread."""
    with contextlib.suppress(duckdb.Error):  # it was closed just now
        connection.interrupt()


def literal(text: str) -> str:
    """Return `text` as an SQL literal, for places that take no parameter."""
    return "'" + text.replace("'", "''") + "'"


def path_literal(path: str) -> str:
    """Return `path` as an SQL literal, with `*`, `?` and `[` escaped: DuckDB expands patterns."""
    return literal(glob.escape(path))


@contextlib.contextmanager
def reading(path: Path, url: str) -> Iterator[None]:
    """Map errors while `path` is read to a `StreamError`: DuckDB's, the system's, invalid ticks."""
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
        raise StreamUnusable(url, f"is damaged: an invalid tick: {error}") from error


@contextlib.contextmanager
def writing(url: str) -> Iterator[None]:
    """Map DuckDB's and the system's errors while `url` is written to `StreamNotWritable`."""
    try:
        yield
    except OSError as error:
        raise StreamNotWritable(url, f"cannot be written: {error.strerror}") from error
    except (duckdb.OutOfMemoryException, duckdb.IOException) as error:
        raise unwritten(url, error) from error


def unwritten(url: str, error: duckdb.Error) -> StreamNotWritable:
    """Return the error to raise if `error` occurs while `url` is written."""
    code = _ERRNO.search(str(error))
    why = os.strerror(int(code[1])).lower() if code else first_line(error)
    return StreamNotWritable(url, f"cannot be written: {why}")


def is_full(error: duckdb.Error) -> bool:
    """Tell whether `error` means that the memory or the disk is full."""
    if isinstance(error, duckdb.OutOfMemoryException):
        return True
    code = _ERRNO.search(str(error))
    return code is not None and int(code[1]) in _FULL


def first_line(error: Exception) -> str:
    """Return the first line of an error's text, without the kind of error before the colon."""
    line = str(error).partition("\n")[0]
    words = line.partition(": ")[2] or line
    # For a broken footer, DuckDB's text may be one byte, repeated.
    return words if any(map(str.isalpha, words)) else "DuckDB cannot read it"


def check_magic(path: Path, url: str) -> None:
    """Raise a `StreamError` unless the file at `path` begins and ends like a Parquet file."""
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
    if not size:
        raise StreamUnusable(url, "is an empty file, not a recording. Use another copy of it")
    if head == b"SQLi":
        raise StreamUnusable(url, f"is a SQLite file, not a recording. Name it as sqlite:{path}")
    if head != PARQUET:
        raise StreamUnusable(url, "is not a recording: it is not a Parquet file")
    if tail != PARQUET:
        raise StreamUnusable(url, "is cut off: its end is missing. Use another copy of it")
