"""The loop from a source to a log."""

from ticker.poll.answers import Answers
from ticker.poll.clock import Clock, SystemClock
from ticker.poll.loop import Poll
from ticker.poll.status import PollReport, PollStatus

__all__ = ["Answers", "Clock", "Poll", "PollReport", "PollStatus", "SystemClock"]
