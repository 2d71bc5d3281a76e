"""The tree of errors.

Every failure that a user or a caller can meet is one of these classes. An error carries its facts
as attributes (which symbol, which file, when to try again). Its `str()` says what is wrong in one
sentence. The advice what to do is written once, in `cli/error_advice.py`. This module
knows neither terminals nor exit codes.
"""

from __future__ import annotations

from collections.abc import Mapping


class TickerError(Exception):
    """The root: catch this to catch everything that ticker raises on purpose."""


class InvalidRecord(TickerError, ValueError):
    """A quote, tick, gap or heartbeat is invalid or cannot be stored, and is refused.

    `field` names the offending field, `problem` says what is wrong with its value.
    """

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem


class UsageError(TickerError):
    """A word on the command line, or an argument, makes no sense here."""


class ConfigError(TickerError):
    """A mistake in the configuration; `path`, `line` (from 1) and `key` say where, if known."""

    def __init__(
        self, problem: str, *, path: str | None = None, line: int | None = None, key: str = ""
    ) -> None:
        place = ":".join(str(part) for part in (path, line) if part is not None)
        super().__init__(": ".join(part for part in (place, key, problem) if part))
        self.problem = problem
        self.path = path
        self.line = line
        self.key = key


class SourceError(TickerError):
    """The source gave no quotes; `source` is its name."""

    def __init__(self, source: str, problem: str) -> None:
        super().__init__(f"{source}: {problem}")
        self.source = source
        self.problem = problem


class SourceUnreachable(SourceError):
    """The source did not answer: no network, no such host, refused, or too slow.

    `address` is its HOST:PORT; `None` for the usual one.
    """

    def __init__(self, source: str, problem: str, address: str | None = None) -> None:
        super().__init__(source, problem)
        self.address = address


class RateLimited(SourceError):
    """The source asks us to slow down; `retry_at` (µs since the epoch, UTC) is when to ask next."""

    def __init__(self, source: str, retry_at: int, problem: str = "too many requests") -> None:
        super().__init__(source, problem)
        self.retry_at = retry_at


class StreamError(TickerError):
    """Anything wrong with a stream; `stream` is its URL as a user may see it (no secrets)."""

    def __init__(self, stream: str, problem: str) -> None:
        super().__init__(f"{stream}: {problem}")
        self.stream = stream
        self.problem = problem


class StreamMissing(StreamError):
    """There is no such stream yet. Readers never create one."""


class StreamUnreachable(StreamError):
    """The stream may exist, but it does not answer now (server away, file locked for long)."""


class StreamSilent(StreamUnreachable):
    """Nothing answers at its address: its server does not run, or the address is wrong."""

    def __init__(self, stream: str, reason: str = "") -> None:
        super().__init__(stream, f"does not answer: {reason}" if reason else "does not answer")
        self.reason = reason


class StreamUnusable(StreamError):
    """The stream exists, but is not ours, is damaged, or has another format version.

    The file is left untouched.
    """


class WrongPosition(StreamError):
    """This stream never gave out the position: it is another stream's, or no position at all."""

    def __init__(self, stream: str, position: object) -> None:
        super().__init__(stream, f"never gave out the position {position!a:.80}")


class StreamNotWritable(StreamError):
    """Nothing was appended: read-only file or folder, full disk, or a stream that never writes."""


class StreamUnfit(StreamNotWritable):
    """The topics do not keep records as a log must. Nothing was appended."""


class RecordRefused(StreamNotWritable):
    """A log cannot store a record of another stream: it was not appended, and never will be."""


class SameLog(StreamError):
    """A relay's destination is its source, by another name: forwarding would never end."""

    def __init__(self, stream: str, source: str) -> None:
        super().__init__(stream, f"is {source} by another name, and cannot be sent into itself")


class MixedPrices(StreamError):
    """Invented prices came for a log of real ones, or the reverse; `symbol` is one of them."""

    def __init__(self, stream: str, symbol: str, *, log_is_simulated: bool) -> None:
        there, here = ("invented", "real") if log_is_simulated else ("real", "invented")
        super().__init__(
            stream, f"holds {there} prices; {here} ones of {symbol} would mix with them"
        )
        self.symbol = symbol
        self.log_is_simulated = log_is_simulated


class SequenceConflict(StreamError):
    """A tick does not continue its symbol's sequence. Nothing of its batch was written.

    `expected` maps (origin, symbol) to the sequence that the log would have taken next. The writer
    then reads `last()` again, and numbers its ticks again.
    """

    def __init__(self, stream: str, expected: Mapping[tuple[str, str], int]) -> None:
        names = ", ".join(sorted(symbol for _, symbol in expected)[:3])
        super().__init__(stream, f"ticks of {names} do not continue what the log holds")
        self.expected = dict(expected)


class AlreadyRelayed(StreamError):
    """Another process sends `stream` on to `destination`; `process` is its id, if it is known."""

    def __init__(self, stream: str, destination: str, process: int | None) -> None:
        who = f" (process {process})" if process else ""
        super().__init__(stream, f"another relay{who} sends this on to {destination} already")
        self.process = process


class RecordingUnderWay(StreamError):
    """Another process still records `stream`; `log` is the URL of what it has so far."""

    def __init__(self, stream: str, log: str) -> None:
        super().__init__(stream, f"is still being recorded. What it has so far: --stream {log}")


class CannotListen(TickerError):
    """A server of ours cannot listen at `host`:`port`; `problem` says why."""

    def __init__(self, host: str, port: int, problem: str) -> None:
        super().__init__(f"cannot listen on {host}:{port}: {problem}")
        self.host = host
        self.port = port
        self.problem = problem


class Unanswered(TickerError):
    """A question to the poller got no answer; `str()` says why."""
