"""Finds out what a stream can do beyond `Stream`.

Each function returns the stream itself, typed as the protocol of what it can do.
"""

from __future__ import annotations

from typing import cast

from ticker.address import Backend, backend_of
from ticker.errors import UsageError
from ticker.streams.protocol import Log, Retained, Served, Stream
from ticker.streams.tape import Tape


def as_tape(stream: Stream) -> Tape | None:
    """Return `stream` if it is a tape, otherwise `None`.

    Its type decides, not its URL: a tape that is made of a log keeps the URL of the log.
    """
    return stream if isinstance(stream, Tape) else None


def as_served(stream: Stream) -> Served | None:
    """Return `stream` if it is on servers, otherwise `None`."""
    return cast("Served", stream) if backend_of(stream.url) is Backend.KAFKA else None


def retained(log: Log) -> Retained:
    """Return `log` if this program deletes from it. Raises `UsageError` otherwise."""
    if backend_of(log.url) is not Backend.SQLITE:
        raise UsageError(f"{log.url} cannot keep ticks for a reader. Use a file, like sqlite:PATH")
    return cast("Retained", log)
