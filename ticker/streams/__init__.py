"""Streams: ordered logs of ticks and gaps, read by any number, written by pollers and relays."""

from ticker.streams.open import open_log, open_stream
from ticker.streams.protocol import Log, Retained, Stream, Tape

__all__ = ["Log", "Retained", "Stream", "Tape", "open_log", "open_stream"]
