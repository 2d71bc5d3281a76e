"""A poller turns quotes into ticks on a stream; anything may subscribe.

The public names are imported when they are first used: the command line must be able to catch
Ctrl-C before the rest is loaded.
"""

from importlib import import_module

TYPE_CHECKING = False  # type checkers know this name; importing typing would double the time
if TYPE_CHECKING:
    from ticker import frames
    from ticker.exchange.offline import exchange
    from ticker.processes import demo
    from ticker.records import Batch, Gap, Heartbeat, Quote, Tick
    from ticker.security import Security
    from ticker.sources import open_source
    from ticker.streams import Stream, open_log, open_stream

__version__ = "0.1.0"

__all__ = [
    "Batch",
    "Gap",
    "Heartbeat",
    "Quote",
    "Security",
    "Stream",
    "Tick",
    "__version__",
    "demo",
    "exchange",
    "frames",
    "open_log",
    "open_source",
    "open_stream",
]

_ROOMS = {
    "ticker.processes": ("demo",),
    "ticker.records": ("Batch", "Gap", "Heartbeat", "Quote", "Tick"),
    "ticker.security": ("Security",),
    "ticker.sources": ("open_source",),
    "ticker.streams": ("Stream", "open_log", "open_stream"),
}


if not TYPE_CHECKING:  # type checkers know only the names above

    def __getattr__(name: str) -> object:
        if name in ("exchange", "frames"):  # these are rooms
            return import_module(f"ticker.{name}")
        for room, names in _ROOMS.items():
            if name in names:
                return getattr(import_module(room), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
