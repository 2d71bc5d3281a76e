"""Repeated texts as numbers: each text once, and for each row the number of its text."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import count
from typing import NamedTuple

import numpy as np


class Texts(NamedTuple):
    """A column of texts; row `n` holds `words[codes[n]]`."""

    codes: np.ndarray
    words: Sequence[str | None]
    """The different texts. `None` is an unknown text."""


def encode(texts: Iterable[str | None]) -> Texts:
    """Find the different texts, in the order of their first row."""
    words: defaultdict[str | None, int] = defaultdict(count().__next__)
    codes = np.fromiter(map(words.__getitem__, texts), dtype=np.int32)
    return Texts(codes, list(words))


def join(pieces: Iterable[Texts]) -> Texts:
    """Put columns one after another."""
    words: defaultdict[str | None, int] = defaultdict(count().__next__)
    codes = [
        np.array([words[word] for word in piece.words], dtype=np.int32)[piece.codes]
        for piece in pieces
    ]
    return Texts(np.concatenate(codes) if codes else np.array((), dtype=np.int32), list(words))
