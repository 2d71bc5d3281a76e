"""Counts and a hash per (origin, symbol), which show that two streams hold the same ticks.

The digest is a sum, modulo 2**64: each tick adds one 64-bit hash of all its fields. A sum does not
depend on the order, so chunks may come in any order. It finds lost, doubled and changed ticks. It
does not protect against deliberate forgery.

The hash of a tick joins the hashes of its fields: texts by BLAKE2b, numbers by their 64 bits as a
float or integer, mixed by SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number
Generators, 2014). An unknown value has a hash of its own. Pure. It works by column: only texts are
looked up tick by tick.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from hashlib import blake2b
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from ticker.records import MAX_NUMBER, TICK_FIELDS
from ticker.streams.arrays import INTEGERS, TEXTS, Texts, encode
from ticker.streams.sequence import Key

Columns = Mapping[str, Any]
"""Field name → values, as `Stream.arrays` or `Stream.columns` yields them."""

_NOTHING: Final = (1, 0)
"""An empty span, for a symbol that is not counted."""
_EMPTY: Final = (MAX_NUMBER, 0, 0, 0, MAX_NUMBER)
"""No tick: first and last sequence, count, sum of the hashes, first `received`."""
_BLOCK: Final = 32_768
"""Ticks hashed at once."""
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
    """Adds up chunks of columns.

    `within` limits what counts: (origin, symbol) → first and last sequence (inclusive).
    """

    def __init__(self, within: Mapping[Key, tuple[int, int]] | None = None) -> None:
        self._within = within
        self._found: dict[Key, tuple[int, int, int, int, int]] = {}

    def add(self, chunk: Columns) -> None:
        """Add the ticks of `chunk`."""
        if len(chunk["sequence"]) == 0:
            return
        columns = {field: _column(field, chunk[field]) for field in TICK_FIELDS}
        origins, symbols = columns["origin"], columns["symbol"]
        groups = origins.codes.astype(np.int64) * len(symbols.words) + symbols.codes
        size = len(origins.words) * len(symbols.words)
        keys = [(str(origin), str(symbol)) for origin in origins.words for symbol in symbols.words]
        sequences, received = columns["sequence"], columns["received"]
        hashes = _hashes(columns)
        if self._within is not None:
            spans = np.array([self._within.get(key, _NOTHING) for key in keys], np.int64)
            inside = (sequences >= spans[groups, 0]) & (sequences <= spans[groups, 1])
            hashes, groups = hashes[inside], groups[inside]
            sequences, received = sequences[inside], received[inside]
        total = np.zeros(size, np.uint64)
        np.add.at(total, groups, hashes)
        counts = np.bincount(groups, minlength=size)
        first = np.full(size, MAX_NUMBER)
        np.minimum.at(first, groups, sequences)
        last = np.zeros(size, np.int64)
        np.maximum.at(last, groups, sequences)
        since = np.full(size, MAX_NUMBER)
        np.minimum.at(since, groups, received)
        for n in np.flatnonzero(counts):
            old = self._found.get(keys[n], _EMPTY)
            self._found[keys[n]] = (
                min(old[0], int(first[n])),
                max(old[1], int(last[n])),
                old[2] + int(counts[n]),
                (old[3] + int(total[n])) % 2**64,
                min(old[4], int(since[n])),
            )

    def result(self) -> dict[Key, Digest]:
        """Return (origin, symbol) → its digest."""
        return {
            key: Digest(first, last, count, f"{total:016x}", received)
            for key, (first, last, count, total, received) in self._found.items()
        }


def digests(
    chunks: Iterable[Columns],
    within: Mapping[Key, tuple[int, int]] | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> dict[Key, Digest]:
    """Digest the ticks in `chunks`: (origin, symbol) → count, span and hash.

    `within` limits what counts: (origin, symbol) → first and last sequence (inclusive). Stops
    before the next chunk once `stopped()` is true.
    """
    found = Digests(within)
    for chunk in chunks:
        if stopped():
            break
        found.add(chunk)
    return found.result()


def _column(field: str, values: Any) -> Any:
    """Return texts as `Texts`, whole numbers as int64, the rest as float64."""
    if field in TEXTS:
        return values if isinstance(values, Texts) else encode(values)
    whole = field in INTEGERS or field == "simulated"
    return np.asarray(values, np.int64 if whole else np.float64)  # an unknown value becomes NaN


def _hashes(columns: Columns) -> _Bits:
    """Return one hash per tick."""
    rows = len(columns["sequence"])
    joined = np.empty(rows, np.uint64)
    # One block at a time, so that it stays in the processor's cache during all steps.
    for begin in range(0, rows, _BLOCK):
        block = np.zeros(min(_BLOCK, rows - begin), np.uint64)
        for n, field in enumerate(TICK_FIELDS, 1):
            block ^= _bits(columns[field], slice(begin, begin + _BLOCK), np.uint64(n))
            _mix(block)
        joined[begin : begin + _BLOCK] = block
    return joined


def _bits(values: Any, rows: slice, number: np.uint64) -> _Bits:
    """Return a hash per row; only one if the column has one text, or `rows` no known number."""
    if isinstance(values, Texts):
        words = np.array([_text_hash(word) for word in values.words], np.uint64)
        mixed = _mix(words + number)
        return mixed if len(mixed) == 1 else mixed[values.codes[rows]]
    some = values[rows]
    if some.dtype == np.float64:
        unknown = np.isnan(some)
        if unknown.all():
            some = some[:1]
        some = some + 0.0  # -0.0 becomes 0.0
        some[unknown[: len(some)]] = np.nan  # all NaNs become the same NaN
    bits: _Bits = some.view(np.uint64)
    return _mix(bits + number)


def _text_hash(text: str | None) -> int:
    if text is None:
        return 0
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


def _mix(bits: _Bits) -> _Bits:
    """Apply SplitMix64's finaliser in place: an input bit changes about half of the output bits."""
    bits ^= bits >> np.uint64(30)
    bits *= np.uint64(0xBF58476D1CE4E5B9)
    bits ^= bits >> np.uint64(27)
    bits *= np.uint64(0x94D049BB133111EB)
    bits ^= bits >> np.uint64(31)
    return bits
