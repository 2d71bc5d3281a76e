"""Exit codes, and the error of a command that failed.

All of `ticker.cli` imports this module, so it imports almost nothing.
"""

from __future__ import annotations

from typing import Final

from ticker.errors import TickerError

DONE: Final = 0
UNEXPECTED: Final = 1
WRONG_USAGE: Final = 2
WRONG_CONFIG: Final = 3
NO_DATA: Final = 4
RATE_LIMITED: Final = 5
NOT_REACHABLE: Final = 6
CANNOT_WRITE: Final = 7
HUNG_UP: Final = 129
INTERRUPTED: Final = 130


class Failed(TickerError):
    """The failure of a command. It has the complete message and the exit code."""

    def __init__(self, words: str, code: int) -> None:
        super().__init__(words)
        self.code = code
