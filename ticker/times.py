"""Times and durations as text, and back, in whole microseconds.

Durations are written `500ms`, `5s`, `5` (seconds), `2m`, `1h30m`, `7d`. Moments are written
`start`, `now`, in ISO 8601 (without a zone: local), as a time of today (`09:30`), or as a time
before now (`-10m`).

Nothing here reads a clock: the present and the time zone are passed in.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final, Literal

from ticker.errors import UsageError
from ticker.records import MAX_TIME
from ticker.units import DAY, HOUR, MILLISECOND, MINUTE, SECOND

_UNITS: Final = {"ms": MILLISECOND, "s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY}
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_WRITTEN: Final = re.compile(
    r"(?:(\d{4})-(\d{1,2})-(\d{1,2}))?(?:(?:^|(?<=\d)[T ])(\d{1,2}):(\d{2})(?::(\d{1,2}))?(\D.*)?)?"
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

Zone = tzinfo | None
"""The zone of times that are shown or read; `None`: this machine's, with its summer time."""

Moment = int | Literal["start", "end"]
"""µs since the epoch (UTC), or an end of a stream."""
_ENDS: Final[dict[str, Moment]] = {"start": "start", "now": "end"}


def parse_duration(text: str) -> int:
    """Parse `500ms`, `5s`, `5`, `2m`, `1h30m`, `1.5h` to µs, above 0. Raises `UsageError`."""
    word = text.strip().lower().replace(" ", "")
    if re.fullmatch(r"\d+(\.\d+)?", word):
        word += "s"
    parts = _PART.findall(word)
    if not parts or "".join(number + unit for number, unit in parts) != word:
        raise UsageError(f"{text!r} is not a duration: write 500ms, 5s, 2m or 1h30m")
    total = round(sum(float(number) * _UNITS[unit] for number, unit in parts))
    if not 0 < total <= MAX_TIME:
        raise UsageError(
            f"{text!r} is not a duration: it must be more than 0 and less than 8000 years"
        )
    return total


def format_duration(duration: int) -> str:
    """Write µs in the largest two units: `500ms`, `15s`, `2m`, `1h 30m`, `3d 4h`."""
    if duration < SECOND - MILLISECOND / 2:  # more would round to 1000ms
        return f"{duration / MILLISECOND:.0f}ms"
    if duration < 10 * SECOND - 50 * MILLISECOND:  # more would round to 10s
        return f"{round(duration / SECOND, 1):g}s"
    rest = round(duration / SECOND) * SECOND
    words = []
    for unit in ("d", "h", "m", "s"):
        count, rest = divmod(rest, _UNITS[unit])
        if count:
            words.append(f"{count}{unit}")
        elif words:
            break
    return " ".join(words[:2])


def parse_when(text: str, *, now: int, zone: Zone) -> Moment:
    """Parse a moment. Returns µs since the epoch, `"start"`, or `"end"` for the word `now`.

    `now` is µs since the epoch; `zone` is that of times written without one. Raises `UsageError`.
    """
    word = text.strip()
    if word in _ENDS:
        return _ENDS[word]
    if word.startswith("-") and word[1:2].isdigit():
        return max(0, now - parse_duration(word[1:]))
    try:
        moment = datetime.fromisoformat(_in_full(word, now, zone))
        if moment.tzinfo is None:
            # Without a zone, astimezone() treats a naive time as this machine's.
            moment = moment.replace(tzinfo=zone) if zone else moment.astimezone()
        micros = (moment - _EPOCH) // timedelta(microseconds=1)
    except (ValueError, OverflowError):
        raise UsageError(
            f"{text!r} is not a time: write start, now, 09:30, -10m or 2026-11-23T09:30"
        ) from None
    if micros < 0:
        raise UsageError(f"{text!r} lies before 1970")
    return micros


def _in_full(word: str, now: int, zone: Zone) -> str:
    """Complete `9:30:15`, `2026-11-3 9:30`, … to ISO 8601. The default date is today's."""
    written = _WRITTEN.fullmatch(word)
    if written is None or not word:
        return word
    year, month, day, hour, minute, second, rest = written.groups()
    today = to_datetime(now, zone).date().isoformat()
    date = f"{year}-{month:0>2}-{day:0>2}" if year else today
    if hour is None:
        return date
    return f"{date}T{hour:0>2}:{minute}:{second or '00':0>2}{rest or ''}"


def known_zone(name: str) -> tzinfo:
    """Return the time zone of that name. Raises `UsageError`."""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # most users name none: 5 ms to load

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UsageError(f"{name!r} is not a time zone: write one like Europe/Berlin") from None


def to_datetime(time: int, zone: Zone) -> datetime:
    """Convert µs since the epoch to an aware datetime in `zone`, exact to the microsecond."""
    return (_EPOCH + timedelta(microseconds=time)).astimezone(zone)


def iso(time: int) -> str:
    """Write µs since the epoch in ISO 8601 with six decimals and `Z`."""
    return to_datetime(time, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def clock(time: int, zone: Zone, *, now: int | None = None) -> str:
    """Write µs since the epoch as `14:02:31`, with the date in front if that is not `now`'s."""
    moment = to_datetime(time, zone)
    if now is not None and to_datetime(now, zone).date() != moment.date():
        return moment.strftime("%Y-%m-%d %H:%M:%S")
    return moment.strftime("%H:%M:%S")


def span_text(first: int, last: int, zone: Zone, *, now: int) -> str:
    """Write a span as `14:02:31 to 15:00:00`, with dates where they are not clear.

    The first time has its date if it is not that of `now`; the last, if it is not that of the
    first. Two times of the same second are written once.
    """
    begin = clock(first, zone, now=now)
    is_moment = clock(last, zone, now=first) == clock(first, zone, now=first)
    return begin if is_moment else f"{begin} to {clock(last, zone, now=first)}"
