"""The next or previous tick of some symbols in a recording. Synchronous.

It looks block by block from where it begins, so that a near tick is found at once in a large file.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ticker.streams.recording.index import BLOCK
from ticker.streams.recording.reading import RecordingReader


def next_tick(
    reader: RecordingReader, time: int, symbols: Collection[str] | None, *, forward: bool
) -> int | None:
    """See `Tape.next_tick`."""
    edge = reader.first_from(time + 1 if forward else time)
    row = _nearest(reader, edge, symbols, forward=forward)
    return None if row is None else _due(reader, row)


def _nearest(
    reader: RecordingReader, edge: int, symbols: Collection[str] | None, *, forward: bool
) -> int | None:
    """The first row from `edge` on with one of `symbols`; not `forward`: the last before it."""
    ticks = reader.manifest.ticks
    if symbols is None:
        row = edge if forward else edge - 1
        return row if 0 <= row < ticks else None
    index = reader.index
    blocks: Sequence[int] = (
        range(-(-ticks // BLOCK)) if index is None else index.blocks_with(symbols)
    )
    if forward:
        extreme, near = "min", [block for block in blocks if (block + 1) * BLOCK > edge]
    else:
        extreme, near = "max", [block for block in reversed(blocks) if block * BLOCK < edge]
    for block in near:
        begin, end = block * BLOCK, (block + 1) * BLOCK
        (row,) = reader.ask(
            f"SELECT {extreme}(file_row_number) FROM {reader.source} WHERE "
            "file_row_number >= ? AND file_row_number < ? AND list_contains(?, symbol)",
            max(begin, edge) if forward else begin,
            end if forward else min(end, edge),
            sorted(symbols),
        )[0]
        if row is not None:
            return int(row)
    return None


def _due(reader: RecordingReader, row: int) -> int:
    """When the tick in `row` is due (µs, UTC)."""
    (received,) = reader.ask(
        f"SELECT epoch_us(received) FROM {reader.source} WHERE file_row_number = ?", row
    )[0]
    if reader.first_from(received + 1) > row:
        return int(received)
    # The clock was set back, so this tick is due with one before it.
    (due,) = reader.ask(
        f"SELECT epoch_us(max(received)) FROM {reader.source} WHERE file_row_number <= ?", row
    )[0]
    return int(due)
