"""The loop that plays what a stream holds: into another log, at the pace at which it came."""

from ticker.play.beginning import Beginning, NothingToPlay, Span, begin, session_start
from ticker.play.loop import Player
from ticker.play.schedule import MAX, Schedule, parse_speed

__all__ = [
    "MAX",
    "Beginning",
    "NothingToPlay",
    "Player",
    "Schedule",
    "Span",
    "begin",
    "parse_speed",
    "session_start",
]
