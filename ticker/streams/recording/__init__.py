"""Recordings: Parquet files that are tapes. `RecordingStream` reads one, `Recorder` writes one."""

from ticker.streams.recording.layout import Manifest, PlacedFacts
from ticker.streams.recording.stream import RecordingStream
from ticker.streams.recording.writing import Recorder, record, remove_left_over

__all__ = [
    "Manifest",
    "PlacedFacts",
    "Recorder",
    "RecordingStream",
    "record",
    "remove_left_over",
]
