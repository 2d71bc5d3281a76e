"""Makes file names from a destination: of a poller's local log, of positions and of locks.

The same destination gives the same name on every start, and no name holds a secret. Pure.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import Final

from ticker.address import without_password

LOCAL_LOGS: Final = "to-*.sqlite"
"""The pattern of the file names of all local logs."""

_LONGEST: Final = 48
"""Letters of the destination in a file's name, to make it readable."""


def local_log_name(destination: str) -> str:
    """Return the file name of the local log for `destination`.

    A poller writes this log before its ticks go to `destination`. `kafka://broker:9092/ticks` →
    `to-kafka-broker-9092-ticks-3f2a91c0.sqlite`.
    """
    url = without_password(destination)
    words = re.sub(r"[^A-Za-z0-9.]+", "-", url).strip("-.")[:_LONGEST]
    return f"to-{words}-{_digest(url)}.sqlite"


def route_digest(source: str, destination: str) -> str:
    """Return eight letters that identify one source and one destination."""
    return _digest(f"{without_password(source)}\0{without_password(destination)}")


def _digest(text: str) -> str:
    return blake2b(text.encode(), digest_size=4).hexdigest()
