"""One reading of a recording: its ticks in batches, then empty batches if it follows."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence

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
        are_facts_to_come = any(placed.row > begin for placed in cursor.facts)
        known = set(cursor.facts_before(begin))  # of these, no quote was yielded yet
        for end in ends:
            for first, last, rows, found in _pieces(cursor, begin, end, symbols, limit):
                gaps = [p.gap for p in cursor.gaps_between(first, first + 1, symbols)]
                start, coming = first, found
                while True:
                    # A hole ends a batch too: in a batch, gaps come before ticks.
                    ticks, holes, left = self.sequences.take_to_hole(coming, gaps)
                    stop = rows[-left] if left else last
                    quotes = _told(cursor, start, stop, symbols, ticks) if are_facts_to_come else []
                    if known:
                        quotes += _known(cursor, stop, ticks, known, quotes)
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


def _told(
    reader: RecordingReader,
    first: int,
    last: int,
    symbols: frozenset[str] | None,
    ticks: Sequence[Tick],
) -> list[Quote]:
    """Make quotes of the facts that became true in the rows from `first` up to `last` (exclusive).

    `ticks` are the ticks in these rows. A symbol without one takes its last tick before them.
    """
    keys = {
        (placed.facts.origin, placed.facts.symbol)
        for placed in reader.facts
        if first < placed.row <= last and (symbols is None or placed.facts.symbol in symbols)
    }
    if not keys:
        return []
    known = {key: tick for tick in ticks if (key := (tick.origin, tick.symbol)) in keys}
    if keys - known.keys():
        with reader.cursor() as own:  # on the same cursor, a query would end the open result
            before = {(tick.origin, tick.symbol): tick for _, tick in last_ticks(own, last)}
        known = {key: before[key] for key in keys & before.keys()}
    facts = reader.facts_before(last)
    return [quote_of(tick, facts[key]) for key, tick in sorted(known.items())]


def _known(
    reader: RecordingReader, last: int, ticks: Iterable[Tick], known: set[Key], told: list[Quote]
) -> list[Quote]:
    """Make quotes of the facts that were true before the reading began.

    Each (origin, symbol) with a tick is removed from `known`. It gets a quote, unless it is in
    `told`.
    """
    first = {key: tick for tick in ticks if (key := (tick.origin, tick.symbol)) in known}
    if not first:
        return []
    known.difference_update(first)
    facts = reader.facts_before(last)
    done = {(quote.origin, quote.symbol) for quote in told}
    return [quote_of(tick, facts[key]) for key, tick in first.items() if key not in done]
