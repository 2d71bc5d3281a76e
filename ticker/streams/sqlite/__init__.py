"""The SQLite backend: a stream in one file, read and written by any number of processes."""

from ticker.streams.sqlite.stream import SqliteLog, SqliteStream

__all__ = ["SqliteLog", "SqliteStream"]
