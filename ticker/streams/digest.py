"""Counts and a hash per (origin, symbol): how two streams are shown to hold the same ticks.

The digest is the sum, modulo 2**64, of one 64-bit hash for each tick over all of its fields. A sum
does not depend on the order, so chunks may come in any. It finds lost, doubled and changed ticks;
it is no defence against somebody who forges them on purpose.

The hash of a tick joins the hashes of its fields: texts by BLAKE2b, numbers by their 64 bits as a
float or integer, mixed by SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number
Generators, 2014). An unknown value has a hash of its own. Pure; works by column, no loop per tick
but the look-up of texts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from hashlib import blake2b
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from ticker.records import Tick
from ticker.streams.sequence import Key
from ticker.streams.texts import Texts

Columns = Mapping[str, Any]
"""Field name → values, as `Stream.columns` or `Numeric.arrays` gives them out."""

_FIELDS: Final = Tick.__struct_encode_fields__
_TEXTS: Final = frozenset({"symbol", "source", "origin", "currency", "session"})
_INTEGERS: Final = frozenset({"sequence", "time", "received"})
_NOTHING: Final = (1, 0)
"""The span of a symbol that is not compared."""
_Bits = npt.NDArray[np.uint64]


class Digest(msgspec.Struct, frozen=True):
    """What a stream holds of one (origin, symbol)."""

    first: int
    """The lowest sequence."""
    last: int
    """The highest."""
    count: int
    digest: str
    """16 hexadecimal digits."""
    received: int
    """The earliest `received` (µs, UTC)."""


class Digests:
    """Adds up chunks of columns; `within`: only these, from and to a sequence (inclusive)."""

    def __init__(self, within: Mapping[Key, tuple[int, int]] | None = None) -> None:
        self._within = within
        self._texts: dict[str | None, int] = {}
        self._found: dict[Key, list[int]] = {}

    def add(self, chunk: Columns) -> None:
        """Take the ticks of `chunk` in."""
        if len(chunk["sequence"]) == 0:
            return
        origins, symbols = chunk["origin"], chunk["symbol"]
        hashes = self._hashes(chunk)
        both = self._bits("origin", origins) ^ _mix(self._bits("symbol", symbols))
        _, places, groups = np.unique(both, return_index=True, return_inverse=True)
        keys = [(_text(origins, place), _text(symbols, place)) for place in places]
        size = len(keys)
        sequences = np.asarray(chunk["sequence"], np.int64)
        received = np.asarray(chunk["received"], np.int64)
        if self._within is not None:
            spans = np.array([self._within.get(key, _NOTHING) for key in keys], np.int64)
            inside = (sequences >= spans[groups, 0]) & (sequences <= spans[groups, 1])
            hashes, groups = hashes[inside], groups[inside]
            sequences, received = sequences[inside], received[inside]
        total = np.zeros(size, np.uint64)
        np.add.at(total, groups, hashes)
        counts = np.bincount(groups, minlength=size)
        first = np.full(size, np.iinfo(np.int64).max)
        np.minimum.at(first, groups, sequences)
        last = np.zeros(size, np.int64)
        np.maximum.at(last, groups, sequences)
        since = np.full(size, np.iinfo(np.int64).max)
        np.minimum.at(since, groups, received)
        for n, key in enumerate(keys):
            if not counts[n]:
                continue
            new = (int(first[n]), int(last[n]), int(counts[n]), int(total[n]), int(since[n]))
            old = self._found.get(key)
            if old is None:
                self._found[key] = list(new)
            else:
                old[0] = min(old[0], new[0])
                old[1] = max(old[1], new[1])
                old[2] += new[2]
                old[3] = (old[3] + new[3]) % 2**64
                old[4] = min(old[4], new[4])

    def result(self) -> dict[Key, Digest]:
        """(origin, symbol) → what was added of it."""
        return {
            key: Digest(first, last, count, f"{total:016x}", received)
            for key, (first, last, count, total, received) in self._found.items()
        }

    def _hashes(self, chunk: Columns) -> _Bits:
        """One hash a tick."""
        joined = np.zeros(len(chunk["sequence"]), np.uint64)
        for n, field in enumerate(_FIELDS, 1):
            joined = _mix(joined ^ _mix(self._bits(field, chunk[field]) + np.uint64(n)))
        return joined

    def _bits(self, field: str, values: Any) -> _Bits:
        if isinstance(values, Texts):
            known_hashes = np.array([_text_hash(word) for word in values.words], np.uint64)
            found: _Bits = known_hashes[values.codes]
            return found
        if field in _TEXTS:
            known = self._texts
            for text in set(values) - known.keys():
                known[text] = _text_hash(text)
            return np.array(list(map(known.__getitem__, values)), np.uint64)
        if field in _INTEGERS or field == "simulated":
            return np.asarray(values, np.int64).view(np.uint64)
        floats = np.array(values, np.float64)  # an unknown value becomes NaN
        floats[np.isnan(floats)] = np.nan  # one NaN for all
        return (floats + 0.0).view(np.uint64)  # and one zero


def digests(
    chunks: Iterable[Columns],
    within: Mapping[Key, tuple[int, int]] | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> dict[Key, Digest]:
    """(origin, symbol) → count, span and hash of its ticks in `chunks`.

    `within`: only these, from and to a sequence (inclusive). `stopped` ends it early, at the next
    chunk.
    """
    found = Digests(within)
    for chunk in chunks:
        if stopped():
            break
        found.add(chunk)
    return found.result()


def _text(values: Any, row: int) -> str:
    return str(values.words[values.codes[row]] if isinstance(values, Texts) else values[row])


def _text_hash(text: str | None) -> int:
    if text is None:
        return 0
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


def _mix(bits: _Bits) -> _Bits:
    """SplitMix64's finaliser: each bit of the input changes half of the output's."""
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))
