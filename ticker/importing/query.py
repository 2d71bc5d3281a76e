"""The SQL that converts a file's text to the table `rows`, checks it and puts it in order.

`rows` holds every row that can be split into columns; bad rows have a reason. SQL text only:
nothing is executed here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from ticker.importing.layouts import Layout
from ticker.importing.times import TimeReading
from ticker.streams.recording.database import literal

NUMBERS: Final = ("price", "bid", "ask", "size", "volume")
ROWS: Final = """
CREATE TABLE rows (
    file INTEGER, time TIMESTAMPTZ, symbol VARCHAR, price DOUBLE, reason VARCHAR
);
CREATE TABLE rejected (file INTEGER, line BIGINT, reason VARCHAR)"""
"""`rows` is in the order of the files. `rejected` holds rows that cannot be split into columns.

Other columns are added to `rows` when a file has them, because each column takes time. In
`rows`, `reason` has two lines: why the row is bad, and its text.
"""
ODD_SYMBOLS: Final = """
SELECT count(*) FROM (SELECT DISTINCT symbol FROM rows)
WHERE symbol <> upper(symbol) OR length(symbol) > 64 OR NOT regexp_full_match(symbol, '[!-~]+')"""
"""Counts the symbols that `MEND_SYMBOLS` must change. This is faster than checking each row."""
MEND_SYMBOLS: Final = """
UPDATE rows SET symbol = upper(trim(symbol)) WHERE symbol <> upper(trim(symbol));
UPDATE rows SET reason = CASE WHEN symbol = '' THEN 'it has no symbol'
    ELSE 'its symbol has characters that no symbol has' END || chr(10) || 'symbol=' || symbol
WHERE reason IS NULL AND (length(symbol) > 64 OR NOT regexp_full_match(symbol, '[!-~]+'))"""

IS_IN_ORDER: Final = """
SELECT count(*) = 0 FROM (
    SELECT received, symbol, lag(received) OVER () AS received_before,
        lag(symbol) OVER () AS symbol_before
    FROM good
)
WHERE received < received_before OR (received = received_before AND symbol < symbol_before)"""
ORDERED: Final = "CREATE TABLE ordered AS SELECT * FROM good ORDER BY received, symbol, place"


def text_of(parts: Sequence[str]) -> str:
    """Return SQL for a column's trimmed text. Two columns are joined with a space."""
    texts = list(map(_raw, parts))
    # `trim` takes ten times as long as `contains`.
    trimmed = [
        f"CASE WHEN contains({text}, ' ') THEN trim({text}) ELSE {text} END" for text in texts
    ]
    return " || ' ' || ".join(trimmed)


def _raw(part: str) -> str:
    return 'CAST("' + part.replace('"', '""') + '" AS VARCHAR)'


class Taken(msgspec.Struct, frozen=True):
    """How one file is read."""

    number: int
    """The index of the file, from 0."""
    source: str
    """SQL that reads it, all columns as text."""
    layout: Layout
    columns: Mapping[str, Sequence[str]]
    """One of our names → the file's columns for it."""
    symbol: str | None
    """The symbol of all rows; `None`: a column has it."""
    decimal_comma: bool = False
    """Whether numbers are written like `2,5`. Then a number with a point is bad."""


def insertion(taken: Taken, readings: Mapping[str, TimeReading]) -> str:
    """Return the INSERT that converts the rows of one file and puts them into `rows`.

    Each step is a subquery that uses the columns of the step before it. The reason: DuckDB computes
    an expression twice if a `CASE` contains it twice.
    """
    layout, columns, symbol = taken.layout, taken.columns, taken.symbol
    # DuckDB numbers rows in one thread, so the numbers follow the file's order.
    numbered = ["row_number() OVER () AS n_"] if layout.carried else []
    numbers = [need for need in NUMBERS if need in columns]
    steps = [
        [*numbered, *(f"{text_of(columns[need])} AS {need}_text_" for need in readings)],
        *([step] for each in readings.values() for step in each.steps),
        [
            *(f"{reading.sql} AS {need}_" for need, reading in readings.items()),
            *(f"{_number_of(taken, need)} AS {need}_" for need in numbers),
            *(f"NULL AS {need}_" for need in ("received", *NUMBERS) if need not in columns),
            f"{text_of(columns['symbol']) if symbol is None else literal(symbol)} AS symbol_",
        ],
    ]
    source = f"FROM {taken.source}"
    for step in steps:
        source = f"FROM (SELECT *, {', '.join(step)} {source})"
    for replaced in (
        [f"CASE WHEN isfinite({need}_) THEN {need}_ END AS {need}_" for need in numbers],
        [f"coalesce(nullif(price_, 0), {_MIDDLE}) AS price_"],
    ):
        source = f"FROM (SELECT * REPLACE ({', '.join(replaced)}) {source})"
    told = " || ' | ' || ".join(
        f"{literal(need + '=')} || coalesce({text_of(parts)}, '')"
        for need, parts in columns.items()
    )
    added = {
        "received": "make_timestamptz(received_)",
        **{need: f"{need}_" for need in ("size", "volume")},
        **{side: f"CASE WHEN (bid_ <= ask_) IS NOT FALSE THEN nullif({side}_, 0) END"
           for side in ("bid", "ask")},
        "currency": f"nullif({text_of(columns.get('currency', ['']))}, '')",
    }  # fmt: skip
    listed = "".join(f", {sql} AS {need}" for need, sql in added.items() if need in columns)
    return f"""
        INSERT INTO rows BY NAME
        SELECT {taken.number} AS file, make_timestamptz(time_) AS time, symbol_ AS symbol,
            price_ AS price{listed},
            CASE WHEN reason_ IS NOT NULL THEN reason_ || chr(10) || {told} END AS reason
        FROM (SELECT *,
            {_reason(readings, carried=layout.carried)} AS reason_
        {source})"""


def _reason(readings: Mapping[str, TimeReading], *, carried: bool) -> str:
    """Return SQL for the reason why a row is bad; NULL for a good one."""
    received_problem = readings["received"].problem if "received" in readings else "NULL"
    crossed = "its bid is above its ask" + (
        " (an empty side is that of the row before)" if carried else ""
    )
    return f"""CASE
                WHEN time_ IS NULL
                    THEN coalesce({readings["time"].problem}, 'its time cannot be read')
                WHEN time_ < 0 OR time_ > 4102444800000000
                    THEN 'its time is before 1970 or after 2100'
                WHEN symbol_ IS NULL OR symbol_ = '' THEN 'it has no symbol'
                WHEN received_ IS NULL AND {received_problem} IS NOT NULL
                    THEN {received_problem}
                WHEN price_ IS NULL AND ask_ <> 0 AND bid_ > ask_ THEN '{crossed}'
                WHEN price_ IS NULL AND size_ < 0
                    THEN 'its price is absent, zero or not a number, and its size is negative'
                WHEN price_ IS NULL THEN 'its price is absent, zero or not a number'
                WHEN size_ < 0 OR volume_ < 0 THEN 'its size is negative'
            END"""


def _number_of(taken: Taken, need: str) -> str:
    """Return SQL for a column of numbers. A text that is no number gives NULL."""
    text = " || ' ' || ".join(map(_raw, taken.columns[need]))  # a cast skips spaces itself
    if taken.decimal_comma:
        text = f"CASE WHEN NOT contains({text}, '.') THEN replace({text}, ',', '.') END"
    value = f"TRY_CAST({text} AS DOUBLE)"
    if taken.layout.scaled and need == "price":
        value = f"CASE WHEN contains({text}, '.') THEN {value} ELSE {value} / 1e9 END"
    if taken.layout.carried and need in ("bid", "ask"):
        value = f"last_value({value} IGNORE NULLS) OVER (ORDER BY n_)"
    return value


_MIDDLE: Final = """
    CASE WHEN bid_ <> 0 AND ask_ <> 0 AND bid_ <= ask_ THEN CAST(
        (CAST(bid_ AS DECIMAL(28, 10)) + CAST(ask_ AS DECIMAL(28, 10))) * 0.5 AS DOUBLE) END"""
# In decimals, because floats can miss that the middle of 1.3066 and 1.30677 is 1.306685.
