"""A stream as pandas frames, for notebooks and scripts: `ticker.frames.read("demo")`.

Frames are long: one row for each tick. The index is the event's time (`time`, UTC). `symbol` is a
column, and so are the other fields of the JSON events. Every backend gives the same dtypes: prices,
`volume` and `size` float64, `sequence` int64, texts `str`, `simulated` bool, times
`datetime64[us, UTC]`. An unknown value is missing (NaN, NaT), never zero. All functions are
synchronous. They also work where an event loop is running already, as in a notebook.
"""

from ticker.frames.reading import When, follow, gaps, quotes, read
from ticker.frames.resampling import bars

__all__ = ["When", "bars", "follow", "gaps", "quotes", "read"]
