"""One reading of a recording: its ticks in batches, then empty batches if it follows."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence

from ticker.errors import StreamError
from ticker.records import Batch, Quote, Tick
from ticker.streams.reader import ReadRequest, ThreadRead
from ticker.streams.recording.reading import RecordingReader
from ticker.streams.recording.searching import last_ticks
from ticker.streams.sequence import Key
from ticker.streams.standing_facts import quote_of


class RecordingRead(ThreadRead):
    """The state of one `read`, which begins before the row `begin`."""

    def __init__(self, reader: RecordingReader, begin: int, request: ReadRequest) -> None:
        super().__init__(request)
        self._end = reader.place(reader.end)
        self._cursor = reader.cursor()
        self._batches = self._all(self._cursor, begin)

    def stop(self) -> None:
        super().stop()
        self._cursor.interrupt()  # after a seek, the user must not wait for the earlier read

    def next(self) -> Batch | None:
        if self.stopping.is_set():
            return None
        try:
            batch = next(self._batches, None)
        except StreamError:
            if self.stopping.is_set():
                return None
            raise
        if batch is not None:
            return batch
        if not self.request.follow or self.stopping.wait(self.request.silence):
            return None
        return Batch(self._end)

    def close(self) -> None:
        self._batches.close()
        self._cursor.close()

    def _all(self, cursor: RecordingReader, begin: int) -> Generator[Batch, None, None]:
        """Yield the batches from row `begin` on. A batch ends where a gap follows its ticks."""
        symbols, limit = self.request.symbols, self.request.limit
        stops = sorted(
            {placed.row for placed in cursor.gaps_between(begin + 1, cursor.end, symbols)}
        )
        ends = [*stops, cursor.end]
        known = set(cursor.facts_before(begin))  # keys without a quote so far
        for end in ends:
            for first, last, rows, found in _pieces(cursor, begin, end, symbols, limit):
                gaps = [p.gap for p in cursor.gaps_between(first, first + 1, symbols)]
                start, coming = first, found
                while True:
                    # A hole ends a batch too: in a batch, gaps come before ticks.
                    ticks, holes, left = self.sequences.take(coming, gaps, to_hole=True)
                    stop = rows[-left] if left else last
                    quotes = _quotes(cursor, (start, stop), symbols, ticks, known)
                    yield Batch(cursor.place(stop), ticks, [*gaps, *holes], quotes)
                    if not left:
                        break
                    start, gaps, coming = stop, [], coming[-left:]
            begin = end


def _pieces(
    reader: RecordingReader, begin: int, end: int, symbols: frozenset[str] | None, limit: int
) -> Iterator[tuple[int, int, Sequence[int], list[Tick]]]:
    """Yield pieces of at most `limit` ticks: first row, row after the last, tick rows, ticks."""
    numbers: Sequence[int] = ()
    found: list[Tick] = []
    for rows, ticks in reader.ticks(begin, end, symbols, limit):
        if found:
            yield begin, numbers[-1] + 1, numbers, found
            begin = numbers[-1] + 1
        numbers, found = rows, ticks
    if begin < end:
        yield begin, end, numbers, found


def _quotes(
    reader: RecordingReader,
    span: tuple[int, int],
    symbols: frozenset[str] | None,
    ticks: Sequence[Tick],
    known: set[Key],
) -> list[Quote]:
    """Make quotes of the facts that became true in the rows `span` (begin, end: exclusive).

    `ticks` are the ticks in these rows. A symbol without one takes its last tick before them. The
    keys in `known` have facts from before the reading began. A key whose first ticks are among
    `ticks` gets a quote, and is removed from `known`.
    """
    told = reader.facts_between(span[0] + 1, span[1] + 1)
    if not (told or known):
        return []
    newest = {(tick.origin, tick.symbol): tick for tick in ticks}
    keys = known & newest.keys()
    known -= keys
    changed = {
        (placed.facts.origin, placed.facts.symbol)
        for placed in told
        if symbols is None or placed.facts.symbol in symbols
    }
    if changed - newest.keys():
        with reader.cursor() as own:  # on the same cursor, a query would end the open result
            found = {(tick.origin, tick.symbol): tick for tick in last_ticks(own, span[1])}
        newest = found | newest
    keys |= changed & newest.keys()
    if not keys:
        return []
    facts = reader.facts_before(span[1])
    return [quote_of(newest[key], facts[key]) for key in sorted(keys)]
