"""Checks the files of recordings, and finishes those whose recorder was killed.

The next command that opens an unfinished recording finishes it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ticker.address import RECORDING, is_recording, part_path
from ticker.cli.exit_codes import CANNOT_WRITE, Failed
from ticker.cli.standard_streams import tell
from ticker.errors import StreamNotWritable, UsageError
from ticker.figures import count_text


def mended(path: Path) -> bool:
    """Finish the recording `path` if its recorder left it unfinished. Tell the user.

    Returns whether this made a file. Raises `Failed` if it cannot be written. Raises
    `RecordingUnderWay` if its recorder still runs and `path` does not exist yet.
    """
    left = part_path(path)
    if not left.exists():
        return False
    from ticker.streams.unfinished import mend

    try:
        manifest = mend(path)
    except StreamNotWritable as error:
        raise Failed(
            f"{error}. An unfinished recording is safe in {left}. Make room, then try again",
            CANNOT_WRITE,
        ) from error
    if manifest is None:
        return False
    if not manifest.ticks:
        tell(f"{path}: its recorder was killed before the first tick, so it left nothing to play")
        return False
    ticks = count_text(manifest.ticks, "tick")
    tell(f"{path}: a recorder did not finish it. It is now finished, with {ticks}")
    return True


def recording_path(word: str) -> Path:
    """Return the file that `word` names. Raises `UsageError` if it is no recording."""
    path = Path(word).expanduser()
    if not is_recording(word):
        raise UsageError(f"{word}: a recording is named like {path.stem or 'today'}{RECORDING}")
    return path


@contextmanager
def new_recording(path: Path, *, replace: bool) -> Iterator[None]:
    """Let a command write `path` while inside.

    Raises `Failed` if the file exists (unless `replace`), was finished just now, or cannot be
    written.
    """
    if mended(path):
        again = "run this command again" if replace else "use --force"
        raise Failed(
            f"{path}: nothing was recorded now, because this file was just finished. "
            f"Name another file, or {again} to replace it",
            CANNOT_WRITE,
        )
    if path.exists() and not replace:
        raise Failed(
            f"{path} is there already. Name another file, or replace it with --force",
            CANNOT_WRITE,
        )
    try:
        yield
    except StreamNotWritable as error:
        raise Failed(f"{error}. Name a file in another folder", CANNOT_WRITE) from error
