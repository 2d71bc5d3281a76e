"""`open_stream(url)` and `open_log(url)`: a stream's URL → the backend that keeps it.

Backends are imported when they are needed, so that reading SQLite never loads a Kafka client.
"""

from __future__ import annotations

from pathlib import Path

from ticker.errors import UsageError
from ticker.streams.protocol import Log, Stream


def open_stream(url: str) -> Stream:
    """A reader of the stream at `url`. Nothing is opened yet, and nothing is ever created.

    `sqlite:PATH`, where `~` is the home. Raises `UsageError` for another scheme.
    """
    path = _sqlite_path(url)
    from ticker.streams.sqlite import SqliteStream

    return SqliteStream(path)


def open_log(url: str, *, keep_for: int | None = None, keep_bytes: int | None = None) -> Log:
    """A writer (and reader) of the log at `url`, made when it is entered and missing.

    `keep_for` (µs since appending) and `keep_bytes` bound what is retained; `None`: for ever.
    """
    path = _sqlite_path(url)
    from ticker.streams.sqlite import SqliteLog

    return SqliteLog(path, keep_for=keep_for, keep_bytes=keep_bytes)


def _sqlite_path(url: str) -> Path:
    scheme, colon, rest = url.partition(":")
    if colon and scheme == "sqlite" and rest:
        return Path(rest).expanduser()
    raise UsageError(f"{url!r} is no stream: expected sqlite:PATH")
