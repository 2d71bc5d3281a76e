"""The health of writers and streams: their states, who is alive, and the sentences about them."""

from ticker.health.states import StreamState, WriterState
from ticker.health.stream import Health

__all__ = ["Health", "StreamState", "WriterState"]
