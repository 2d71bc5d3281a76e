"""The loops that play a tape at its recorded pace: on a board, or into another log."""

from ticker.play.loop import LogPlayer
from ticker.play.player import Player
from ticker.play.reel import NothingToPlay, Reel, Span, load, session_start
from ticker.play.schedule import MAX, Schedule, parse_speed
from ticker.play.temporary import tape_of

__all__ = [
    "MAX",
    "LogPlayer",
    "NothingToPlay",
    "Player",
    "Reel",
    "Schedule",
    "Span",
    "load",
    "parse_speed",
    "session_start",
    "tape_of",
]
