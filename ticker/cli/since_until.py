"""Reads `--since` and `--until` for a stream."""

from __future__ import annotations

import asyncio

from ticker.errors import UsageError
from ticker.streams import StreamChoice
from ticker.streams.present_time import present
from ticker.system_clock import now
from ticker.times import Moment, Zone, parse_when


def span_of(
    choice: StreamChoice,
    since: str | None,
    until: str | None,
    zone: Zone,
    *,
    is_replay: bool = False,
) -> tuple[Moment | None, int | None]:
    """Return `since` and `until` as moments; `None` if not given. `until` is exclusive (µs, UTC).

    `--until now` means the present in a log, and no limit in a recording or a replay.

    A time without a date means today; in a recording or a replay, the day of the last tick. Raises
    `UsageError` for a bad time, or an end before the beginning. Raises `StreamError` if a recording
    cannot be read. It starts an event loop, so none may be running.
    """
    if since is None and until is None:
        return None, None
    at = asyncio.run(present(choice, is_replay=is_replay))
    begin, end = (
        None if word is None else parse_when(word, now=at, zone=zone) for word in (since, until)
    )
    if end == "start":
        raise UsageError("--until start leaves nothing")
    if end == "end":
        end = now() if choice.address.backend.is_writable and not is_replay else None
    if isinstance(begin, int) and end is not None and end < begin:
        raise UsageError(f"--until {until} is before --since {since}")
    return begin, end
