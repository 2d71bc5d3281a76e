"""Opens a log file for a reader or a writer, and refuses other files.

Readers never create or change the file. A writer creates a missing file under another name and
renames it when it is complete, so half a log is never visible. A file that is not a log, is damaged
or has another format version stays unchanged, byte for byte: its header is read first, without
locks and side files. `mapping_errors` turns every error of SQLite into one of `ticker.errors`.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import apsw

from ticker.address import PARQUET, RECORDING
from ticker.errors import (
    StreamError,
    StreamMissing,
    StreamNotWritable,
    StreamUnreachable,
    StreamUnusable,
)
from ticker.streams.sqlite import schema
from ticker.streams.sqlite.state import load

BUSY: Final = 5.0
"""How long to wait for another program's lock before giving up (seconds)."""

_READ: Final = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI | apsw.SQLITE_OPEN_NOMUTEX
# NOMUTEX: one thread at a time uses a reader, and a mutex would cost a quarter of the speed.
_WRITE: Final = apsw.SQLITE_OPEN_READWRITE
_CREATE: Final = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
_MAGIC: Final = b"SQLite format 3\0"
_HEADER: Final = struct.Struct(">60x i 4x i 28x")  # 100 bytes: user_version, application_id
_WAL_KEPT: Final = 16 * 2**20  # bytes: a WAL that grew in a burst is cut back to this


def url(path: Path) -> str:
    """Return the stream's URL as a user may see it."""
    return f"sqlite:{path}"


def reader(path: Path, *, busy: float = BUSY) -> apsw.Connection:
    """Open a connection that only reads. Waits up to `busy` seconds for a lock.

    Raises `StreamMissing`, `StreamUnusable`, `StreamUnreachable`.
    """
    with mapping_errors(path):
        _check_header(path)
        wal = Path(f"{path}-wal")
        try:
            connection = _open_reader(path, "mode=ro", busy)
        except (apsw.CantOpenError, apsw.ReadOnlyError):
            # No side file can be created in this folder. Without a WAL the file is complete and has
            # no writer, so it may be read as if it never changed.
            if wal.exists() and wal.stat().st_size:
                raise
            connection = _open_reader(path, "immutable=1", busy)
    return connection


def writer(path: Path, origin: str, *, busy: float = BUSY) -> apsw.Connection:
    """Open a connection that writes durably. Creates the file, with `origin`, if it is missing.

    Raises `StreamUnusable`, `StreamNotWritable`, `StreamUnreachable`.
    """
    with mapping_errors(path, writing=True):
        if not path.exists():
            _make(path, origin)
        _check_header(path)
        connection = apsw.Connection(str(path), flags=_WRITE)
        try:
            connection.set_busy_timeout(int(busy * 1000))
            _check_writable(connection, path)
            _check_version(connection.pragma("user_version"), path)
            schema.use_wal(connection)
            connection.pragma("synchronous", "FULL")
            connection.pragma("journal_size_limit", _WAL_KEPT)
            load(connection)
        except BaseException:
            connection.close()
            raise
    return connection


def file_id(path: Path) -> tuple[int, int] | None:
    """Return device and inode of the file at this path; `None` if there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


@contextlib.contextmanager
def mapping_errors(path: Path, *, writing: bool = False) -> Iterator[None]:
    """Turn an error of SQLite or the system that is raised inside into one of `ticker.errors`."""
    try:
        yield
    except FileNotFoundError as error:
        raise StreamMissing(url(path), "there is no such file") from error
    except schema.NoWal as error:
        raise StreamUnusable(url(path), str(error)) from error
    except (apsw.Error, OSError) as error:
        if not path.exists() and not writing:
            raise StreamMissing(url(path), "there is no such file") from error
        refused = StreamNotWritable if writing else StreamUnreachable
        for kinds, make, problem in _WORDS:
            if isinstance(error, kinds):
                raise (make or refused)(url(path), f"{problem} ({error})") from error
        raise StreamUnusable(url(path), str(error)) from error


_Kinds = tuple[type[Exception], ...]
_WORDS: Final[tuple[tuple[_Kinds, type[StreamError] | None, str], ...]] = (
    # `None`: `StreamNotWritable` for a writer, `StreamUnreachable` for a reader.
    ((apsw.BusyError, apsw.LockedError), StreamUnreachable, "another program has locked it"),
    ((apsw.FullError,), StreamNotWritable, "the disk is full"),
    ((apsw.ReadOnlyError,), None, "the file or its folder is read-only"),
    ((apsw.CantOpenError, apsw.PermissionsError), None, "it cannot be opened"),
    ((apsw.IOError, OSError), None, "the disk reports an error"),
    ((apsw.NotADBError,), StreamUnusable, "is not a log: no SQLite database"),
    ((apsw.CorruptError,), StreamUnusable, "is damaged"),
    ((apsw.SQLError, apsw.SchemaChangeError), StreamUnusable, "lacks the tables of a log"),
)


def _open_reader(path: Path, how: str, busy: float) -> apsw.Connection:
    connection = apsw.Connection(f"file:{quote(str(path.absolute()))}?{how}", flags=_READ)
    try:
        connection.set_busy_timeout(int(busy * 1000))
        # The WAL may hold a newer version than the header.
        _check_version(connection.pragma("user_version"), path)
        load(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _check_writable(connection: apsw.Connection, path: Path) -> None:
    if connection.readonly("main"):
        raise StreamNotWritable(url(path), "the file is read-only")


def _check_header(path: Path) -> None:
    """Raise unless the file at `path` is a log of our version. Takes no lock, makes no side file.

    It reads the file's header itself (https://www.sqlite.org/fileformat2.html#the_database_header).
    A SQLite connection without locks and side files (`immutable=1`) would call a file damaged
    during a checkpoint: the first page then counts pages that are not written yet.
    """
    if path.is_dir():
        raise StreamUnusable(url(path), "is a folder")
    # This uses SQLite's own file functions. To open and close the file with Python's would release
    # every lock that this process holds on it (https://www.sqlite.org/howtocorrupt.html, 2.2). The
    # next program that closes the log would then see no other user, and remove a writer's WAL.
    flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_MAIN_DB
    file = apsw.VFSFile("", str(path.absolute()), [flags, 0])
    try:
        header = file.xRead(_HEADER.size, 0)
    finally:
        file.xClose()
    if not header:
        raise StreamUnusable(url(path), "is not a log: the file is empty")
    if header.startswith(PARQUET):
        is_named = path.name.endswith(RECORDING)
        advice = "Leave sqlite: out" if is_named else f"Rename it to {path.name}{RECORDING}"
        raise StreamUnusable(url(path), f"is not a log but a Parquet file. {advice}")
    if len(header) < _HEADER.size or not header.startswith(_MAGIC):
        raise StreamUnusable(url(path), "is not a log: no SQLite database")
    version, application = _HEADER.unpack(header)
    if application != schema.APPLICATION_ID:
        raise StreamUnusable(url(path), "is not a log: another program's SQLite database")
    _check_version(version, path)


def _check_version(version: Any, path: Path) -> None:
    if version != schema.VERSION:
        raise StreamUnusable(
            url(path),
            f"has the format of another version of ticker (format {version}; this ticker reads "
            f"format {schema.VERSION}). Use the ticker that wrote it, or choose another file",
        )


def _make(path: Path, origin: str) -> None:
    """Create the log under a draft name, then rename it, unless another process was faster."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{origin}.new")
    with _alone_in(path.parent) as folder:
        if path.exists():
            return
        try:
            connection = apsw.Connection(str(draft), flags=_CREATE)
            try:
                schema.create(connection, origin)
            finally:
                connection.close()
            # A stale WAL would be applied to the new file.
            for side in ("-wal", "-shm"):
                Path(f"{path}{side}").unlink(missing_ok=True)
            draft.rename(path)
            os.fsync(folder)
        finally:
            for side in ("", "-wal", "-shm", "-journal"):
                Path(f"{draft}{side}").unlink(missing_ok=True)


@contextlib.contextmanager
def _alone_in(folder: Path) -> Iterator[int]:
    """Hold the folder's lock, because two creators would undo each other's work."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)
