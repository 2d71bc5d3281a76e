"""A stream's URL, taken apart: what keeps it, where it is, and what can be done with it.

No other module looks at the beginning of a URL. `sqlite:PATH` is a log in a file,
`kafka://HOST:PORT[,HOST:PORT…][/PREFIX]` lies on a cluster, and the path of a Parquet file is a
recording. Opens nothing; of a file it follows links, and looks at its name.
"""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Final

import msgspec

from ticker.errors import UsageError
from ticker.files import real_path, user_path
from ticker.security import without_password

RECORDING: Final = ".parquet"
"""What the name of a recording ends with."""


class Backend(Enum):
    """What keeps a stream, and what it can do."""

    SQLITE = "sqlite"
    KAFKA = "kafka"
    RECORDING = "recording"

    @property
    def is_file(self) -> bool:
        """Whether the stream is one file on this machine."""
        return self is not Backend.KAFKA

    @property
    def is_writable(self) -> bool:
        """Whether it is a log."""
        return self is not Backend.RECORDING

    @property
    def numbers(self) -> bool:
        """Whether it gives out sequences, so that a poller can write it directly."""
        return self is Backend.SQLITE

    @property
    def retains(self) -> bool:
        """Whether its retention is ours, so that ticks can be held for a reader."""
        return self is Backend.SQLITE

    @property
    def has_random_access(self) -> bool:
        """Whether it is a tape."""
        return self is Backend.RECORDING


class StreamAddress(msgspec.Struct, frozen=True):
    """Where a stream is."""

    backend: Backend
    url: str
    """As it was written. It holds no secrets: a URL with a password is refused before."""
    path: Path | None = None
    """The file itself, if it is one: `~` is the home, and links are followed."""


def parse_address(url: str) -> StreamAddress:
    """Take `url` apart. Raises `UsageError` for one that names no stream."""
    scheme, colon, rest = url.partition(":")
    if colon and rest and scheme == "sqlite":
        return StreamAddress(Backend.SQLITE, url, real_path(user_path(rest)))
    if colon and scheme == "kafka":
        return StreamAddress(Backend.KAFKA, url)
    if is_recording(url):
        return StreamAddress(Backend.RECORDING, url, real_path(user_path(url)))
    raise UsageError(
        f"{without_password(url)!r} is no stream: expected sqlite:PATH, "
        f"kafka://HOST:PORT/PREFIX or the path of a recording ({RECORDING})"
    )


def is_recording(word: str) -> bool:
    """Whether `word` is the path of a recording, by its name."""
    return word.lower().endswith(RECORDING)
