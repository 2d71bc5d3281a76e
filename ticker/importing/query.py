"""The SQL that splits a file's text, and makes ticks of its rows.

`rows` holds every row of every file, bad ones with a reason. `MOVES` selects those in which the
price moved. SQL text only: nothing is executed here.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from ticker.importing.layouts import Layout
from ticker.importing.times import TimeReading
from ticker.streams.recording.database import literal
from ticker.units import DAY

ROWS: Final = """
CREATE TABLE rows (
    file INTEGER, line BIGINT, time BIGINT, received BIGINT, symbol VARCHAR, price DOUBLE,
    bid DOUBLE, ask DOUBLE, size DOUBLE, volume DOUBLE, currency VARCHAR,
    reason VARCHAR, told VARCHAR
)"""
"""Rows in the order of their files.

`line` is known only for rows that could not be split into columns.
"""
BAD_SYMBOLS: Final = """
UPDATE rows SET reason = 'its symbol has characters that no symbol has', told = 'symbol=' || symbol
WHERE reason IS NULL AND symbol IN (
    SELECT symbol FROM (SELECT DISTINCT symbol FROM rows WHERE symbol IS NOT NULL)
    WHERE length(symbol) > 64 OR NOT regexp_full_match(symbol, '[!-~]+'))"""
"""Separate, because checking each different symbol is faster than checking each row."""

ORDERED: Final = """
CREATE TABLE ordered AS
SELECT * EXCLUDE (file, line, reason, told) FROM rows WHERE reason IS NULL
ORDER BY symbol, received, rowid"""
MOVES: Final = f"""
SELECT * EXCLUDE (volume, moved), coalesce(volume, traded_today) AS volume
FROM (
    SELECT *,
        running - max(CASE WHEN is_first THEN running - 1 END) OVER rising AS sequence,
        CASE WHEN told > max(CASE WHEN is_new_day THEN told_before END) OVER rising THEN CAST(
            traded - max(CASE WHEN is_new_day THEN traded_before END) OVER rising AS DOUBLE) END
        AS traded_today
    FROM (
        SELECT *,
            traded - coalesce(amount, 0) AS traded_before,
            told - CAST(amount IS NOT NULL AS INTEGER) AS told_before,
            lag(day) OVER () IS DISTINCT FROM day AS is_new_day
        FROM (
            SELECT *,
                max(symbols * 1000000 + time // {DAY}) OVER rising AS day,
                coalesce(sum(amount) OVER rising, 0) AS traded,
                count(amount) OVER rising AS told
            FROM (
                SELECT *,
                    sum(CAST(moved AS INTEGER)) OVER rising AS running,
                    sum(CAST(is_first AS INTEGER)) OVER rising AS symbols
                FROM (
                    SELECT *,
                        TRY_CAST(size AS DECIMAL(28, 10)) AS amount,
                        lag(symbol) OVER () IS DISTINCT FROM symbol AS is_first,
                        CASE WHEN NOT is_first THEN lag(price) OVER () END AS previous_price,
                        previous_price IS DISTINCT FROM price AS moved
                    FROM ordered
                )
                WINDOW rising AS (ROWS UNBOUNDED PRECEDING)
            )
            WINDOW rising AS (ROWS UNBOUNDED PRECEDING)
        )
    )
    WINDOW rising AS (ROWS UNBOUNDED PRECEDING)
)
WHERE moved"""
# One sort, then windows over all rows in its order, which DuckDB keeps as long as there is no
# window by symbol: these are the fast ones. So a count by symbol or day is a running total, less
# its value where the symbol or the day began.
DECIMALS: Final = """
SELECT symbol, greatest(2, least(8, max(length(split_part(CAST(price AS VARCHAR), '.', 2)))))
FROM (SELECT DISTINCT symbol, price FROM sorted) GROUP BY symbol"""
"""The decimals with which a symbol's prices are written, from 2 to 8: screens show as many."""


def text_of(parts: Sequence[str]) -> str:
    """Return a column's text; for two columns, with a space between."""
    quoted = ['"' + part.replace('"', '""') + '"' for part in parts]
    return " || ' ' || ".join(f"trim(CAST({part} AS VARCHAR))" for part in quoted)


class Taken(msgspec.Struct, frozen=True):
    """How one file is read."""

    number: int
    """The index of the file, from 0."""
    source: str
    """SQL that reads it, all columns as text."""
    layout: Layout
    columns: Mapping[str, Sequence[str]]
    """What we need → the file's columns for it."""
    symbol: str | None
    """The symbol of all rows, if no column has it."""
    decimal_comma: bool = False
    """Whether numbers are written like `2,5`. Then one with a point is bad."""


def rows_of(taken: Taken, readings: Mapping[str, TimeReading]) -> str:
    """Return the SELECT that converts the rows of one file to the columns of `rows`."""
    layout, columns, symbol = taken.layout, taken.columns, taken.symbol
    number_of = functools.partial(_number_of, taken)
    name = (
        literal(symbol or "") if "symbol" not in columns else f"upper({text_of(columns['symbol'])})"
    )
    price = number_of("price") if "price" in columns else "NULL"
    time = readings["time"].sql
    received = readings["received"].sql if "received" in readings else "NULL"
    received_problem = readings["received"].problem if "received" in readings else "NULL"
    currency = text_of(columns["currency"]) if "currency" in columns else "NULL"
    told = " || ' | ' || ".join(
        f"{literal(need + '=')} || coalesce({text_of(parts)}, '')"
        for need, parts in columns.items()
    )
    numbered = (
        ", row_number() OVER () AS n_" if layout.carried else ""
    )  # in one thread, or the numbers would not follow the file's order
    source = f"SELECT *{numbered} FROM {taken.source}"
    for step in [step for each in readings.values() for step in each.steps]:
        source = f"SELECT *, {step} FROM ({source})"
    crossed = "its bid is above its ask" + (
        " (an empty side is that of the row before)" if layout.carried else ""
    )
    return f"""
        SELECT {taken.number}, NULL, time_, coalesce(received_, time_), symbol_,
            coalesce(nullif(price_, 0), {_MIDDLE}), {_SIDE.format("bid_")},
            {_SIDE.format("ask_")}, size_, volume_, nullif(currency_, ''), reason_,
            CASE WHEN reason_ IS NOT NULL THEN {told} END
        FROM (SELECT *,
            CASE
                WHEN time_ IS NULL
                    THEN coalesce({readings["time"].problem}, 'its time cannot be read')
                WHEN time_ < 0 OR time_ > 4102444800000000
                    THEN 'its time is before 1970 or after 2100'
                WHEN symbol_ IS NULL OR symbol_ = '' THEN 'it has no symbol'
                WHEN received_ IS NULL AND {received_problem} IS NOT NULL
                    THEN {received_problem}
                WHEN coalesce(price_, 0) = 0 AND ask_ <> 0 AND bid_ > ask_ THEN '{crossed}'
                WHEN coalesce(nullif(price_, 0), {_MIDDLE}) IS NULL AND size_ < 0
                    THEN 'its price is absent, zero or no number, and its size is negative'
                WHEN coalesce(nullif(price_, 0), {_MIDDLE}) IS NULL
                    THEN 'its price is absent, zero or no number'
                WHEN size_ < 0 OR volume_ < 0 THEN 'its size is negative'
            END AS reason_
        FROM (
            SELECT *, {time} AS time_, {received} AS received_, {name} AS symbol_,
                {price} AS price_, {number_of("bid")} AS bid_, {number_of("ask")} AS ask_,
                {number_of("size")} AS size_, {number_of("volume")} AS volume_,
                {currency} AS currency_
            FROM ({source})
        ))"""


def _number_of(taken: Taken, need: str) -> str:
    """Return SQL for a column of numbers: finite or NULL."""
    if need not in taken.columns:
        return "NULL"
    text = text_of(taken.columns[need])
    if taken.decimal_comma:
        text = f"CASE WHEN NOT contains({text}, '.') THEN replace({text}, ',', '.') END"
    value = f"TRY_CAST(nullif({text}, '(empty)') AS DOUBLE)"
    if taken.layout.scaled and need == "price":
        value = f"CASE WHEN contains({text}, '.') THEN {value} ELSE {value} / 1e9 END"
    if taken.layout.carried and need in ("bid", "ask"):
        value = f"last_value({value} IGNORE NULLS) OVER (ORDER BY n_)"
    return f"CASE WHEN isfinite({value}) THEN {value} END"


_MIDDLE: Final = """
    CASE WHEN bid_ <> 0 AND ask_ <> 0 AND bid_ <= ask_ THEN CAST(
        (CAST(bid_ AS DECIMAL(28, 10)) + CAST(ask_ AS DECIMAL(28, 10))) * 0.5 AS DOUBLE) END"""
# In decimals: the middle of 1.3066 and 1.30677 is exactly 1.306685, which floats can miss.
_SIDE: Final = "CASE WHEN (bid_ <= ask_) IS NOT FALSE THEN nullif({}, 0) END"
