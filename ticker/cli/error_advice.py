"""The exit code of each failure, and the advice for the user.

An error describes the problem itself (`str(error)`). This module adds the advice and the exit code.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from ticker.address import Backend, backend_of, is_recording, parse_address
from ticker.cli.exit_codes import (
    CANNOT_WRITE,
    NO_DATA,
    NOT_REACHABLE,
    RATE_LIMITED,
    UNEXPECTED,
    WRONG_CONFIG,
    WRONG_USAGE,
    Failed,
)
from ticker.errors import (
    AlreadyRelayed,
    CannotListen,
    ConfigError,
    MixedPrices,
    RateLimited,
    RecordingUnderWay,
    SameLog,
    SourceError,
    SourceUnreachable,
    StreamError,
    StreamMissing,
    StreamNotWritable,
    StreamSilent,
    StreamUnfit,
    TickerError,
    UsageError,
)
from ticker.health.sentences import invitation
from ticker.source_titles import cannot_reach, source_title
from ticker.times import Zone, clock

_COMPOSED: Final = {"localhost:9092", "127.0.0.1:9092"}
"""The addresses of the Kafka broker in compose.yaml."""


@contextmanager
def inviting(option: str) -> Iterator[None]:
    """Raise `Failed` for a missing stream, with advice on how to create it.

    `option` is the option that names the stream in a command. The error of a missing recording
    stays as it is.
    """
    try:
        yield
    except StreamMissing as error:
        if is_recording(error.stream):  # no poller can write to it
            raise
        raise Failed(f"{error}. {invitation(option=option)}", NO_DATA) from error


def explain(error: TickerError, *, zone: Zone, now: int) -> tuple[str, int]:
    """Return the words for standard error, and the exit code. `now` is µs, UTC."""
    words = str(error)
    match error:
        case Failed(code=code):
            return words, code
        case UsageError():
            return words, WRONG_USAGE
        case ConfigError():
            return words, WRONG_CONFIG
        case SourceError():
            return _source_words(error, zone, now)
        case CannotListen():
            return f"{words}. Another port: --listen HOST:PORT (0: a free one)", NOT_REACHABLE
        case StreamMissing():
            return words, NO_DATA
        case AlreadyRelayed() | RecordingUnderWay() | SameLog():
            return words, WRONG_USAGE
        case MixedPrices(log_is_simulated=True):
            return f"{words}. Name a log of its own with --stream sqlite:PATH", WRONG_USAGE
        case MixedPrices():
            return f"{words}. Use --stream demo", WRONG_USAGE
        case StreamUnfit():
            return words, CANNOT_WRITE
        case StreamNotWritable():
            return f"{words}. Name another place with --stream sqlite:PATH", CANNOT_WRITE
        case StreamSilent():
            return f"{words}. {_is_it_up(error.stream)}", NOT_REACHABLE
        case StreamError():
            return words, NOT_REACHABLE
        case _:
            return words, UNEXPECTED


def _is_it_up(stream: str) -> str:
    """Return the advice for a stream that does not answer: a command if compose.yaml runs it."""
    if backend_of(stream) is Backend.KAFKA and _COMPOSED.issuperset(parse_address(stream).servers):
        return "Is it up? docker compose up -d"
    return "Is it up, and is that its address?"


def _source_words(error: SourceError, zone: Zone, now: int) -> tuple[str, int]:
    words = f"{source_title(error.source, first=True)}: {error.problem}"
    match error:
        case RateLimited(retry_at=retry_at):
            return f"{words}. Next try {clock(retry_at, zone, now=now)}.", RATE_LIMITED
        case SourceUnreachable(address=address):
            return cannot_reach(error.source, error.problem, address), NOT_REACHABLE
        case _:
            return words, NOT_REACHABLE
