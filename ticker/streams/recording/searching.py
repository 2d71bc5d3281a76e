"""Finds ticks in a recording: the last of each symbol, the next of some symbols. Synchronous.

With the index, a search reads a block or two, and keeps what it read for the next search. Without
it, `next_tick` queries one block after another.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ticker.records import Quote, Tick
from ticker.streams.recording.index import BLOCK, RowIndex
from ticker.streams.recording.reading import RecordingReader
from ticker.streams.standing_facts import quote_of


def last_ticks(reader: RecordingReader, row: int) -> list[Tick]:
    """Return the last tick of each (origin, symbol) before `row`, in the order of the rows."""
    if (index := reader.index) is not None:
        known = _last_by_index(reader, index, row)
    else:
        found = reader.ask(
            f"SELECT max(file_row_number) FROM {reader.source} "
            "WHERE file_row_number < ? GROUP BY origin, symbol",
            row,
        )
        known = reader.ticks_at([last for (last,) in found])
    return [known[at] for at in sorted(known)]


def _last_by_index(reader: RecordingReader, index: RowIndex, row: int) -> dict[int, Tick]:
    """Return row → tick of the last tick of each (origin, symbol) before `row`."""
    block, begin = row // BLOCK, row // BLOCK * BLOCK
    rows = index.before(block)
    if row > begin:
        places = reader.block(block).last_places(row - begin)
        rows |= {key: begin + place for key, place in places.items()}
    here = [row for row in rows.values() if row >= begin]
    found = dict(zip(here, reader.ticks_in(block, here), strict=True)) if here else {}
    # A symbol without a tick in this block has its last one in the block before, unless it is rare.
    # Only these few rows of that block are read. They are kept for the next seek.
    before = [row for row in rows.values() if row < begin]
    missing = [row for row in before if row not in index.ticks]
    if missing and reader.has(block - 1):
        index.ticks.update(zip(missing, reader.ticks_in(block - 1, missing), strict=True))
    else:
        index.ticks.update(reader.ticks_at(missing))
    return found | {row: index.ticks[row] for row in before}


def quotes(reader: RecordingReader, row: int) -> list[Quote]:
    """Return a quote for each (origin, symbol) that has a tick before `row`, as it was then."""
    facts = reader.facts_before(row)
    return [
        quote_of(tick, facts.get((tick.origin, tick.symbol))) for tick in last_ticks(reader, row)
    ]


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
    """Find the first row from `edge` on (`forward`), or the last before it, of `symbols`."""
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
        if index is not None:
            rows = begin + reader.block(block).places_of(symbols)
            rows = rows[rows >= edge] if forward else rows[rows < edge]
            found = rows[0 if forward else -1] if len(rows) else None
        else:
            (found,) = reader.ask(
                f"SELECT {extreme}(file_row_number) FROM {reader.source} WHERE "
                "file_row_number >= ? AND file_row_number < ? AND list_contains(?, symbol)",
                max(begin, edge) if forward else begin,
                end if forward else min(end, edge),
                sorted(symbols),
            )[0]
        if found is not None:
            return int(found)
    return None


def _due(reader: RecordingReader, row: int) -> int:
    """Return when the tick in `row` is due (µs, UTC)."""
    if (index := reader.index) is not None:
        block = row // BLOCK
        return max(index.due_before(block), int(reader.block(block).dues()[row % BLOCK]))
    (received,) = reader.ask(
        f"SELECT epoch_us(received) FROM {reader.source} WHERE file_row_number = ?", row
    )[0]
    if reader.first_from(received + 1) > row:
        return int(received)
    # The clock was set back, so this tick is due together with an earlier one.
    (due,) = reader.ask(
        f"SELECT epoch_us(max(received)) FROM {reader.source} WHERE file_row_number <= ?", row
    )[0]
    return int(due)
