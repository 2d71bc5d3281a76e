"""Where a relay keeps its files: lock, checkpoint, and the destination that it met.

The same source and destination give the same files on every start, however they were written.
"""

from __future__ import annotations

import os
from pathlib import Path
from socket import gethostname
from typing import NamedTuple

from ticker.address import Backend, backend_of, parse_address
from ticker.files import make_state_directory, state_directory
from ticker.relay.checkpoint import Checkpoint, FileCheckpoint, HoldCheckpoint
from ticker.relay.naming import local_log_name, route_digest
from ticker.streams import StreamChoice, canonical_log_url
from ticker.streams.protocol import Retained, Stream


class Route(NamedTuple):
    """From one stream to another; both are canonical URLs (`streams.canonical_url`)."""

    source: str
    destination: str

    @property
    def name(self) -> str:
        """The writer of the gaps that this relay finds: the same after each restart."""
        return f"relay-{route_digest(f'{gethostname()} {self.source}', self.destination)}"

    @property
    def lock(self) -> Path:
        """The file that keeps two relays apart: beside a log's file, so that all users meet there.

        Raises `StreamNotWritable` where it would lie in a state directory that cannot be made.
        """
        digest = route_digest(*self)
        is_file = backend_of(self.source) is Backend.SQLITE
        path = parse_address(self.source).path if is_file else None
        if path is not None and (os.access(path.parent, os.W_OK) or not path.parent.exists()):
            return path.with_name(f".{path.name}.{digest}.relay")
        return make_state_directory() / f"relay-{digest}.lock"

    @property
    def met(self) -> Path:
        """The file that tells which log this relay met at its destination."""
        return self.lock.with_suffix(".destination")

    def hold(self, log: Retained) -> Checkpoint:
        """The checkpoint of this relay in `log`, which is its source and entered."""
        return HoldCheckpoint(log, self.destination, self.met)

    def file(self, source: Stream) -> Checkpoint:
        """The same for a `source` in which nothing can be held."""
        path = make_state_directory() / f"relay-{route_digest(*self)}.position"
        return FileCheckpoint(source, path, self.met)


def local_log(choice: StreamChoice, *, simulated: bool) -> StreamChoice:
    """The log that a poller writes first where its ticks go to `choice`.

    Real and invented prices have one each, so that a poll of the wrong kind, which the destination
    refuses, leaves nothing behind that would stop the right kind.
    """
    url = canonical_log_url(choice) + ("?simulated" if simulated else "")
    return StreamChoice(f"sqlite:{state_directory() / local_log_name(url)}", named=False)
