"""The last line about a poller: how many ticks it kept, and the command that replays them."""

from __future__ import annotations

import asyncio
import shlex
from contextlib import suppress
from typing import Final

from ticker.cli.settings import Settings, stream_path
from ticker.errors import StreamError
from ticker.figures import count_text
from ticker.health.sentences import why_none
from ticker.health.states import WriterState
from ticker.processes.child import News
from ticker.streams import StreamChoice, open_stream
from ticker.system_clock import now
from ticker.times import to_datetime
from ticker.units import MINUTE

_COUNTING: Final = 2.0
"""The time limit for finding out whether older ticks were kept in the same minute (s)."""


class Kept:
    """Collects what child processes report: ticks over all runs of the poller, the last error."""

    def __init__(self) -> None:
        self.error = ""
        self.undelivered = ""
        """The poller's message about ticks that it could not send before its end."""
        self.moved: int | None = None
        """How often the demo's market moved; `None` until the exchange reports it."""
        self._status: News = {}
        self._before = self._gone_before = 0
        self._now = self._gone_now = 0

    @property
    def ticks(self) -> int:
        """Return how many ticks the poller kept since the start."""
        return self._before + self._now

    @property
    def gone(self) -> int:
        """Return how many of `ticks` were in log files that have been removed."""
        return self._gone_before + self._gone_now

    @property
    def why_none(self) -> str:
        """Say in a few words why no tick was kept. Empty if nothing is wrong."""
        if not self._status:
            return "the poller had not started yet"
        state, source, problem = map(self._status.get, ("state", "source", "problem"))
        return why_none(str(state or ""), str(source or ""), str(problem or ""))

    def take(self, news: News) -> None:
        """Take in one report of a child."""
        match news.get("say"):
            case "status":
                ticks = int(news.get("ticks", 0))
                if ticks < self._now:  # a new process counts from 0
                    self._before += self._now
                    self._gone_before += self._gone_now
                self._now, self._gone_now = ticks, int(news.get("gone", 0))
                if news.get("state") != WriterState.STOPPED:
                    self._status = news
            case "market":
                self.moved = int(news.get("moved", 0))
            case "undelivered":
                self.undelivered = str(news.get("text", ""))
            case "error":
                self.error = str(news.get("text", ""))


def kept_words(
    ticks: int, gone: int, url: str = "", *, why_none: str = "", temporary: bool = False
) -> str:
    """Say how many ticks a poller kept in `url`, and how many of them are gone with removed files.

    `why_none` is added if there are none. A `temporary` log is deleted, so it kept nothing.
    """
    if temporary:
        return f"{count_text(ticks, 'tick')} seen, none kept: this demo's log was temporary"
    words = f"{count_text(ticks, 'tick')} kept"
    if url:
        words += f" in {url}"
    if ticks == 0 and why_none:
        words += f": {why_none}"
    if gone == 0:
        return words
    share = "" if gone == ticks else f"{gone:,} of them "
    return f"{words}, {share}in a file that was removed"


async def way_back(choice: StreamChoice, began: int, at: int | None = None) -> str:
    """Return the command that replays the ticks kept in `choice` since `began`, for a last line.

    Empty if the log is temporary. `--since` has no seconds if the log surely has no older tick of
    that minute. It has a date if `began` and `at` are on different days. Both are µs, UTC;
    `at=None` is now.
    """
    if choice.temporary:
        return ""
    zone = Settings().zone(None)  # the command reads its time in this zone
    moment = to_datetime(began, zone)
    by_minute = await _is_first(choice, began - began % MINUTE, began)
    time = moment.strftime("%H:%M" if by_minute else "%H:%M:%S")
    if moment.date() != to_datetime(now() if at is None else at, zone).date():
        time = f"{moment.date().isoformat()}T{time}"
    named = "" if choice.default else f" {shlex.quote(choice.word)}"
    return f" · ticker replay{named} --since {time}"


async def _is_first(choice: StreamChoice, minute: int, began: int) -> bool:
    """Tell whether no tick was kept from `minute` to `began`. False if that is unknown."""
    if stream_path(choice) is None:
        return False
    with suppress(StreamError, TimeoutError):
        async with asyncio.timeout(_COUNTING), open_stream(choice) as stream:
            counts = [await stream.count(await stream.find(time)) for time in (minute, began)]
            return counts[0] == counts[1]
    return False
