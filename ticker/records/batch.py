"""What streams return: a `Batch` of records, a `Hold` and a `Health`; a `Position` in them.

Times are µs since the epoch, UTC. This file does no input or output, reads no clock and knows no
stream.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal, NewType

import msgspec

from ticker.errors import UsageError
from ticker.records.kinds import Gap, Heartbeat, Quote, Tick

Position = NewType("Position", str)
"""Where a reader stands. Opaque: it comes with every batch; reading resumes *after* it."""


class Batch(msgspec.Struct, frozen=True):
    """The records that a stream returns at once, and the reader's position after them.

    Empty batches are normal: they come each second of silence and say "still here". Gaps come
    before ticks: a reader ends a batch where that would be false.
    """

    position: Position
    """Resume after this batch with `stream.read(batch.position)`."""
    ticks: Sequence[Tick] = ()
    """Ascending by sequence for each (origin, symbol)."""
    gaps: Sequence[Gap] = ()
    quotes: Sequence[Quote] = ()
    """Conflated: the last per (origin, symbol) in this batch."""
    heartbeats: Sequence[Heartbeat] = ()
    """The last per (writer, source)."""
    last_seen: Mapping[tuple[str, str], int] = {}
    """In a snapshot: (origin, symbol) → the sequence that its quotes include.

    Pass it to the `read` that continues from here. Empty in a batch of `read`.
    """

    def __bool__(self) -> bool:
        """True if the batch holds any record."""
        return bool(self.ticks or self.gaps or self.quotes or self.heartbeats)

    def pieces(self, most: int) -> Iterator[Batch]:
        """Yield the same records in the same order, at most `most` ticks at once; one at least."""
        ticks, position = self.ticks, self.position
        if len(ticks) <= most:
            yield self
            return
        yield Batch(position, ticks=ticks[:most], gaps=self.gaps)
        last = (len(ticks) - 1) // most * most
        for start in range(most, last, most):
            yield Batch(position, ticks=ticks[start : start + most])
        rest = ticks[last:]
        yield Batch(position, ticks=rest, quotes=self.quotes, heartbeats=self.heartbeats)

    def to_dicts(
        self, kind: Literal["ticks", "gaps", "quotes", "heartbeats"] = "ticks"
    ) -> list[dict[str, Any]]:
        """Return the records of one kind as dictionaries, by the field names of the JSON events.

            frame = pandas.DataFrame(batch.to_dicts())
            quotes = pandas.DataFrame(snapshot.to_dicts("quotes"))

        Every dictionary has every field, so all batches give the same columns. What is unknown is
        `None`. Times are µs since the epoch, UTC. Raises `UsageError` for another kind.
        """
        kept = _KINDS.get(str(kind))
        if kept is None:
            raise UsageError(f"to_dicts: expected one of {', '.join(_KINDS)}, not {kind!r:.60}")
        names = kept.__struct_encode_fields__
        return [
            dict(zip(names, msgspec.structs.astuple(record), strict=True))
            for record in getattr(self, kind)
        ]


_KINDS: Final[Mapping[str, type[msgspec.Struct]]] = {
    "ticks": Tick,
    "gaps": Gap,
    "quotes": Quote,
    "heartbeats": Heartbeat,
}


class Hold(msgspec.Struct, frozen=True):
    """What a log holds back from retention for one reader."""

    position: Position
    """The position after all that the reader has finished with."""
    ticks: int
    """How many ticks follow it."""
