"""A cache folder for yfinance where the user has no home directory.

yfinance asks for the user's cache folder when it is imported, and fails where there is none. It
writes nothing there: `ticker.sources.fetching` prevents it. Import this module first.
"""

import os
from pathlib import Path

try:
    Path.home()
except (RuntimeError, KeyError):
    os.environ.setdefault("XDG_CACHE_HOME", os.devnull)
