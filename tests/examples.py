"""How many examples hypothesis tries: all of them with CI=1, a quarter in a plain run."""

from __future__ import annotations

import os

IS_PLAIN = not os.environ.get("CI")


def examples(count: int) -> int:
    """How many examples of `count` a test tries in this run."""
    return max(5, count // 4) if IS_PLAIN else count
