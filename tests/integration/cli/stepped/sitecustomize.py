"""Sets the wall clock of a process wrong, by as many seconds as the file STEPPED_CLOCK says.

The file may change while the process runs: then its clock is stepped. Clocks that never go back are
left alone. Python imports this file by its name where PYTHONPATH leads to it.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

_file = Path(os.environ["STEPPED_CLOCK"])
_true = time.time_ns


def _stepped_ns() -> int:
    return _true() + int(_file.read_text(encoding="utf-8")) * 1_000_000_000


time.time_ns = _stepped_ns
time.time = lambda: _stepped_ns() / 1e9
