"""Finds out how to read a column of times: ISO 8601, a format, or a number of unknown unit.

The size of a file's first number decides the unit. A row in another unit is a bad row. What cannot
be known (a missing zone, a date that could be day or month first) is an error, and not guessed. A
row is bad if its local time does not exist in its zone, or exists twice. SQL text only.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from ticker.errors import UsageError
from ticker.streams.recording.database import literal
from ticker.units import DAY, MILLISECOND, SECOND

_NUMBER: Final = re.compile(r"[+-]?\d+(\.\d*)?")
_OFFSET: Final = re.compile(r"(Z|z|[+-]\d{2}(:?\d{2})?| UTC)$")
_ISO: Final = re.compile(r"\d{4}-\d{1,2}-\d{1,2}([T ]\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?)?")
_AMBIGUOUS: Final = re.compile(r"\d{1,2}[./-]\d{1,2}[./-]\d{2,4}.*")
_PARTED: Final = re.compile(
    r"\d+(?P<a>\D)\d+(?P<b>\D)(?P<year>\d+)(?P<gap>\D*)(?P<clock>\d+:\d+(?P<seconds>:\d+)?)?"
    r"((?P<point>[.,])(?P<fraction>\d+))?(?P<rest>.*)"
)

_COMPACT: Final = re.compile(
    r"(199\d|20\d\d|2100)(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])"
    r"(?P<minute>([01]\d|2[0-3])[0-5]\d(?P<second>[0-5]\d)?)?"
)
"""Dates without separators from 1990 to 2100: 20240102, 202401020930, 20240102093000."""

UNITS: Final = (
    ("s", 10**11, f"* {SECOND}", f"* {SECOND}"),
    ("ms", 10**14, f"* {MILLISECOND}", f"* {MILLISECOND}"),
    ("µs", 10**17, "", ""),
    ("ns", 2**63, "// 1000", "* 0.001"),
)
"""Unit, the limit (exclusive) of numbers in this unit, and two pieces of SQL: what follows a whole
number to make whole µs, and what follows a decimal number to make µs.
"""
_FIXED: Final = re.compile(r"UTC|GMT|Etc/.+")
"""Zones whose clocks never change."""


class TimeReading(msgspec.Struct, frozen=True):
    """How to read a column of times."""

    sql: str
    """An expression that gives whole microseconds, or NULL. It may use the columns of `steps`."""
    words: str = ""
    """What to tell the user about the unit of numbers; empty for other times."""
    cuts_nanoseconds: bool = False
    steps: tuple[str, ...] = ()
    """Columns to add in this order (`expression AS name`). Each may use those before it."""
    problem: str = "NULL"
    """An expression for the reason why `sql` is NULL; NULL if the text is no time at all."""


def reading(
    samples: Sequence[str], form: str | None, zone: str | None, file: str, need: str
) -> TimeReading:
    """Find how to read the column `{need}_text_`, with times like `samples`.

    Raises `UsageError` rather than guess. `form` is a format of `strptime`; `zone` is the zone of
    times without one. The names of added columns begin with `need`.
    """
    column = f"{need}_text_"
    if form is not None:
        return _by_format(form, zone, column, file, need)
    samples = [sample.strip() for sample in samples if sample.strip()]
    if not samples:
        return TimeReading("NULL")
    # The form of most samples counts. Rows of another form are bad.
    numbers = [sample for sample in samples if _NUMBER.fullmatch(sample)]
    if 2 * len(numbers) >= len(samples):
        _refuse_date(numbers[0], file)
        return _by_number(numbers, column, need)
    dates = [sample for sample in samples if _ISO.match(sample)]
    if 2 * len(dates) < len(samples):
        sample = samples[0]
        if _AMBIGUOUS.fullmatch(sample):
            raise UsageError(
                f"{file}: a time like {sample!r} may be day or month first. "
                f"Say which: --time-format '{_like(sample, '%d', '%m')}' "
                f"or '{_like(sample, '%m', '%d')}'"
            )
        raise UsageError(
            f"{file}: {sample!r:.60} is not a time that can be read. "
            "Name its column with --column time=NAME, its format with --time-format"
        )
    return _by_iso(dates, zone, column, file, need)


def _like(sample: str, first: str, second: str) -> str:
    """Return the format of an ambiguous `sample`, with its own separators."""
    found = _PARTED.fullmatch(sample)
    assert found is not None  # noqa: S101 - it matches what `_AMBIGUOUS` matches
    year = "%Y" if len(found["year"]) == 4 else "%y"  # noqa: PLR2004 - 2024, not 24
    form = f"{first}{found['a']}{second}{found['b']}{year}{found['gap']}"
    if found["clock"]:
        form += "%H:%M:%S" if found["seconds"] else "%H:%M"
    if found["fraction"]:
        form += found["point"] + {3: "%g", 9: "%n"}.get(len(found["fraction"]), "%f")
    return form + ("…" if found["rest"] else "")


def _by_iso(
    samples: Sequence[str], zone: str | None, column: str, file: str, need: str
) -> TimeReading:
    # Skip the date, because its `-02` looks like an offset. `Z` comes first because it is quick.
    has_offset = (
        f"(ends_with({column}, 'Z') OR "
        f"regexp_matches({column}[11:], '(z|[+-][0-9]{{2}}(:?[0-9]{{2}})?| UTC)$'))"
    )
    exact = f"epoch_us(TRY_CAST({column} AS TIMESTAMPTZ))"
    bare = [sample for sample in samples if not _OFFSET.search(sample[10:])]
    nanoseconds = any(re.search(r"[.,]\d{7,}", sample) for sample in samples)
    if zone is None and not bare:
        # A row without an offset is then a bad row: its zone is unknown.
        return TimeReading(f"CASE WHEN {has_offset} THEN {exact} END", cuts_nanoseconds=nanoseconds)
    if zone is None:
        raise UsageError(
            f"{file}: times like {bare[0]!r} have no zone. "
            "Give it: --zone UTC (or --zone Europe/Berlin)"
        )
    local = _by_zone(f"TRY_CAST({column} AS TIMESTAMP)", zone, need, cuts_nanoseconds=nanoseconds)
    return msgspec.structs.replace(
        local,
        sql=f"CASE WHEN {has_offset} THEN {exact} ELSE {local.sql} END",
        problem=f"CASE WHEN NOT {has_offset} THEN {local.problem} END",
    )


def _by_format(form: str, zone: str | None, column: str, file: str, need: str) -> TimeReading:
    parsed = f"try_strptime({column}, {literal(form)})"
    tells_zone, nanoseconds = "%z" in form or "%Z" in form, "%n" in form
    if nanoseconds:
        # Converted through a whole number, because a cast to µs would round.
        parsed = f"make_timestamp(epoch_ns(CAST({parsed} AS TIMESTAMP_NS)) // 1000)"
    if tells_zone:
        return TimeReading(f"epoch_us({parsed})", cuts_nanoseconds=nanoseconds)
    if zone is None:
        raise UsageError(
            f"{file}: its times have no zone. Give it: --zone UTC (or --zone Europe/Berlin)"
        )
    return _by_zone(parsed, zone, need, cuts_nanoseconds=nanoseconds)


def _by_zone(local: str, zone: str, need: str, *, cuts_nanoseconds: bool = False) -> TimeReading:
    """Return how to read local times of `zone`, given as the expression `local`.

    A time that does not exist, or exists twice, gives NULL.
    """
    at = f"timezone({literal(zone)}, {local})"
    if _FIXED.fullmatch(zone):
        return TimeReading(f"epoch_us({at})", cuts_nanoseconds=cuts_nanoseconds)

    def local_of(moment: str) -> str:
        return f"epoch_us(timezone({literal(zone)}, make_timestamptz({moment})))"

    told, near = f"{need}_local_", f"{need}_near_"
    before, after = f"{need}_before_", f"{need}_after_"
    # The offsets a day before and after differ only around a change of the clock. Around it, both
    # are tried.
    steps = (
        f"epoch_us({local}) AS {told}, epoch_us({at}) AS {near}",
        f"{told} - ({local_of(f'{near} - {DAY}')} - {near} + {DAY}) AS {before}",
        f"{told} - ({local_of(f'{near} + {DAY}')} - {near} - {DAY}) AS {after}",
    )
    by_first, by_second = f"{local_of(before)} = {told}", f"{local_of(after)} = {told}"
    sql = (
        f"CASE WHEN {before} = {after} THEN {before} "
        f"WHEN {by_first} THEN CASE WHEN NOT {by_second} THEN {before} END "
        f"WHEN {by_second} THEN {after} END"
    )
    problem = (
        f"CASE WHEN {told} IS NULL THEN NULL WHEN {by_first} THEN "
        f"{literal(f'its time exists twice in {zone}')} "
        f"ELSE {literal(f'its time does not exist in {zone}')} END"
    )
    return TimeReading(sql, cuts_nanoseconds=cuts_nanoseconds, steps=steps, problem=problem)


def _refuse_date(sample: str, file: str) -> None:
    """Raise `UsageError` for a date that would be a time in the 1970s if read as a number."""
    if found := _COMPACT.fullmatch(sample):
        clock = "%H%M%S" if found["second"] else "%H%M" if found["minute"] else ""
        raise UsageError(
            f"{file}: a time like {sample!r} looks like a date, not like a number of seconds. "
            f"Give its format: --time-format '%Y%m%d{clock}'"
        )


def _by_number(samples: Sequence[str], column: str, need: str) -> TimeReading:
    first = abs(float(samples[0]))
    place = next((n for n, each in enumerate(UNITS) if first < each[1]), len(UNITS) - 1)
    unit, below, of_whole, of_exact = UNITS[place]
    low = UNITS[place - 1][1] if place else 0
    whole, exact = f"{need}_whole_", f"{need}_exact_"
    # DuckDB also reads 1.7E+09, but the spreadsheet that wrote it dropped digits.
    rounded = f"contains({column}, 'e') OR contains({column}, 'E')"
    whole_sql = f"NOT (contains({column}, '.') OR {rounded}) THEN TRY_CAST({column} AS BIGINT)"
    # Only if it is no whole number, because decimals take five times as long.
    exact_sql = f"{whole} IS NULL AND NOT ({rounded}) THEN TRY_CAST({column} AS DECIMAL(28, 9))"
    sql = (
        f"CASE WHEN {whole} >= {low} AND {whole} < {below} THEN {whole} {of_whole} "
        f"WHEN {exact} >= {low} AND {exact} < {below} "
        f"THEN CAST(floor({exact} {of_exact}) AS BIGINT) END"
    )
    words = literal(f"its time is not in {unit}, unlike that of the first row")
    return TimeReading(
        sql,
        f"times in {unit}",
        cuts_nanoseconds=unit == "ns",
        steps=(f"CASE WHEN {whole_sql} END AS {whole}", f"CASE WHEN {exact_sql} END AS {exact}"),
        problem=f"CASE WHEN {whole} >= 0 OR {exact} >= 0 THEN {words} END",
    )
