"""How a column of times is read: as ISO 8601, by a format, or as a number whose unit is guessed.

A unit is guessed once per file, by magnitude; a row in another unit is a bad row. What cannot be
known (a zone that nobody told, a date that could be day or month first) is refused, never guessed.
SQL text only.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from ticker.errors import UsageError
from ticker.units import MILLISECOND, SECOND

_NUMBER: Final = re.compile(r"[+-]?\d+(\.\d*)?")
_OFFSET: Final = re.compile(r"(Z|z|[+-]\d{2}(:?\d{2})?| UTC)$")
_ISO: Final = re.compile(r"\d{4}-\d{1,2}-\d{1,2}([T ]\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?)?")
_AMBIGUOUS: Final = re.compile(r"\d{1,2}[./-]\d{1,2}[./-]\d{2,4}.*")

UNITS: Final = (("s", 10**11, SECOND), ("ms", 10**14, MILLISECOND), ("µs", 10**17, 1))
"""A unit, the magnitude below which a number is in it, and its length (µs). Beyond: ns."""
_NANO: Final = 1_000


class TimeReading(msgspec.Struct, frozen=True):
    """How to read a column of times."""

    sql: str
    """An expression that gives whole microseconds, or NULL."""
    words: str = ""
    """What to tell the user: the unit, or what is cut."""
    cuts_nanoseconds: bool = False


def reading(
    samples: Sequence[str], form: str | None, zone: str | None, *, column: str, file: str
) -> TimeReading:
    """How to read `column`, with times like `samples`. Raises `UsageError` rather than guess.

    `form` is a format of `strptime`; `zone` is the zone of times that name none.
    """
    if form is not None:
        return _by_format(form, zone, column, file)
    samples = [sample.strip() for sample in samples if sample.strip()]
    if not samples:
        return TimeReading("NULL")
    # What most rows are; the others are bad rows.
    numbers = [sample for sample in samples if _NUMBER.fullmatch(sample)]
    if 2 * len(numbers) >= len(samples):
        return _by_number(numbers, column)
    dates = [sample for sample in samples if _ISO.match(sample)]
    if 2 * len(dates) < len(samples):
        sample = samples[0]
        if _AMBIGUOUS.fullmatch(sample):
            raise UsageError(
                f"{file}: a time like {sample!r} may be day or month first. "
                "Say which: --time-format '%d.%m.%Y %H:%M:%S' (or '%m/%d/%Y …')"
            )
        raise UsageError(
            f"{file}: {sample!r:.60} is no time that can be read. "
            "Name its column with --column time=NAME, its format with --time-format"
        )
    return _by_iso(dates, zone, column, file)


def _by_iso(samples: Sequence[str], zone: str | None, column: str, file: str) -> TimeReading:
    cut = f"regexp_replace({column}, '([.,][0-9]{{6}})[0-9]+', '\\1')"
    told = {bool(_OFFSET.search(sample[10:])) for sample in samples}
    nanoseconds = any(re.search(r"[.,]\d{7,}", sample) for sample in samples)
    if told == {True}:
        # A row without an offset among them is a bad row: its zone is not told.
        sql = (
            f"CASE WHEN regexp_matches({column}, '(Z|z|[+-][0-9]{{2}}(:?[0-9]{{2}})?| UTC)$') "
            f"THEN epoch_us(TRY_CAST({cut} AS TIMESTAMPTZ)) END"
        )
        return TimeReading(sql, cuts_nanoseconds=nanoseconds)
    if zone is None:
        raise UsageError(
            f"{file}: times like {samples[0]!r} do not tell their zone. "
            "Say it: --zone UTC (or --zone Europe/Berlin)"
        )
    if told == {True, False}:
        raise UsageError(f"{file}: some times tell their zone and some do not")
    return TimeReading(
        f"epoch_us(timezone({_quoted(zone)}, TRY_CAST({cut} AS TIMESTAMP)))",
        cuts_nanoseconds=nanoseconds,
    )


def _by_format(form: str, zone: str | None, column: str, file: str) -> TimeReading:
    parsed = f"try_strptime({column}, {_quoted(form)})"
    if "%z" in form or "%Z" in form:
        return TimeReading(f"epoch_us({parsed})")
    if zone is None:
        raise UsageError(
            f"{file}: its times do not tell their zone. "
            "Say it: --zone UTC (or --zone Europe/Berlin)"
        )
    return TimeReading(f"epoch_us(timezone({_quoted(zone)}, {parsed}))")


def _by_number(samples: Sequence[str], column: str) -> TimeReading:
    first = abs(float(samples[0]))
    whole, exact = f"TRY_CAST({column} AS BIGINT)", f"TRY_CAST({column} AS DECIMAL(28, 9))"
    low = 0
    for unit, below, length in UNITS:
        if first < below:
            # Whole numbers as such, because decimals take five times as long.
            sql = (
                f"CASE WHEN NOT contains({column}, '.') THEN "
                f"CASE WHEN {whole} >= {low} AND {whole} < {below} THEN {whole} * {length} END "
                f"WHEN {exact} >= {low} AND {exact} < {below} "
                f"THEN CAST(floor({exact} * {length}) AS BIGINT) END"
            )
            return TimeReading(sql, f"times in {unit}")
        low = below
    sql = f"CASE WHEN {exact} >= {low} THEN CAST(floor({exact}) AS BIGINT) // {_NANO} END"
    return TimeReading(sql, "times in ns", cuts_nanoseconds=True)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
