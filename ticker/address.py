"""Parses a stream's URL: its backend, its place, and what the backend can do.

No other module parses a stream's URL. `sqlite:PATH` is a log in a file,
`kafka://HOST:PORT[,HOST:PORT…][/PREFIX]` is on a cluster (the default port is 9092, the default
prefix `ticks`), the path of a Parquet file is a recording, and `memory:NAME` is a log in this
process. A URL holds no password. This module opens nothing; it follows the links of a file's path.
"""

from __future__ import annotations

import re
from enum import Enum
from pathlib import Path
from typing import Final

import msgspec

from ticker.errors import UsageError
from ticker.files import real_path, user_path
from ticker.security import PASSWORD_ADVICE

RECORDING: Final = ".parquet"
"""The file-name ending of a recording."""
PARQUET: Final = b"PAR1"
"""The first and the last four bytes of every Parquet file."""
PREFIX: Final = "ticks"
"""The default prefix of Kafka topics."""
PORT: Final = 9092
"""The default port of a broker."""

_HOST: Final = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?")
_PREFIX: Final = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]+")
_OTHERS: Final = (".gaps", ".quotes", ".heartbeats")
"""Endings of the topics beside the topic of ticks."""
_LONGEST: Final = 249 - max(map(len, _OTHERS))
"""The longest prefix (characters): Kafka allows 249 in a topic's name."""
_BEFORE_AT: Final = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*:/{0,2})?.*@", re.DOTALL)


class Backend(Enum):
    """What stores a stream."""

    SQLITE = "sqlite"
    KAFKA = "kafka"
    RECORDING = "recording"
    MEMORY = "memory"

    @property
    def is_writable(self) -> bool:
        """Tell whether the stream is a log."""
        return self is not Backend.RECORDING


_SCHEMES: Final = {each.value: each for each in Backend if each is not Backend.RECORDING}


class StreamAddress(msgspec.Struct, frozen=True):
    """Where a stream is."""

    backend: Backend
    url: str
    """The URL as it was written. It holds no secrets: a URL with a password is refused."""
    path: Path | None = None
    """The file of the stream, if it has one: `~` is expanded, and links are followed."""
    servers: tuple[str, ...] = ()
    """HOST:PORT of each bootstrap server, if the stream is on Kafka."""
    prefix: str = ""
    """The prefix of the topics, if the stream is on Kafka."""


def parse_address(url: str) -> StreamAddress:
    """Parse `url`. Raises `UsageError` if it names no stream."""
    match backend_of(url):
        case Backend.SQLITE if path := written_path(url):
            return StreamAddress(Backend.SQLITE, url, real_path(user_path(path)))
        case Backend.KAFKA:
            return _on_kafka(url)
        case Backend.MEMORY if written_path(url):
            return StreamAddress(Backend.MEMORY, url)
        case Backend.RECORDING:
            return StreamAddress(Backend.RECORDING, url, real_path(user_path(url)))
        case _:
            raise UsageError(
                f"{without_password(url)!r} is not a stream: expected sqlite:PATH, "
                f"kafka://HOST:PORT/PREFIX or the path of a recording ({RECORDING})"
            )


def backend_of(url: str) -> Backend | None:
    """Return the backend of `url`, by its beginning or its ending; `None` if there is none.

    The rest of `url` is not checked.
    """
    scheme, colon, _ = url.partition(":")
    if colon and scheme in _SCHEMES:
        return _SCHEMES[scheme]
    return Backend.RECORDING if is_recording(url) else None


def written_path(url: str) -> str:
    """Return what follows the scheme of `url`: the PATH of `sqlite:PATH`, as it was written."""
    return url.partition(":")[2]


def is_recording(word: str) -> bool:
    """Tell whether `word` is the path of a recording, by its name."""
    return word.lower().endswith(RECORDING)


def part_path(path: Path) -> Path:
    """Return the path of the log that a recorder of `path` writes until it is finished."""
    return path.with_name(f"{path.name}.part")


def without_password(url: str) -> str:
    """Return `url` without the part before an `@`, which may be a password. The scheme stays.

    An `@` may be part of a path: of a SQLite log, of a recording if no `:` is before the `@`, and
    of any path that begins with `/`, `.` or `~`. Such a URL is returned as it is.
    """
    backend = backend_of(url)
    is_recording_path = backend is Backend.RECORDING and ":" not in url.partition("@")[0]
    if backend is Backend.SQLITE or is_recording_path or url.startswith(("/", ".", "~")):
        return url
    return _BEFORE_AT.sub(lambda found: f"{found[1] or ''}…@", url)


def refuse_password(url: str) -> None:
    """Raise `UsageError` if `url` names a user or a password. The error does not repeat them."""
    if (shown := without_password(url)) != url:
        raise UsageError(
            f"{shown}: a URL cannot hold a user or a password. Name the user in a table "
            f"under [streams]; as for the password, {PASSWORD_ADVICE}"
        )


def _on_kafka(url: str) -> StreamAddress:
    refuse_password(url)
    hosts, _, prefix = url.partition("://")[2].partition("/")
    prefix = prefix or PREFIX
    servers: list[str] = []
    for host in hosts.split(","):
        form = _HOST.fullmatch(host)
        if form is None or int(form[2] or PORT) not in range(1, 65_536):
            raise UsageError(
                f"{url!r} is not a stream: expected kafka://HOST:PORT[,HOST:PORT…][/PREFIX]"
            )
        servers.append(f"{form[1].lower()}:{int(form[2] or PORT)}")
    _check_prefix(prefix)
    return StreamAddress(Backend.KAFKA, url, servers=tuple(servers), prefix=prefix)


def _check_prefix(prefix: str) -> None:
    """Raise `UsageError` if `prefix` cannot name the four topics of a stream."""
    if _PREFIX.fullmatch(prefix) is None:
        raise UsageError(
            f"{prefix[:_LONGEST]!r} cannot begin a topic's name: use letters, digits, . _ -"
        )
    if len(prefix) > _LONGEST:
        raise UsageError(
            f"A prefix of {len(prefix):,} letters is too long: Kafka's names of topics leave room "
            f"for {_LONGEST}. Use a shorter one"
        )
    for ending in _OTHERS:
        if prefix.endswith(ending):
            whose = prefix.removesuffix(ending) or "a stream"
            raise UsageError(
                f"{prefix!r} cannot be a prefix: that is the topic of the {ending[1:]} of {whose}, "
                f"which holds no ticks. Leave {ending} out, or use another prefix"
            )
