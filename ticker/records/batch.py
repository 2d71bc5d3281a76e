"""What streams return and take: a `Batch` of records, a `Hold`, and the `Position` in both.

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
"""Where a reader stands in a stream. Opaque. Every batch has one; reading resumes *after* it."""


class Batch(msgspec.Struct, frozen=True):
    """The records that a stream returns or takes at once.

    A reading returns an empty one after each second of silence. The gaps of a batch come before its
    ticks: a gap that follows a tick begins the next batch.
    """

    position: Position = Position("")
    """Resume after this batch with `stream.read(batch.position)`. `Log.append` ignores it."""
    ticks: Sequence[Tick] = ()
    """Ascending by sequence for each (origin, symbol)."""
    gaps: Sequence[Gap] = ()
    quotes: Sequence[Quote] = ()
    """Conflated: the last per (origin, symbol) in this batch."""
    heartbeats: Sequence[Heartbeat] = ()
    """Conflated: the last per (writer, source) in this batch."""
    last_seen: Mapping[tuple[str, str], int] = {}
    """In a snapshot: (origin, symbol) → the sequence that its quotes include.

    Pass it to the `read` that continues from here. Empty in a batch of `read`.
    """

    def __bool__(self) -> bool:
        """Tell whether the batch holds any record."""
        return bool(self.ticks or self.gaps or self.quotes or self.heartbeats)

    def pieces(self, most: int) -> Iterator[Batch]:
        """Yield one or more batches of at most `most` ticks: the same records in the same order.

        All have the position of this batch, so resume only after the last.
        """
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
        """Return the records of one kind as dictionaries, with the field names of the JSON events.

            frame = pandas.DataFrame(batch.to_dicts())
            quotes = pandas.DataFrame(snapshot.to_dicts("quotes"))

        Every dictionary has every field, so all batches give the same columns. An unknown value is
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
    """What a log keeps for one reader although retention could delete it."""

    position: Position
    """All records after this position are kept."""
    ticks: int
    """How many ticks follow `position`."""
