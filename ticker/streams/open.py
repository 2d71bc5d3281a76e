"""`open_stream(url)` and `open_log(url)`: a stream's URL → the backend that keeps it.

Backends are imported when they are needed, so that reading SQLite never loads a Kafka client.
"""

from __future__ import annotations

from pathlib import Path

from ticker.errors import UsageError
from ticker.security import Security, without_password
from ticker.streams.protocol import Log, Stream

KAFKA = "kafka:"


def open_stream(url: str, *, security: Security | None = None) -> Stream:
    """A reader of the stream at `url`. Nothing is opened yet, and nothing is ever created.

    `sqlite:PATH`, where `~` is the home, or `kafka://HOST:PORT[,HOST:PORT…][/PREFIX]`, which
    `security` is for. Raises `UsageError` for another scheme, and `ConfigError` where a file that
    `security` names cannot be used or the password is missing.
    """
    if url.startswith(KAFKA):
        from ticker.streams.kafka import KafkaStream, parse

        return KafkaStream(parse(url, security))
    path = _sqlite_path(url)
    from ticker.streams.sqlite import SqliteStream

    return SqliteStream(path)


def open_log(
    url: str,
    *,
    keep_for: int | None = None,
    keep_bytes: int | None = None,
    partitions: int | None = None,
    replication: int | None = None,
    security: Security | None = None,
) -> Log:
    """A writer (and reader) of the log at `url`, made when it is entered and missing.

    `url` and `security` are as for `open_stream`.
    `keep_for` (µs since appending) and `keep_bytes` bound what is retained; `None`: for ever in a
    file; in Kafka topics made here a week, and topics that are there keep what they have. So do
    those of `partitions` (of ticks and quotes; 3) and `replication` (copies; the broker's default).
    """
    if url.startswith(KAFKA):
        from ticker.streams.kafka import KafkaLog, Plan, parse

        asked = {
            "partitions": partitions,
            "replication": replication,
            "keep_for": keep_for,
            "keep_bytes": keep_bytes,
        }
        plan = Plan(**{name: value for name, value in asked.items() if value is not None})
        return KafkaLog(parse(url, security), plan)
    path = _sqlite_path(url)
    from ticker.streams.sqlite import SqliteLog

    return SqliteLog(path, keep_for=keep_for, keep_bytes=keep_bytes)


def _sqlite_path(url: str) -> Path:
    scheme, colon, rest = url.partition(":")
    if colon and scheme == "sqlite" and rest:
        return Path(rest).expanduser()
    raise UsageError(
        f"{without_password(url)!r} is no stream: expected sqlite:PATH or kafka://HOST:PORT/PREFIX"
    )
