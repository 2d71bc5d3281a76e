"""Streams: ordered logs of ticks and gaps, read by any number, written by pollers and relays."""

from ticker.streams.choice import (
    StreamChoice,
    choose_stream,
    configured_stream,
    demo_stream,
)
from ticker.streams.open import numbering, open_log, open_stream, retained
from ticker.streams.protocol import Log, NumberingLog, Numeric, Retained, Stream, Tape

__all__ = [
    "Log",
    "NumberingLog",
    "Numeric",
    "Retained",
    "Stream",
    "StreamChoice",
    "Tape",
    "choose_stream",
    "configured_stream",
    "demo_stream",
    "numbering",
    "open_log",
    "open_stream",
    "retained",
]
