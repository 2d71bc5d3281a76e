"""Where a relay stands in its source, kept across restarts and kills.

In a log whose retention is ours it is a hold, in the log itself: retention never passes it, and who
looks at the log sees what waits. For every other stream it is a small file. Either may lag behind
what was delivered; what the destination has already is dropped by the relay, so nothing is lost or
repeated by that.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Protocol

from ticker.errors import StreamNotWritable
from ticker.records import Position
from ticker.streams.protocol import Retained, Stream


class Bookmark(Protocol):
    """One place in one stream, for one destination. Raises `StreamError` only."""

    async def load(self) -> Position | None:
        """Where to go on; `None` if nothing was kept."""
        ...

    async def save(self, position: Position) -> None:
        """Durable on return."""
        ...

    async def forget(self) -> None:
        """Give the destination up: nothing is kept for it any more."""
        ...

    async def waiting(self) -> int | None:
        """How many ticks follow the place; `None` if nothing was kept."""
        ...


class HoldBookmark:
    """A hold for `destination` (its URL, no secrets) in `log`, which must be entered."""

    def __init__(self, log: Retained, destination: str) -> None:
        self._log = log
        self._reader = destination

    async def load(self) -> Position | None:
        """See `Bookmark.load`."""
        hold = (await self._log.holds()).get(self._reader)
        return None if hold is None else hold.position

    async def save(self, position: Position) -> None:
        """See `Bookmark.save`."""
        await self._log.hold(self._reader, position)

    async def forget(self) -> None:
        """See `Bookmark.forget`."""
        await self._log.hold(self._reader, None)

    async def waiting(self) -> int | None:
        """See `Bookmark.waiting`."""
        hold = (await self._log.holds()).get(self._reader)
        return None if hold is None else hold.ticks


class FileBookmark:
    """A file at `path` beside a stream that holds nothing for us."""

    def __init__(self, stream: Stream, path: Path) -> None:
        self._stream = stream
        self._path = path

    async def load(self) -> Position | None:
        """See `Bookmark.load`."""
        try:
            text = self._path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return None
        return Position(text) if text else None

    async def save(self, position: Position) -> None:
        """See `Bookmark.save`."""
        draft = self._path.with_name(f"{self._path.name}.new")
        try:
            # A torn or lost file costs reading again what the destination has, no more: so the
            # disk is not waited for.
            draft.write_text(position, encoding="utf-8")
            draft.rename(self._path)
        except OSError as error:
            words = f"cannot be written: {error.strerror}"
            raise StreamNotWritable(str(self._path), words) from error

    async def forget(self) -> None:
        """See `Bookmark.forget`."""
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()

    async def waiting(self) -> int | None:
        """See `Bookmark.waiting`; reads what follows, so it takes time with what waits."""
        position = await self.load()
        if position is None:
            return None
        return sum([len(b.ticks) async for b in self._stream.read(position, follow=False)])
