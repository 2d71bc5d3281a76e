"""An unfinished recording: what a recorder writes until the Parquet file can be written.

A Parquet file without its end is unreadable. So a recorder of `FILE` appends to `FILE.part`, a
SQLite log that any reader of a stream can follow, and writes `FILE` once, at the end. A recorder
that was killed leaves `FILE.part` behind; `mend` makes `FILE` of it.

Beside it is `FILE.part.facts`. It holds one JSON value per line: whether `FILE` may be replaced,
then each change of a standing fact (a log keeps only the latest quote). A recorder locks this file
as long as it runs. The kernel frees the lock when the process ends.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, Self

import msgspec

from ticker.address import part_path
from ticker.errors import RecordingUnderWay, StreamError, StreamNotWritable
from ticker.records import Quote
from ticker.streams.recording import (
    Manifest,
    PlacedFacts,
    Recorder,
    RecordingStream,
    record,
    remove_left_over,
)
from ticker.streams.recording.layout import VERSION
from ticker.streams.sqlite import SqliteStream
from ticker.streams.standing_facts import Facts, KnownFacts

_log: Final = logging.getLogger(__name__)
_SIDES: Final = ("", "-wal", "-shm")
_NOTHING: Final = Manifest(VERSION, "", 0)


class UnfinishedRecording:
    """The unfinished recording beside `path`. A context manager that holds its lock.

    `replace`: the finished recording may replace a file at `path`. Entering raises
    `RecordingUnderWay` if another recorder holds the lock, and `StreamNotWritable`.
    """

    def __init__(self, path: Path, *, replace: bool = False) -> None:
        self.path = path
        self.replace = replace
        self.log = part_path(path)
        self.url = f"sqlite:{self.log}"
        """The log, as a stream."""
        self._facts = self.log.with_name(f"{self.log.name}.facts")
        self._descriptor = -1
        self._known = KnownFacts()

    @property
    def has_log(self) -> bool:
        """Tell whether there is a log to finish."""
        return self.log.exists()

    def tell(self, ticks: int, quotes: Sequence[Quote], *, fixed_only: bool = False) -> None:
        """Save the new standing facts of `quotes`. They are true after the first `ticks` ticks.

        They are on the disk on return. See `Recorder.tell` for `fixed_only`.
        """
        changes = self._known.changes(quotes, fixed_only=fixed_only)
        self._write([PlacedFacts(ticks, facts) for facts in changes])

    def tell_facts(self, ticks: int, facts: Iterable[Facts]) -> None:
        """Save the new ones of `facts`, as `tell` does. They come from the tape being recorded."""
        self._write([PlacedFacts(ticks, each) for each in self._known.new(facts)])

    async def finish(self, on_progress: Callable[[int], None] = lambda _: None) -> Manifest | None:
        """Write the recording of all that the log holds, then remove the log.

        Returns what the recording holds; `None` if the log has no tick: then no file is written.
        `on_progress` gets the number of ticks read so far. If the disk is full or a file at `path`
        must not be replaced, raises `StreamNotWritable` and leaves all unchanged.
        """
        with Recorder(self.path, replace=self.replace) as recorder:
            async with SqliteStream(self.log) as log:
                await record(log, recorder, facts=self._kept(), on_progress=on_progress)
            manifest = await self._finished(recorder.ticks)
            if manifest is None and recorder.ticks:
                manifest = await asyncio.to_thread(recorder.finish)
        self.remove()
        return manifest

    def remove(self) -> None:
        """Remove the log and its side files."""
        remove_left_over(self.path)
        for side in reversed(_SIDES):
            Path(f"{self.log}{side}").unlink(missing_ok=True)
        self._facts.unlink(missing_ok=True)  # last: a log that exists has its facts

    def __enter__(self) -> Self:
        while True:
            try:
                self._descriptor = os.open(
                    self._facts, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644
                )
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(self._descriptor)
                raise RecordingUnderWay(str(self.path), self.url) from None
            except OSError as error:
                problem = f"cannot be written: {error.strerror}"
                raise StreamNotWritable(str(self.path), problem) from error
            if _same(self._descriptor, self._facts):
                break
            os.close(self._descriptor)  # its recorder finished it just now
        try:
            if self.has_log:
                self.replace = self._lines()[:1] == [msgspec.json.encode(True)]
            else:
                os.ftruncate(self._descriptor, 0)
                self._write([self.replace])
        except BaseException:
            os.close(self._descriptor)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)

    def _lines(self) -> list[bytes]:
        """Return the complete lines. A crash may have cut off the last line."""
        text = os.pread(self._descriptor, os.fstat(self._descriptor).st_size, 0)
        return text.split(b"\n")[:-1]

    def _kept(self) -> list[PlacedFacts] | None:
        """Return the saved facts; `None` if the file was lost."""
        lines = self._lines()
        if not lines:
            return None
        try:
            return [msgspec.json.decode(line, type=PlacedFacts) for line in lines[1:]]
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return None

    def _write(self, values: Sequence[object]) -> None:
        if not values:
            return
        text = b"".join(msgspec.json.encode(value) + b"\n" for value in values)
        try:
            while text:
                text = text[os.write(self._descriptor, text) :]
            os.fsync(self._descriptor)
        except OSError as error:
            problem = f"cannot be written: {error.strerror}"
            raise StreamNotWritable(str(self._facts), problem) from error

    async def _finished(self, ticks: int) -> Manifest | None:
        """Return the manifest of the file at `path` if it has all `ticks` of this recording."""
        if self.replace or not self.path.exists():
            return None
        try:
            async with RecordingStream(self.path) as stream:
                manifest = await stream.manifest()
        except StreamError:
            return None
        return manifest if manifest.ticks == ticks else None


def mend(path: Path) -> Manifest | None:
    """Finish the recording `path` that a killed recorder left.

    Returns what it holds; without a tick no file is written. Returns `None` if there was nothing to
    finish, or if another recorder runs and will replace the recording at `path`. Raises
    `RecordingUnderWay` if another recorder runs and there is no file at `path` yet. Raises
    `StreamNotWritable`. Synchronous, and works inside a running event loop.
    """
    if not part_path(path).exists():
        return None
    try:
        with UnfinishedRecording(path) as part, ThreadPoolExecutor(1) as thread:
            if not part.has_log:
                part.remove()
                return None
            manifest = thread.submit(asyncio.run, part.finish()).result()
    except RecordingUnderWay:
        if path.exists():
            return None
        raise
    _log.info("%s: finished what a recorder left in %s", path, part.log)
    return manifest or _NOTHING


def _same(descriptor: int, path: Path) -> bool:
    """Tell whether `path` still names the open file."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
