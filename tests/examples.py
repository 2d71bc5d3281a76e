"""How much a test tries: everything with CI=1, and a part that shows a plain mistake otherwise."""

from __future__ import annotations

import os
from typing import TypeVar

T = TypeVar("T")

IS_PLAIN = not os.environ.get("CI")


def examples(count: int) -> int:
    """How many of `count` examples hypothesis tries: a twelfth in a plain run, at most 8."""
    return min(8, max(3, count // 12)) if IS_PLAIN else count


def some(*values: T, plain: int = 1) -> tuple[T, ...]:
    """Which of `values` a test tries: in a plain run, the first ones."""
    return values[:plain] if IS_PLAIN else values
