"""A random walk that has a level for any time, in any order. It depends only on its key. Pure."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final

_MINUTE: Final = 60
_YEAR: Final = 365 * 86_400
_OCTAVES: Final = 11


def level(key: int, time: int) -> float:
    """Return the walk's level at `time` (seconds), in units of a year's volatility."""
    total, scale = 0.0, _MINUTE
    for octave in range(_OCTAVES):
        at, rest = divmod(time, scale)
        part = rest / scale
        part = part * part * (3 - 2 * part)
        here, there = (noise(key + octave * 7_919, at + each) for each in (0, 1))
        total += math.sqrt(scale / _YEAR) * (here + (there - here) * part - 0.5)
        scale *= 4
    return total


@lru_cache(maxsize=100_000)
def noise(key: int, number: int) -> float:
    """Return a number in [0, 1) that depends only on the arguments."""
    mixed = (key * 0x9E3779B97F4A7C15 + number * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
    mixed = ((mixed ^ (mixed >> 30)) * 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
    return ((mixed ^ (mixed >> 31)) >> 11) / 2**53
