"""Where a relay keeps its files: local log, lock, checkpoint, and the destination's identity.

The same source and destination give the same files on every start. No name holds a secret.
"""

from __future__ import annotations

import os
import re
from hashlib import blake2b
from pathlib import Path
from socket import gethostname
from typing import Final, NamedTuple

from ticker.address import Backend, backend_of, parse_address, without_password
from ticker.files import make_state_directory, state_directory
from ticker.relay.checkpoint import Checkpoint, FileCheckpoint, HoldCheckpoint
from ticker.streams import StreamChoice, canonical_log_url
from ticker.streams.protocol import Retained, Stream

LOCAL_LOGS: Final = "to-*.sqlite"
"""The pattern of the file names of all local logs."""

_LONGEST: Final = 48
"""The most characters of the destination in the name of a local log."""


class Route(NamedTuple):
    """A source and a destination, as canonical URLs (`streams.canonical_url`)."""

    source: str
    destination: str

    @property
    def name(self) -> str:
        """The writer of the gaps that this relay finds: the same after each restart."""
        return f"relay-{route_digest(f'{gethostname()} {self.source}', self.destination)}"

    @property
    def lock(self) -> Path:
        """Return the lock file: if possible beside the source's file, so that all users share it.

        Otherwise it is in the state directory. Raises `StreamNotWritable` if that cannot be made.
        """
        digest = route_digest(*self)
        is_file = backend_of(self.source) is Backend.SQLITE
        path = parse_address(self.source).path if is_file else None
        if path is not None and (os.access(path.parent, os.W_OK) or not path.parent.exists()):
            return path.with_name(f".{path.name}.{digest}.relay")
        return make_state_directory() / f"relay-{digest}.lock"

    @property
    def destination_file(self) -> Path:
        """Return the path of the file that names the log at the destination."""
        return self.lock.with_suffix(".destination")

    def hold(self, log: Retained) -> Checkpoint:
        """Return the checkpoint in `log`, which is the source. It must be entered."""
        return HoldCheckpoint(log, self.destination, self.destination_file)

    def file(self, source: Stream) -> Checkpoint:
        """Return the checkpoint in a file, for a `source` without holds."""
        path = make_state_directory() / f"relay-{route_digest(*self)}.position"
        return FileCheckpoint(source, path, self.destination_file)


def local_log(choice: StreamChoice, *, simulated: bool) -> StreamChoice:
    """Return the log that a poller writes first if its ticks go to `choice`.

    Real and invented prices have a log each. If the destination refuses one kind, the ticks of this
    kind do not block the other.
    """
    url = canonical_log_url(choice) + ("?simulated" if simulated else "")
    return StreamChoice(f"sqlite:{state_directory() / local_log_name(url)}", named=False)


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
