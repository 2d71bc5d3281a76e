"""The proof that a relay is complete: counts and a hash per (origin, symbol), held side by side.

The source is tallied before anything is sent, the destination after all was; both from what lies in
them, not from what was sent. Older ticks that the destination has let go of by its own retention
are left out of the comparison and told. Pure but for the reading of `Stream.columns`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any, Final

import msgspec

from ticker.figures import count_text
from ticker.records import Tick
from ticker.streams.protocol import Stream
from ticker.streams.sequence import Key

_FIELDS: Final = Tick.__struct_encode_fields__
_encode: Final = msgspec.json.Encoder().encode
Chunks = Iterable[Mapping[str, Sequence[Any]]]


class Tally(msgspec.Struct, frozen=True):
    """What one side holds of one (origin, symbol)."""

    first: int
    """The lowest sequence."""
    last: int
    count: int
    digest: str
    """Over every field of every tick, in order."""
    received: int
    """The earliest `received` (µs, UTC)."""


class Side(msgspec.Struct, frozen=True):
    """What one side of a comparison holds in all."""

    ticks: int = 0
    digest: str = ""
    """Over the digests of each (origin, symbol), in their order."""


class Proof(msgspec.Struct, frozen=True):
    """What the comparison found."""

    ticks: int
    """Held against each other and found equal."""
    symbols: int
    """Of these ticks; one that comes from two origins counts once."""
    origins: int
    wrong: Mapping[Key, str]
    """(origin, symbol) → what differs, in words; empty if the destination is complete."""
    let_go: int = 0
    """Older ticks that the destination no longer holds, so that they could not be compared."""
    wanted: Side = Side()
    """The source when it was tallied."""
    found: Side = Side()
    """What the destination holds of that."""


def tally(
    chunks: Chunks,
    within: Mapping[Key, tuple[int, int]] | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> dict[Key, Tally]:
    """Count and hash the ticks in `chunks`; `within`: only these, from and to a sequence.

    `stopped` ends it early, at the next chunk.
    """
    hashes: dict[Key, Any] = {}
    facts: dict[Key, list[int]] = {}
    for chunk in chunks:
        if stopped():
            break
        for row in zip(*(chunk[name] for name in _FIELDS), strict=True):
            symbol, _, origin, sequence, _, received, *_ = row
            key = (origin, symbol)
            if within is not None:
                first, last = within.get(key, (1, 0))
                if not first <= sequence <= last:
                    continue
            fact = facts.get(key)
            if fact is None:
                hashes[key] = blake2b(digest_size=8)
                fact = facts[key] = [sequence, sequence, 0, received]
            hashes[key].update(_encode(row))
            fact[0] = min(fact[0], sequence)
            fact[1] = max(fact[1], sequence)
            fact[2] += 1
            fact[3] = min(fact[3], received)
    return {
        key: Tally(first, last, count, hashes[key].hexdigest(), received)
        for key, (first, last, count, received) in facts.items()
    }


def prove(
    source: Stream,
    destination: Stream,
    wanted: Mapping[Key, Tally],
    sent: Mapping[Key, int],
    stopped: Callable[[], bool] = lambda: False,
) -> Proof:
    """Hold `destination` against `wanted`, the tally of `source`. Synchronous, for a thread.

    `sent` is the first sequence of each (origin, symbol) that this relay sent itself: from there on
    nothing may be missing. `stopped` ends it early, at the next chunk. Raises `StreamError`.
    """
    if not wanted:
        return Proof(0, 0, 0, {})
    since = min(each.received for each in wanted.values())
    spans = {key: (each.first, each.last) for key, each in wanted.items()}
    there = tally(destination.columns(since=since), spans, stopped)
    late = {
        key: (each.first, wanted[key].last)
        for key, each in there.items()
        if wanted[key].first < each.first <= sent.get(key, each.first)
    }
    shortened = tally(source.columns(since=since), late, stopped) if late else {}
    wrong: dict[Key, str] = {}
    compared = let_go = 0
    for key, whole in wanted.items():
        want = shortened.get(key, whole)
        have = there.get(key)
        if have is None:
            are = "is" if want.count == 1 else "are"
            wrong[key] = f"{count_text(want.count, 'tick')} {are} missing"
        elif have.count != want.count:
            wrong[key] = f"{have.count:,} of {count_text(want.count, 'tick')} are there"
        elif have.digest != want.digest:
            wrong[key] = f"{count_text(want.count, 'tick')}, but not the same"
        else:
            compared += want.count
            let_go += whole.count - want.count
    right = wanted.keys() - wrong.keys()
    symbols, origins = {symbol for _, symbol in right}, {origin for origin, _ in right}
    sides = summed(wanted), summed(there)
    return Proof(compared, len(symbols), len(origins), wrong, let_go, *sides)


def summed(tallies: Mapping[Key, Tally]) -> Side:
    """All tallies of one side in one."""
    digest = blake2b(digest_size=8)
    for key, each in sorted(tallies.items()):
        digest.update(_encode([*key, each.digest]))
    return Side(sum(each.count for each in tallies.values()), digest.hexdigest())
