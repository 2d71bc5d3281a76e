"""The checksum of a recording's file, so that damage is told and never shown as a price.

DuckDB writes no checksums into its pages, and reads most damaged pages as other ticks. So the
key-value metadata hold the CRC-32 of the whole file, computed with zeros in its own place.
Synchronous.
"""

from __future__ import annotations

import os
import zlib
from pathlib import Path
from typing import BinaryIO, Final

from ticker.errors import StreamUnusable

NONE_YET: Final = "crc32:00000000"
"""What a new file holds in the place of its checksum."""
_PIECE: Final = 2**20
"""Bytes read at once."""
_TAIL: Final = 8
"""The last bytes of a Parquet file: the length of its footer, and a magic word."""


def seal(path: Path) -> None:
    """Write the checksum of the file at `path` in the place of `NONE_YET`."""
    with path.open("r+b") as file:
        checksum, end = _checksum(file, NONE_YET)
        file.seek(-len(end), os.SEEK_END)
        file.write(end.replace(NONE_YET.encode(), checksum.encode()))


def check(path: Path, told: str) -> None:
    """Raise `StreamUnusable` if the checksum of the file at `path` is not `told`, or is missing."""
    if not told:
        raise StreamUnusable(str(path), "has no checksum. Record or import it again")
    with path.open("rb") as file:
        checksum, _ = _checksum(file, told)
    if checksum != told:
        problem = "is damaged: its content does not match its checksum. Use another copy of it"
        raise StreamUnusable(str(path), problem)


def _checksum(file: BinaryIO, told: str) -> tuple[str, bytes]:
    """Return the checksum of `file`, in which `told` stands for it, and the footer's bytes."""
    size = file.seek(-_TAIL, os.SEEK_END) + _TAIL
    footer = int.from_bytes(file.read(4), "little")
    left = max(0, size - _TAIL - footer)
    file.seek(0)
    crc = 0
    while left and (piece := file.read(min(left, _PIECE))):
        crc = zlib.crc32(piece, crc)
        left -= len(piece)
    end = file.read()
    crc = zlib.crc32(end.replace(told.encode(), NONE_YET.encode()), crc)
    return f"crc32:{crc:08x}", end
