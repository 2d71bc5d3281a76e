"""The checksum of a recording's file. Damage is reported, and never shown as a price.

DuckDB writes no checksums into its pages, and reads most damaged pages as other ticks. So the
key-value metadata hold the CRC-32 of the whole file, computed with zeros in the checksum's place.
Synchronous.
"""

from __future__ import annotations

import os
import zlib
from pathlib import Path
from typing import BinaryIO, Final

from ticker.errors import StreamUnusable

NONE_YET: Final = "crc32:00000000"
"""The checksum field of a new file, until `seal` replaces it."""
_PIECE: Final = 2**20
"""Bytes read at once."""
_TAIL: Final = 8
"""Bytes after the footer of a Parquet file: the footer's length (4) and a magic word (4)."""


def seal(path: Path) -> None:
    """Replace `NONE_YET` in the file at `path` by the file's checksum."""
    with path.open("r+b") as file:
        checksum, end = _checksum(file, NONE_YET)
        file.seek(-len(end), os.SEEK_END)
        file.write(end.replace(NONE_YET.encode(), checksum.encode()))


def check(path: Path, told: str) -> None:
    """Raise `StreamUnusable` if `told` is empty, or is not the checksum of the file at `path`."""
    if not told:
        raise StreamUnusable(str(path), "has no checksum. Record or import it again")
    with path.open("rb") as file:
        checksum, _ = _checksum(file, told)
    if checksum != told:
        problem = "is damaged: its content does not match its checksum. Use another copy of it"
        raise StreamUnusable(str(path), problem)


def _checksum(file: BinaryIO, told: str) -> tuple[str, bytes]:
    """Return the checksum of `file`, and its bytes from the footer on. They hold `told`."""
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
