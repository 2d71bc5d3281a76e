from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticker.errors import UsageError
from ticker.records import MAX_TIME
from ticker.times import clock, format_duration, iso, parse_duration, parse_when, span_text
from ticker.units import DAY, HOUR, MILLISECOND, MINUTE, SECOND

NOW = 1_795_447_805_120_000  # 2026-11-23T15:30:05.12Z
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("words", "micros"),
    [
        ("500ms", 500 * MILLISECOND),
        ("5s", 5 * SECOND),
        ("5", 5 * SECOND),
        ("0.5", SECOND // 2),
        ("2m", 2 * MINUTE),
        ("1h30m", 90 * MINUTE),
        ("1.5h", 90 * MINUTE),
        (" 7D ", 7 * DAY),
    ],
)
def test_durations_are_read_as_people_write_them(words: str, micros: int) -> None:
    assert parse_duration(words) == micros


@pytest.mark.parametrize("words", ["", "0", "0s", "-5s", "5 parsecs", "s", "1h-5m", "nan", "9e9d"])
def test_other_texts_are_not_durations(words: str) -> None:
    with pytest.raises(UsageError, match="not a duration"):
        parse_duration(words)


@pytest.mark.parametrize(
    ("micros", "words"),
    [
        (250 * MILLISECOND, "250ms"),
        (999_400, "999ms"),
        (999_600, "1s"),
        (1_500 * MILLISECOND, "1.5s"),
        (9_940 * MILLISECOND, "9.9s"),
        (9_960 * MILLISECOND, "10s"),
        (15 * SECOND, "15s"),
        (59_999 * MILLISECOND, "1m"),
        (90 * MINUTE, "1h 30m"),
        (3 * DAY + 4 * HOUR + 5 * MINUTE, "3d 4h"),
        (DAY + 5 * SECOND, "1d"),
    ],
)
def test_durations_are_shown_in_their_two_largest_units(micros: int, words: str) -> None:
    assert format_duration(micros) == words


@given(st.integers(min_value=1, max_value=1000 * DAY))
def test_a_shown_duration_reads_back_within_its_precision(micros: int) -> None:
    if micros >= MILLISECOND:
        assert abs(parse_duration(format_duration(micros)) - micros) <= max(micros // 10, SECOND)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("start", "start"),
        ("now", "end"),
        ("-10m", NOW - 10 * MINUTE),
        ("2026-11-23T15:30:05.120Z", NOW),
        ("2026-11-23T16:30:05.120+01:00", NOW),
        ("2026-11-23T16:30:05.120", NOW),
        ("16:30", NOW - 5_120 * MILLISECOND),
        ("16:30:05", NOW - 120 * MILLISECOND),
        ("9:30", NOW - 5_120 * MILLISECOND - 7 * HOUR),
        ("9:30:15", NOW - 5_120 * MILLISECOND - 7 * HOUR + 15 * SECOND),
        ("9:30:15.5", NOW - 5_120 * MILLISECOND - 7 * HOUR + 15_500 * MILLISECOND),
        ("16:30:5", NOW - 120 * MILLISECOND),
        ("8:30Z", NOW - 5_120 * MILLISECOND - 7 * HOUR),
        ("2026-11-3", "2026-11-03"),
        ("2026-1-3 9:30", "2026-01-03T09:30"),
        ("2026-1-3T9:30:5+01:00", "2026-01-03T09:30:05"),
    ],
)
def test_moments_are_read_as_people_write_them(words: str, expected: int | str) -> None:
    if isinstance(expected, str) and expected[0].isdigit():  # as ISO 8601 has it
        expected = round(
            datetime.fromisoformat(expected).replace(tzinfo=BERLIN).timestamp() * SECOND
        )
    assert parse_when(words, now=NOW, zone=BERLIN) == expected


@pytest.mark.parametrize(
    "words",
    [
        "",
        "soon",
        "25:00",
        "9:61",
        "9:3",
        "T9:30",
        "2026-11-319:30",
        "2026-13-01",
        "-x",
        "1969-12-31",
    ],
)
def test_other_texts_are_not_moments(words: str) -> None:
    with pytest.raises(UsageError):
        parse_when(words, now=NOW, zone=BERLIN)


@given(st.integers(min_value=0, max_value=MAX_TIME - DAY))
def test_iso_keeps_every_microsecond(micros: int) -> None:
    assert parse_when(iso(micros), now=0, zone=UTC) == micros


def test_a_span_on_one_day_names_the_day_once() -> None:
    end = NOW + MINUTE
    assert span_text(NOW, end, BERLIN, now=NOW) == "16:30:05 to 16:31:05"
    assert span_text(NOW, end, BERLIN, now=NOW + DAY) == "2026-11-23 16:30:05 to 16:31:05"
    assert span_text(NOW, NOW + DAY, BERLIN, now=NOW) == "16:30:05 to 2026-11-24 16:30:05"
    assert span_text(NOW, NOW + 1, BERLIN, now=NOW) == "16:30:05"


def test_a_clock_shows_the_date_only_of_another_day() -> None:
    assert clock(NOW, BERLIN, now=NOW) == "16:30:05"
    assert clock(NOW, BERLIN, now=NOW + DAY) == "2026-11-23 16:30:05"


def test_a_time_without_a_zone_is_local() -> None:
    local = datetime.fromtimestamp(NOW / SECOND).astimezone()
    assert clock(NOW, None) == local.strftime("%H:%M:%S")
    assert parse_when(local.replace(tzinfo=None).isoformat(), now=NOW, zone=None) == NOW
