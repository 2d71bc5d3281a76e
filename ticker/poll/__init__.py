"""The loop from a source to a log."""

from ticker.poll.clock import Clock
from ticker.poll.loop import Poll
from ticker.poll.questions import QuestionAnswerer
from ticker.poll.status import PollReport, PollStatus

__all__ = ["Clock", "Poll", "PollReport", "PollStatus", "QuestionAnswerer"]
