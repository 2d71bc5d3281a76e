"""The number of examples of hypothesis: all with CI=1, an eighth (12 at most) in a plain run."""

from __future__ import annotations

import os

IS_PLAIN = not os.environ.get("CI")


def examples(count: int) -> int:
    """Return how many of `count` examples a test tries in this run."""
    return min(12, max(4, count // 8)) if IS_PLAIN else count
