"""A poller turns quotes into ticks on a stream; anything may subscribe."""

from ticker.processes import demo
from ticker.records import Gap, Heartbeat, Quote, Tick
from ticker.security import Security
from ticker.sources import open_source
from ticker.streams import open_log, open_stream

__version__ = "0.1.0"

__all__ = [
    "Gap",
    "Heartbeat",
    "Quote",
    "Security",
    "Tick",
    "__version__",
    "demo",
    "open_log",
    "open_source",
    "open_stream",
]
