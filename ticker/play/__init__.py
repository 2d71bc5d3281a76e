"""The loops that play a tape at its recorded pace: on a board, or into another log."""

from ticker.play.log_player import LogPlayer
from ticker.play.player import Player
from ticker.play.reel import NothingToPlay, Reel, Span, load, session_start
from ticker.play.schedule import parse_speed
from ticker.play.tape_of import tape_of

__all__ = [
    "LogPlayer",
    "NothingToPlay",
    "Player",
    "Reel",
    "Span",
    "load",
    "parse_speed",
    "session_start",
    "tape_of",
]
