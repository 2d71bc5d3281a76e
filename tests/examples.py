"""How many examples hypothesis tries: all with CI=1, a quarter (25 at most) in a plain run."""

from __future__ import annotations

import os

IS_PLAIN = not os.environ.get("CI")


def examples(count: int) -> int:
    """How many examples of `count` a test tries in this run."""
    return min(25, max(5, count // 4)) if IS_PLAIN else count
