"""Recordings that a killed recorder left: finished by the next command that meets them."""

from __future__ import annotations

from pathlib import Path

from ticker.cli.failing import CANNOT_WRITE, Failed
from ticker.cli.standard import tell
from ticker.errors import StreamNotWritable
from ticker.figures import count_text


def mended(path: Path) -> bool:
    """Finish the recording `path` if a recorder left it unfinished, and say so.

    Raises `RecordingUnderWay` where its recorder lives, and `Failed` where it cannot be written.
    """
    left = path.with_name(f"{path.name}.part")
    if not left.exists():
        return False
    from ticker.streams.part import mend

    try:
        manifest = mend(path)
    except StreamNotWritable as error:
        raise Failed(
            f"{error}. An unfinished recording is safe in {left}. Make room, then try again",
            CANNOT_WRITE,
        ) from error
    if manifest is None:
        return False
    ticks = count_text(manifest.ticks, "tick")
    tell(f"{path}: a recorder did not finish it. Finished now, with all that it had: {ticks}")
    return True
