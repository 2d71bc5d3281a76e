"""The health of writers and streams: their states, who is alive, and the sentences about them."""

from ticker.health.states import Health, StreamState, WriterState

__all__ = ["Health", "StreamState", "WriterState"]
