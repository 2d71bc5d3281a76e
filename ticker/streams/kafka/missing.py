"""Finds missing ticks: they lie further back, a gap record names them, or they are lost.

A hole right after a snapshot's quote may be false. If a writer died between ticks and their quote,
and many ticks of others followed, its ticks lie before the position at which the reading began. Any
other hole is looked up in the gap records that were not fetched yet: they are written before ticks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from ticker.records import Batch, Gap, GapReason, Tick
from ticker.streams.kafka.cluster import END, ClusterClient, Topics
from ticker.streams.kafka.messages import GAPS, TICKS
from ticker.streams.kafka.position import Offsets
from ticker.streams.kafka.snapshot import FURTHER, gaps_between, ticks_between
from ticker.streams.sequence import Key, SequenceTracker, left_of


class HoleLookup:
    """Looks up the holes of one reading that continues a snapshot with the sequences `last_seen`.

    It belongs to one log. If another log replaces that one, a new object is needed: the other log
    is read from its start, and `last_seen` is empty.
    """

    def __init__(
        self,
        cluster: ClusterClient,
        began: Offsets,
        last_seen: Mapping[Key, int],
    ) -> None:
        self.passed: Mapping[Key, int] = {}
        """The last sequences before retention overtook this reading."""
        self._cluster = cluster
        self._began = began  # the offsets where the reading began
        self._last_seen = last_seen
        self._behind: Mapping[Key, Sequence[Tick]] | None = None  # read when first needed

    async def look_up(
        self,
        topics: Topics,
        batch: Batch,
        holes: Sequence[Gap],
        offsets: Offsets,
    ) -> tuple[list[Tick], list[Gap]]:
        """Return the ticks of `holes` that were found, and gaps for those that nothing explains.

        The holes lie before ticks of `batch`. Everything before `offsets` was read. Changes nothing
        if it raises.
        """
        joined: list[Tick] = []
        missing: list[Gap] = []
        for hole in holes:
            ticks, gaps = await self._look_behind(topics, batch, hole)
            joined += ticks
            missing += gaps
        return joined, await self._untold(topics, missing, offsets) if missing else []

    async def _look_behind(
        self, topics: Topics, batch: Batch, hole: Gap
    ) -> tuple[Sequence[Tick], Sequence[Gap]]:
        """Return the ticks of `hole` before the start of this reading, and gaps for the rest."""
        key, first = (hole.origin, hole.symbol or ""), hole.first_sequence or 0
        after = [
            tick
            for tick in batch.ticks
            if (tick.origin, tick.symbol) == key and tick.sequence - 1 == hole.last_sequence
        ]
        if not after or self._last_seen.get(key) != first - 1:
            return [], [hole]
        if self._behind is None:
            self._behind = await self._lagging(topics)
        ticks, gaps, _ = SequenceTracker({key: first - 1}).take(
            [*self._behind.get(key, ()), *after]
        )
        return ticks[:-1], gaps

    async def _lagging(self, topics: Topics) -> dict[Key, list[Tick]]:
        """Return the ticks shortly before the start of this reading that no quote includes.

        Ticks further back than `FURTHER` need no search: their writer does not find them either,
        and sends them again.
        """
        spans = {
            where: (max(0, self._began[where] - FURTHER), self._began[where])
            for where in topics.all(TICKS)
        }
        found: dict[Key, list[Tick]] = {}
        for some in (await ticks_between(self._cluster, spans)).values():
            for tick in some.records:
                key = (tick.origin, tick.symbol)
                if tick.sequence > self._last_seen.get(key, tick.sequence):
                    found.setdefault(key, []).append(tick)
        return found

    async def _untold(self, topics: Topics, holes: Sequence[Gap], offsets: Offsets) -> list[Gap]:
        ends = await self._cluster.offsets(topics, END, GAPS)
        ahead = {where: (offsets.get(where, 0), last) for where, last in ends.items()}
        told: dict[Key, list[tuple[int, int]]] = {}
        for gap in await gaps_between(self._cluster, ahead):
            if gap.symbol is not None and gap.missing is not None:
                told.setdefault((gap.origin, gap.symbol), []).append(gap.missing)
        left: list[Gap] = []
        for hole in holes:
            key, first = (hole.origin, hole.symbol or ""), hole.first_sequence or 0
            is_passed = self.passed.get(key) == first - 1
            reason = GapReason.RETENTION if is_passed else hole.reason
            left += (
                msgspec.structs.replace(hole, first_sequence=one, last_sequence=last, reason=reason)
                for one, last in left_of(first, hole.last_sequence or 0, told.get(key, ()))
            )
        return left
