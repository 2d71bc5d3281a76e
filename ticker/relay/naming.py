"""Makes the names of local logs, and the ids in the names of locks and checkpoints.

The same URLs give the same names on every start. No name holds a secret. Pure.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import Final

from ticker.address import without_password

LOCAL_LOGS: Final = "to-*.sqlite"
"""The pattern of the file names of all local logs."""

_LONGEST: Final = 48
"""The most characters of the destination in the name of a local log."""


def local_log_name(destination: str) -> str:
    """Return the file name of the local log for `destination`.

    A poller writes this log, and a relay sends its ticks to `destination`. Example:
    `kafka://broker:9092/ticks` → `to-kafka-broker-9092-ticks-3f2a91c0.sqlite`.
    """
    url = without_password(destination)
    words = re.sub(r"[^A-Za-z0-9.]+", "-", url).strip("-.")[:_LONGEST]
    return f"to-{words}-{_digest(url)}.sqlite"


def route_digest(source: str, destination: str) -> str:
    """Return eight hexadecimal digits that identify a source and its destination."""
    return _digest(f"{without_password(source)}\0{without_password(destination)}")


def _digest(text: str) -> str:
    return blake2b(text.encode(), digest_size=4).hexdigest()
