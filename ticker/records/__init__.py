"""The records that travel, what streams return, and what a record may hold."""

from ticker.records.batch import Batch, Hold, Position
from ticker.records.bounds import MAX_BYTES, MAX_NAME, MAX_NUMBER, MAX_TIME, check_symbol
from ticker.records.gap_reasons import GapReason
from ticker.records.kinds import READER, TICK_FIELDS, Gap, Heartbeat, Quote, Record, Tick
from ticker.records.shown import Bar, Found, MinuteBars

__all__ = [
    "MAX_BYTES",
    "MAX_NAME",
    "MAX_NUMBER",
    "MAX_TIME",
    "READER",
    "TICK_FIELDS",
    "Bar",
    "Batch",
    "Found",
    "Gap",
    "GapReason",
    "Heartbeat",
    "Hold",
    "MinuteBars",
    "Position",
    "Quote",
    "Record",
    "Tick",
    "check_symbol",
]
