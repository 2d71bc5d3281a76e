"""Reads the key-value metadata of a recording's Parquet file, and its checksum. Synchronous.

DuckDB writes no checksums into its pages, and reads most damaged pages as other ticks. So the
metadata hold the CRC-32 of the whole file, computed with zeros in the checksum's place. Damage is
reported, and never shown as a price.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec

from ticker.errors import StreamUnusable
from ticker.streams.recording import layout
from ticker.streams.recording.database import Connection, path_literal
from ticker.streams.recording.layout import Manifest, PlacedFacts, PlacedGap

NONE_YET: Final = "crc32:00000000"
"""The checksum field of a new file, until `seal` replaces it."""
_PIECE: Final = 2**20
"""Bytes read at once."""
_TAIL: Final = 8
"""Bytes after the footer of a Parquet file: the footer's length (4) and a magic word (4)."""


def metadata(
    connection: Connection, path: str
) -> tuple[Manifest, Sequence[PlacedGap], Sequence[PlacedFacts]]:
    """Check the file at `path`, and read its manifest, gaps and standing facts.

    Raises `duckdb.Error`, `OSError`, and `StreamUnusable` if it is damaged or not our recording.
    """
    found = connection.execute(
        f"SELECT key, value FROM parquet_kv_metadata({path_literal(path)})"
    ).fetchall()
    told = {key.decode(errors="replace"): value for key, value in found}
    manifest = _manifest(path, told)
    _check(Path(path), told.get(layout.CHECKSUM, b"").decode(errors="replace"))
    return (
        manifest,
        _decode(path, told, layout.GAPS, list[PlacedGap]),
        _decode(path, told, layout.FACTS, list[PlacedFacts]),
    )


def _manifest(path: str, told: Mapping[str, bytes]) -> Manifest:
    if layout.MANIFEST not in told:
        raise StreamUnusable(
            path,
            "is a Parquet file, but not a recording of ticker. If it holds ticks, import them: "
            "ticker import FILE OUT",
        )
    version = _decode(path, told, layout.MANIFEST, dict[str, Any]).get("version")
    if version != layout.VERSION:
        raise StreamUnusable(
            path,
            f"was written by another version of ticker (recording {version}, "
            f"this one reads {layout.VERSION}). Record or import it again",
        )
    manifest: Manifest = _decode(path, told, layout.MANIFEST, Manifest)
    return manifest


def _decode(path: str, told: Mapping[str, bytes], name: str, kind: type[Any]) -> Any:
    try:
        return msgspec.json.decode(told.get(name, b"[]"), type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise StreamUnusable(path, f"is damaged: {name}: {error}") from error


def seal(path: Path) -> None:
    """Replace `NONE_YET` in the file at `path` by the file's checksum."""
    with path.open("r+b") as file:
        checksum, end = _checksum(file, NONE_YET)
        file.seek(-len(end), os.SEEK_END)
        file.write(end.replace(NONE_YET.encode(), checksum.encode()))


def _check(path: Path, told: str) -> None:
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
