"""Names that follow from where ticks go: of a poller's local log, of positions and of locks.

The same destination gives the same name on every start, and no name holds a secret. Pure.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import Final

from ticker.address import without_password

LOCAL_LOGS: Final = "to-*.sqlite"
"""What the file names of local logs look like, whatever their destination."""

_LONGEST: Final = 48
"""Letters of the destination kept in a file's name, for people."""


def local_log_name(destination: str) -> str:
    """The file name of the log that a poller writes before its ticks go to `destination`.

    `kafka://broker:9092/ticks` → `to-kafka-broker-9092-ticks-3f2a91c0.sqlite`.
    """
    url = without_password(destination)
    words = re.sub(r"[^A-Za-z0-9.]+", "-", url).strip("-.")[:_LONGEST]
    return f"to-{words}-{_digest(url)}.sqlite"


def route_digest(source: str, destination: str) -> str:
    """Eight letters that stand for one source and one destination."""
    return _digest(f"{without_password(source)}\0{without_password(destination)}")


def _digest(text: str) -> str:
    return blake2b(text.encode(), digest_size=4).hexdigest()
