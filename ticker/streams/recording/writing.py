"""Writes ticks, gaps and standing facts to a recording, one Parquet file.

Ticks are staged in a DuckDB database in memory, in the order in which they come, and sorted once at
the end. The file gets its name only when it is complete and on the disk. `Recorder` is synchronous.
`record`, which feeds it from a stream, is asynchronous.
"""

from __future__ import annotations

import glob
import os
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterable, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Final, Self

import msgspec
import numpy as np

from ticker.errors import StreamNotWritable
from ticker.records import TICK_FIELDS, Gap, Position, Quote, Tick
from ticker.streams.arrays import DTYPES
from ticker.streams.digest import Digests
from ticker.streams.protocol import Stream
from ticker.streams.recording import layout
from ticker.streams.recording.columns import chunks
from ticker.streams.recording.database import Connection, connect, literal, writing
from ticker.streams.recording.index import BLOCK
from ticker.streams.recording.metadata import NONE_YET, seal
from ticker.streams.standing_facts import Facts, KnownFacts

_ROWS_AT_ONCE: Final = 20_000
"""Ticks that are inserted at once: each insertion costs some milliseconds."""
_MEMORY: Final = "2GB"
"""The memory of staged ticks. Beyond it DuckDB writes them to the disk."""

_SORTED: Final = f"""
SELECT {layout.COLUMNS}, ordinal FROM (
    SELECT *, max(received) OVER (PARTITION BY origin, symbol ORDER BY sequence) AS since
    FROM staged
) ORDER BY since, origin, symbol, sequence
"""
# A clock that was set back must not change the order of a symbol's ticks. So a tick sorts by the
# latest `received` of its symbol so far.


class Recorder:
    """Collects a recording that `finish` writes to `path`. A context manager for one thread.

    Raises `StreamNotWritable` if the disk is full or the folder cannot be written. `finish` also
    raises it if `path` exists and `replace` is false.
    """

    def __init__(self, path: Path, *, replace: bool = False) -> None:
        self.path = path
        self.ticks = 0
        """Ticks staged so far."""
        self._url = str(path)
        self._replace = replace
        self._rows: list[Tick] = []
        self._gaps: list[tuple[int, Gap]] = []
        self._facts: list[tuple[int, Facts]] = []
        self._known = KnownFacts()
        self._folder: Path | None = None
        self._connection: Connection | None = None

    @property
    def connection(self) -> Connection:
        """Return the connection that has the table `staged`, for callers that fill it by SQL.

        The table has the fields of a tick and `ordinal`: the tick's index in its stream, from 0.
        """
        if self._connection is None:
            with writing(self._url):
                self._folder = Path(
                    tempfile.mkdtemp(prefix=_folder_name(self.path), dir=self.path.parent)
                )
                self._connection = connect()
                # In memory, because a table on disk takes twice the time. DuckDB writes what does
                # not fit to the disk.
                self._connection.execute(f"SET memory_limit = {literal(_MEMORY)}")
                self._connection.execute("SET preserve_insertion_order = true")
                self._connection.execute(f"SET temp_directory = {literal(str(self._folder))}")
                self._connection.execute(f"CREATE TABLE staged ({layout.TABLE}, ordinal BIGINT)")
        return self._connection

    def refuse_existing(self) -> None:
        """Raise `StreamNotWritable` if `path` exists and must not be replaced."""
        if not self._replace and self.path.exists():
            raise StreamNotWritable(self._url, "is there already")

    def add(
        self,
        ticks: Sequence[Tick] = (),
        gaps: Sequence[Gap] = (),
        quotes: Sequence[Quote] = (),
    ) -> None:
        """Add one batch: its gaps, then its ticks, then the standing facts in its quotes.

        Facts that `quotes` change are true from the last of `ticks` on. Without a tick, they are
        true from the next tick on, because they must not be true before they were known.
        """
        self._gaps += [(self.ticks, gap) for gap in gaps]
        self._rows += ticks
        self._facts += [
            (self.ticks + max(1, len(ticks)), facts) for facts in self._known.changes(quotes)
        ]
        self.ticks += len(ticks)
        if len(self._rows) >= _ROWS_AT_ONCE:
            self._flush()

    def tell(self, quotes: Sequence[Quote], *, fixed_only: bool = False) -> None:
        """Add the standing facts in `quotes`, true from here on. Known facts are not stored again.

        `fixed_only`: add only facts that never change (name, currency …). It is for quotes of a
        later day than the ticks to come.
        """
        changes = self._known.changes(quotes, fixed_only=fixed_only)
        self._facts += [(self.ticks, facts) for facts in changes]

    def tell_placed(self, placed: Iterable[layout.PlacedFacts]) -> None:
        """Add saved standing facts. Each is true after the first `row` ticks of the stream."""
        self._facts += [(each.row, each.facts) for each in placed]

    def finish(self, digests: Digests | None = None) -> layout.Manifest:
        """Sort the ticks, write the file, and move it to `path`. It is durable on return.

        `digests` are those of a table `sorted`, which the caller made with the rows in order. Then
        there must be no gaps, and all facts must be true before the first tick.
        """
        self.refuse_existing()
        connection = self.connection
        self._flush()
        with writing(self._url):
            if digests is None:
                connection.execute(f"CREATE TABLE sorted AS {_SORTED}")
                connection.execute("DROP TABLE staged")
            (self.ticks,) = connection.execute("SELECT count(*) FROM sorted").fetchall()[0]
            manifest = self._manifest(connection, digests or self._digests(connection))
            placing = self._place(connection)
            metadata = {
                layout.MANIFEST: msgspec.json.encode(manifest),
                layout.GAPS: msgspec.json.encode(self._placed_gaps(connection, placing)),
                layout.FACTS: msgspec.json.encode(self._placed_facts(placing)),
                layout.CHECKSUM: NONE_YET.encode(),
            }
            assert self._folder is not None  # noqa: S101 - it came with the connection
            made = self._folder / "whole.parquet"
            pairs = ", ".join(
                f"{literal(name)}: {literal(text.decode())}" for name, text in metadata.items()
            )
            connection.execute(
                # The rows keep the table's order. Higher levels of compression take more time
                # and save nothing.
                f"COPY (SELECT {layout.COLUMNS} FROM sorted) "
                f"TO {literal(str(made))} (FORMAT parquet, COMPRESSION zstd, "
                f"COMPRESSION_LEVEL 1, ROW_GROUP_SIZE {BLOCK}, KV_METADATA {{{pairs}}})"
            )
            seal(made)
            _settle(made, self.path)
        return manifest

    def close(self) -> None:
        """Remove what was staged. A second call is harmless."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _flush(self) -> None:
        rows, self._rows = self._rows, []
        if not rows:
            return
        begin = self.ticks - len(rows)
        chunk = {
            field: np.array([*map(attrgetter(field), rows)], DTYPES.get(field, object))
            for field in TICK_FIELDS
        }
        chunk["ordinal"] = np.arange(begin, self.ticks)
        values = ", ".join(_staged(field) for field in TICK_FIELDS)
        with writing(self._url):
            self.connection.execute(f"INSERT INTO staged SELECT {values}, ordinal FROM chunk")

    def _digests(self, connection: Connection) -> Digests:
        found = Digests()
        for rows in chunks(connection, "sorted", TICK_FIELDS, row="rowid", ticks=self.ticks):
            found.add(rows.arrays(TICK_FIELDS))
        return found

    def _manifest(self, connection: Connection, digests: Digests) -> layout.Manifest:
        spans = tuple(
            layout.SymbolSpan(origin, symbol, each.first, each.last, each.count, each.digest)
            for (origin, symbol), each in sorted(digests.result().items())
        )
        ticks = sum(span.count for span in spans)
        first, last, simulated = None, None, None
        if ticks:
            first, last, simulated = connection.execute(
                "SELECT (SELECT epoch_us(received) FROM sorted WHERE rowid = 0), "
                "epoch_us(max(received)), bool_or(simulated) FROM sorted"
            ).fetchall()[0]
        identity = layout.identity_of(spans, [gap for _, gap in self._gaps])
        return layout.Manifest(layout.VERSION, identity, ticks, simulated, first, last, spans)

    def _place(self, connection: Connection) -> layout.Placing:
        """Find where gaps and facts belong in the sorted file."""
        if not self._gaps and not any(ordinal for ordinal, _ in self._facts):
            nothing = np.empty(0, np.int64)
            return layout.Placing(nothing, nothing)  # all belong before row 0
        columns = connection.execute(
            "SELECT ordinal, epoch_us(received) AS received FROM sorted ORDER BY rowid"
        ).fetchnumpy()
        return layout.Placing(columns["ordinal"], columns["received"])

    def _placed_gaps(
        self, connection: Connection, placing: layout.Placing
    ) -> list[layout.PlacedGap]:
        holes = [gap for _, gap in self._gaps if gap.last_sequence is not None]
        behind: dict[tuple[str, str, int], int] = {}
        if holes:
            found = connection.execute(
                "SELECT origin, symbol, sequence, sorted.rowid FROM sorted JOIN (SELECT "
                "unnest(?::VARCHAR[]) AS origin, unnest(?::VARCHAR[]) AS symbol, "
                "unnest(?::BIGINT[]) AS sequence) USING (origin, symbol, sequence)",
                [
                    [gap.origin for gap in holes],
                    [gap.symbol for gap in holes],
                    [(gap.last_sequence or 0) + 1 for gap in holes],
                ],
            ).fetchall()
            behind = {(origin, symbol, sequence): row for origin, symbol, sequence, row in found}
        placed = []
        for ordinal, gap in self._gaps:
            row = placing.row(ordinal)
            key = (gap.origin, gap.symbol or "", (gap.last_sequence or 0) + 1)
            at = behind.get(key)
            due = placing.due(row, gap.received) if at is None else placing.due_of(at)
            placed.append(layout.PlacedGap(row, gap, due))
        return sorted(placed, key=lambda one: one.row)

    def _placed_facts(self, placing: layout.Placing) -> list[layout.PlacedFacts]:
        rows = [(placing.row(ordinal), facts) for ordinal, facts in self._facts]
        rows.sort(key=lambda one: one[0])
        return [layout.PlacedFacts(row, facts, placing.due_before(row)) for row, facts in rows]


async def record(
    stream: Stream,
    recorder: Recorder,
    *,
    symbols: Collection[str] | None = None,
    before: Sequence[Tick] = (),
    after: Position | None = None,
    until: int | None = None,
    facts: Iterable[layout.PlacedFacts] | None = None,
    on_progress: Callable[[int], None] = lambda _: None,
) -> None:
    """Stage what `stream` holds after `after` (default: its start), to its present end.

    `before` are ticks from before `after`. They are staged first. If the stream repeats one, the
    repeat is dropped. `until` (µs, UTC, exclusive) limits `received`. `facts` are saved standing
    facts, used instead of the quotes' own. Without them, the stream's latest quotes give what never
    changes. `on_progress` gets the number of ticks staged so far. Raises `StreamError`.
    """
    begin = await stream.find("start") if after is None else after
    if facts is None:
        snapshot = await stream.snapshot()
        wanted = [q for q in snapshot.quotes if symbols is None or q.symbol in symbols]
        recorder.tell(wanted, fixed_only=True)
    else:
        recorder.tell_placed(facts)
    recorder.add(before)
    there = {(tick.origin, tick.symbol): tick.sequence for tick in before}
    async for batch in stream.read(begin, symbols=symbols, follow=False):
        ticks, gaps, quotes = batch.ticks, batch.gaps, batch.quotes
        if there:
            ticks = [t for t in ticks if t.sequence > there.get((t.origin, t.symbol), 0)]
        if until is not None:
            ticks = [tick for tick in ticks if tick.received < until]
            gaps = [gap for gap in gaps if gap.received < until]
            quotes = [quote for quote in quotes if quote.received < until]
        recorder.add(ticks, gaps, quotes if facts is None else ())
        on_progress(recorder.ticks)


def remove_left_over(path: Path) -> None:
    """Remove the folders that killed recorders of `path` left."""
    for folder in path.parent.glob(f"{glob.escape(_folder_name(path))}*"):
        shutil.rmtree(folder, ignore_errors=True)


def _folder_name(path: Path) -> str:
    """Return the prefix of the name of the folder in which `path` is made."""
    return f".{path.name}.unfinished-"


def _staged(field: str) -> str:
    match layout.sql_type(field):
        case "TIMESTAMPTZ":
            return f'make_timestamptz("{field}")'
        case "DOUBLE":
            return f'CASE WHEN isnan("{field}") THEN NULL ELSE "{field}" END'
        case _:
            return f'"{field}"'


def _settle(made: Path, path: Path) -> None:
    """Move `made` to `path` so that a crash leaves the old file or the whole new one."""
    with made.open("rb") as file:
        os.fsync(file.fileno())
    made.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
