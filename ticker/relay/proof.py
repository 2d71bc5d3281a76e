"""Proves that a relay is complete: compares counts and a hash per (origin, symbol).

The source is counted before the first tick is sent, and the destination after the last. Both counts
come from what the logs hold, not from what was sent. Older ticks that the destination's retention
deleted are not compared, only counted. Pure, except that it reads `Stream.arrays`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

import msgspec

from ticker.figures import agree, count_text
from ticker.streams.protocol import Stream
from ticker.streams.sequence import Key

if TYPE_CHECKING:  # it loads numpy, and commands must start fast
    from ticker.streams.digest import Digest

_encode: Final = msgspec.json.Encoder().encode


class Side(msgspec.Struct, frozen=True):
    """The total of one side of the comparison."""

    ticks: int = 0
    digest: str = ""
    """A hash over the digests of all (origin, symbol), in sorted order."""


class Proof(msgspec.Struct, frozen=True):
    """The result of the comparison."""

    ticks: int
    """Ticks compared and found equal."""
    symbols: int
    """Symbols of these ticks. A symbol from two origins counts once."""
    origins: int
    wrong: Mapping[Key, str]
    """(origin, symbol) → the difference, in words; empty if the destination is complete."""
    let_go: int = 0
    """Older ticks that the destination no longer holds. They were not compared."""
    wanted: Side = Side()
    """The source when it was counted."""
    found: Side = Side()
    """The part of the source that the destination holds."""


def prove(
    source: Stream,
    destination: Stream,
    wanted: Mapping[Key, Digest],
    sent: Mapping[Key, int],
    stopped: Callable[[], bool] = lambda: False,
) -> Proof:
    """Compare `destination` with `wanted`, the digests of `source`. Call it in a thread: it blocks.

    `sent` is (origin, symbol) → the first sequence that this relay sent: from there on, no tick may
    be missing. `stopped` is called at each chunk; true ends the comparison. Raises `StreamError`.
    """
    from ticker.streams.digest import digests

    if not wanted:
        return Proof(0, 0, 0, {})
    since = min(each.received for each in wanted.values())
    spans = {key: (each.first, each.last) for key, each in wanted.items()}
    there = digests(destination.arrays(since=since), spans, stopped)
    late = {
        key: (each.first, wanted[key].last)
        for key, each in there.items()
        if wanted[key].first < each.first <= sent.get(key, each.first)
    }
    shortened = digests(source.arrays(since=since), late, stopped) if late else {}
    wrong: dict[Key, str] = {}
    compared = let_go = 0
    for key, whole in wanted.items():
        want = shortened.get(key, whole)
        have = there.get(key)
        if have is None:
            are = agree(want.count, "is", "are")
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


def summed(found: Mapping[Key, Digest]) -> Side:
    """Return the total of all digests of one side."""
    digest = blake2b(digest_size=8)
    for key, each in sorted(found.items()):
        digest.update(_encode([*key, each.digest]))
    return Side(sum(each.count for each in found.values()), digest.hexdigest())
