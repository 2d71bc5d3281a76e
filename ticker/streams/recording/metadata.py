"""Reads the key-value metadata of a recording's Parquet file. Synchronous."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from ticker.errors import StreamUnusable
from ticker.streams.recording import layout
from ticker.streams.recording.checksum import check
from ticker.streams.recording.database import Connection, path_literal
from ticker.streams.recording.layout import Manifest, PlacedFacts, PlacedGap


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
    check(Path(path), told.get(layout.CHECKSUM, b"").decode(errors="replace"))
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
