"""`open_stream` and `open_log` make the stream or log of a name or URL.

`canonical_url` returns the same text for every spelling of a stream.

Backends are imported when they are needed, so that reading SQLite never loads a Kafka client.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from ticker.address import Backend, StreamAddress, written_path
from ticker.errors import StreamNotWritable, UsageError
from ticker.files import dead_link, user_path
from ticker.security import Security
from ticker.streams.protocol import Log, Stream
from ticker.streams.stream_choice import StreamChoice, choose_stream


def open_stream(
    stream: str | StreamChoice | None = None, *, security: Security | None = None
) -> Stream:
    """Return a reader of `stream`. It opens nothing yet, and never creates a stream.

    `stream` is what `--stream` takes: `sqlite:PATH` (`~` is the home),
    `kafka://HOST:PORT[,HOST:PORT…][/PREFIX]`, the path of a recording (`.parquet`), `demo`, a
    name from `[streams]` in the configuration, or `memory:NAME` (a log in this process). `None`
    means `TICKER_STREAM`, then the configuration's default, then the local log. `security` (for
    Kafka) replaces what the configuration and the environment say. The first use of a recording
    finishes what a killed recorder left of it.

        async with ticker.open_stream("demo") as stream:
            async for batch in stream.read("start", follow=False):
                print(batch.to_dicts())

    Raises `UsageError` for an unknown name or scheme. Raises `ConfigError` if the configuration is
    wrong, a file that `security` names cannot be used, or the password is missing.
    """
    choice = stream if isinstance(stream, StreamChoice) else choose_stream(stream)
    address, security = choice.address, security or choice.security
    match address.backend:
        case Backend.KAFKA:
            from ticker.streams.kafka import KafkaStream, secured

            return KafkaStream(secured(address, security))
        case Backend.RECORDING:
            from ticker.streams.recording import RecordingStream
            from ticker.streams.unfinished import mend

            return RecordingStream(_path(address), mend=mend)
        case Backend.MEMORY:
            from ticker.streams.memory import MemoryStream

            return MemoryStream(address.url)
        case Backend.SQLITE:
            from ticker.streams.sqlite import SqliteStream

            return SqliteStream(_path(address))


def open_log(
    stream: str | StreamChoice,
    *,
    keep_for: int | None = None,
    keep_bytes: int | None = None,
    partitions: int | None = None,
    replication: int | None = None,
    security: Security | None = None,
) -> Log:
    """Return a writer (and reader) of `stream`. Entering it makes the log if it is missing.

    `stream` and `security` are as for `open_stream`. `keep_for` (µs since appending) and
    `keep_bytes` limit what is kept. Without them a file keeps everything, and new Kafka topics keep
    a week. `partitions` (of ticks and of quotes; default 3) and `replication` (copies; default: the
    broker's) are for new Kafka topics. Existing topics keep their own settings. For Kafka, what is
    not given comes from the stream's table in the configuration. Raises `UsageError` for a
    recording.
    """
    choice = stream if isinstance(stream, StreamChoice) else choose_stream(stream)
    address, security = choice.address, security or choice.security
    match address.backend:
        case Backend.KAFKA:
            from ticker.streams.kafka import KafkaLog, TopicPlan, secured

            asked = {
                "partitions": partitions,
                "replication": replication,
                "keep_for": keep_for,
                "keep_bytes": keep_bytes,
            }
            plan = TopicPlan(**_known(msgspec.structs.asdict(choice.topics)) | _known(asked))
            return KafkaLog(secured(address, security), plan)
        case Backend.RECORDING:
            raise UsageError(
                f"{address.url} is a recording, which cannot be written as a stream. "
                "To make one: ticker record FILE"
            )
        case Backend.MEMORY:
            from ticker.streams.memory import MemoryLog

            return MemoryLog(address.url)
        case Backend.SQLITE:
            _refuse_dead_link(address)
            from ticker.streams.sqlite import SqliteLog

            return SqliteLog(_path(address), keep_for=keep_for, keep_bytes=keep_bytes)


def canonical_url(choice: StreamChoice) -> str:
    """Return the same text for every spelling of a stream, without secrets.

    Raises `UsageError`, and `ConfigError` if the stream's configuration can never work.
    """
    address = choice.address
    if address.path is None:
        return open_log(choice).url
    path = str(address.path.resolve())
    return f"sqlite:{path}" if address.backend.is_writable else path


def canonical_log_url(choice: StreamChoice) -> str:
    """Return the canonical URL of a log. Raises `UsageError` for a recording too."""
    open_log(choice)
    return canonical_url(choice)


def _known(said: Mapping[str, int | None]) -> dict[str, int]:
    return {name: value for name, value in said.items() if value is not None}


def _refuse_dead_link(address: StreamAddress) -> None:
    """Raise `StreamNotWritable` if a dead link leads to the log.

    Its disk may not be mounted yet, so its folder must not be made.
    """
    if not _path(address).parent.exists():
        problem = dead_link(user_path(written_path(address.url)))
        if problem is not None:
            raise StreamNotWritable(address.url, problem)


def _path(address: StreamAddress) -> Path:
    assert address.path is not None  # noqa: S101 - it is a file
    return address.path
