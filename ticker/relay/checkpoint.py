"""Saves where a relay stands in its source, across restarts and kills.

If we control a log's retention, the checkpoint is a hold in this log: retention never deletes what
follows it, and the log counts what waits. For any other stream, the checkpoint is a small file. A
checkpoint may lag behind what was delivered. The relay then drops what the destination already has,
so nothing is lost or repeated.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from ticker.errors import StreamNotWritable
from ticker.records import Position
from ticker.streams.protocol import Retained, Stream
from ticker.streams.sequence import Key

_WHOLE: Final = "whole"


class KnownDestination(NamedTuple):
    """The log that a relay delivered to."""

    origin: str
    whole: bool
    """Whether all of the source was sent to it. False if the relay began later, or may have."""


class Checkpoint(ABC):
    """A position in one stream, for one destination. Raises `StreamError` only.

    The file at `known` names the destination. Without `known`, the destination is never known.
    """

    def __init__(self, known: Path | None = None) -> None:
        self._known = known

    @abstractmethod
    async def load(self) -> Position | None:
        """Return the position to continue from, or `None` if none is saved."""

    @abstractmethod
    async def save(self, position: Position) -> None:
        """Save the position. It then survives a kill; a hold survives a power failure too."""

    @abstractmethod
    async def waiting(self) -> int | None:
        """Count the ticks that follow the position; `None` if none is saved."""

    async def forget(self) -> None:
        """Delete all that is saved for the destination. The source then holds nothing for it."""
        if self._known is not None:
            self._known.unlink(missing_ok=True)

    async def own(self) -> tuple[str, Mapping[Key, int]]:
        """Return the origin of the ticks that the stream numbers itself, and their last sequences.

        The sequences are by (origin, symbol). The origin is empty if it is not known.
        """
        return "", {}

    async def destination(self) -> KnownDestination | None:
        """Return the destination that was delivered to before; `None` if it is not known."""
        return None if self._known is None else read_destination(self._known)

    async def save_destination(self, known: KnownDestination) -> None:
        """Save the destination's identity. A log with another identity has none of the ticks."""
        if self._known is not None:
            _write(self._known, f"{known.origin} {_WHOLE}" if known.whole else known.origin)


class HoldCheckpoint(Checkpoint):
    """A hold in `log` for `destination`, a URL without secrets. `log` must be entered."""

    def __init__(self, log: Retained, destination: str, known: Path | None = None) -> None:
        super().__init__(known)
        self._log = log
        self._reader = destination

    async def load(self) -> Position | None:
        hold = (await self._log.holds()).get(self._reader)
        return None if hold is None else hold.position

    async def save(self, position: Position) -> None:
        await self._log.hold(self._reader, position)

    async def waiting(self) -> int | None:
        hold = (await self._log.holds()).get(self._reader)
        return None if hold is None else hold.ticks

    async def forget(self) -> None:
        await self._log.hold(self._reader, None)
        await super().forget()

    async def own(self) -> tuple[str, Mapping[Key, int]]:
        return self._log.origin, await self._log.last()


class FileCheckpoint(Checkpoint):
    """A file at `path`, for a stream without holds."""

    def __init__(self, stream: Stream, path: Path, known: Path | None = None) -> None:
        super().__init__(known)
        self._stream = stream
        self._path = path

    async def load(self) -> Position | None:
        text = _read(self._path)
        return Position(text) if text else None

    async def save(self, position: Position) -> None:
        _write(self._path, position)

    async def waiting(self) -> int | None:
        position = await self.load()
        return None if position is None else await self._stream.count(position)

    async def forget(self) -> None:
        self._path.unlink(missing_ok=True)
        await super().forget()


def read_destination(path: Path) -> KnownDestination | None:
    """Return the destination that the file at `path` names; `None` if it names none."""
    origin, _, kind = (_read(path) or "").partition(" ")
    return KnownDestination(origin, kind == _WHOLE) if origin else None


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8") or None
    except (OSError, UnicodeDecodeError):
        return None


def _write(path: Path, text: str) -> None:
    draft = path.with_name(f"{path.name}.new")
    try:
        # No fsync: a relay that lost its file starts over, and drops what the destination has.
        draft.write_text(text, encoding="utf-8")
        draft.rename(path)
    except OSError as error:
        raise StreamNotWritable(str(path), f"cannot be written: {error.strerror}") from error
