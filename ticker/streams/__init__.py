"""Streams: ordered logs of ticks and gaps. Any number of readers; pollers and relays write them."""

from ticker.streams.narrowing import as_served, as_tape, retained
from ticker.streams.open import canonical_log_url, canonical_url, open_log, open_stream
from ticker.streams.protocol import Log, NumberingLog, Retained, Stream
from ticker.streams.stream_choice import (
    StreamChoice,
    choose_stream,
    configured_stream,
    demo_stream,
    is_path,
    refuse_other_path,
)
from ticker.streams.tape import Tape

__all__ = [
    "Log",
    "NumberingLog",
    "Retained",
    "Stream",
    "StreamChoice",
    "Tape",
    "as_served",
    "as_tape",
    "canonical_log_url",
    "canonical_url",
    "choose_stream",
    "configured_stream",
    "demo_stream",
    "is_path",
    "open_log",
    "open_stream",
    "refuse_other_path",
    "retained",
]
