"""How much a test tries: everything with CI=1, otherwise a part that finds plain mistakes."""

from __future__ import annotations

import os
from typing import TypeVar

T = TypeVar("T")

IS_PLAIN = not os.environ.get("CI")


def examples(count: int) -> int:
    """Return how many of `count` examples to try: in a plain run a twelfth, but 3 to 8."""
    return min(8, max(3, count // 12)) if IS_PLAIN else count


def some(*values: T, plain: int = 1) -> tuple[T, ...]:
    """Return those of `values` that a test tries: in a plain run, the first `plain`."""
    return values[:plain] if IS_PLAIN else values
