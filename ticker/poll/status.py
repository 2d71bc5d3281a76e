"""A poller's status after each change, and its report at the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from ticker.health.states import WriterState
from ticker.poll.schedule import PollSchedule


class PollStatus(msgspec.Struct, frozen=True, omit_defaults=True):
    """The status of a poller. Counts are since its start; times are µs, UTC."""

    state: WriterState
    writer: str = ""
    """The poller's id in its heartbeats and gaps."""
    source: str = ""
    symbols: int = 0
    """How many symbols are polled now."""
    polls: int = 0
    """Polls so far."""
    answered: int = 0
    """Symbols with a usable price in the last answer."""
    ticks: int = 0
    """Ticks written: durable in the log."""
    gone: int = 0
    """How many of `ticks` are in logs that were deleted or replaced since."""
    quotes: int = 0
    gaps: int = 0
    refused: Mapping[str, str] = {}
    """Symbol → why the last answer had no usable price for it."""
    interval: int = 0
    """The interval (µs)."""
    note: str | None = None
    """Why the interval is not the wished one, as in `you asked for 1s; Yahoo's limit`."""
    problem: str | None = None
    """What is wrong with the source (without its name) or the stream; absent if nothing is."""
    retry_at: int | None = None
    """When a source that limits us or has failed is polled again."""
    last_good: int | None = None
    """When the last answer with a usable price came, perhaps before the start."""


class Written(msgspec.Struct, frozen=True):
    """What one answer added to the log."""

    ticks: int
    quotes: int
    gaps: int
    refused: Mapping[str, str]


class StatusKeeper:
    """Keeps a poller's status, and calls `on_status` after each change."""

    def __init__(
        self,
        first: PollStatus,
        schedule: PollSchedule,
        on_status: Callable[[PollStatus], object] | None,
    ) -> None:
        self.now = first
        """The status that `on_status` was last given."""
        self._schedule = schedule
        self._on_status = on_status

    def say(self, **news: Any) -> None:
        """Change the status."""
        schedule = self._schedule
        _, note = schedule.interval()
        status = msgspec.structs.replace(
            self.now, symbols=schedule.symbols, interval=schedule.every, note=note, **news
        )
        if status != self.now:
            self.now = status
            if self._on_status is not None:
                self._on_status(status)

    def count(self, written: Written, **news: Any) -> None:
        """Change the status, and add what was written to its counts."""
        self.say(
            ticks=self.now.ticks + written.ticks,
            quotes=self.now.quotes + written.quotes,
            gaps=self.now.gaps + written.gaps,
            **news,
        )


class PollReport(msgspec.Struct, frozen=True):
    """What a poller did, from its start to its end."""

    status: PollStatus
    """Its last status, with the counts."""
    why: str
    """What ended the run: `stopped`, `duration` or `count`."""
    answers: int = 0
    """How many polls brought a usable price."""
    trouble: WriterState | None = None
    """The state after the last poll, if that poll brought no price."""
    problem: str | None = None
    """What was wrong with the source (without its name) or the stream after the last poll."""
    is_log_gone: bool = False
    """Whether the log was deleted or replaced before the last heartbeat could be written."""
