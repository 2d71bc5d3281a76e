"""The SQL that takes a file's text apart, and makes ticks of its rows.

`rows` holds every row of every file, bad ones with a reason. `moves` holds those in which the
price moved.
SQL text only: nothing is executed here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from ticker.importing.layouts import Layout
from ticker.importing.times import TimeReading
from ticker.streams.recording.database import literal

ROWS: Final = """
CREATE TABLE rows (
    file INTEGER, line BIGINT, time BIGINT, received BIGINT, symbol VARCHAR, price DOUBLE,
    bid DOUBLE, ask DOUBLE, size DOUBLE, volume DOUBLE, currency VARCHAR,
    reason VARCHAR, told VARCHAR
)"""

MOVES: Final = """
CREATE TABLE moves AS
SELECT *, row_number() OVER (PARTITION BY symbol ORDER BY received, file, line) AS sequence
FROM (
    SELECT * EXCLUDE (reason, told, volume),
        lag(price) OVER by_symbol AS previous_price,
        coalesce(volume, CAST(sum(TRY_CAST(size AS DECIMAL(28, 10))) OVER (
            PARTITION BY symbol, time // 86400000000 ORDER BY received, file, line
            ROWS UNBOUNDED PRECEDING) AS DOUBLE)) AS volume
    FROM rows WHERE reason IS NULL
    WINDOW by_symbol AS (PARTITION BY symbol ORDER BY received, file, line)
)
WHERE previous_price IS NULL OR previous_price <> price
"""


def text_of(parts: Sequence[str]) -> str:
    """A column's text; of two columns, with a space between."""
    quoted = ['"' + part.replace('"', '""') + '"' for part in parts]
    return " || ' ' || ".join(f"trim(CAST({part} AS VARCHAR))" for part in quoted)


class Taken(msgspec.Struct, frozen=True):
    """How one file is taken apart."""

    number: int
    """Of the file, from 0."""
    source: str
    """SQL that reads it, all columns as text."""
    layout: Layout
    columns: Mapping[str, Sequence[str]]
    """What we need → the file's columns for it."""
    first: int
    """The line of its first row, from 1."""
    symbol: str | None
    """Of all rows, where no column tells it."""


def rows_of(taken: Taken, readings: Mapping[str, TimeReading]) -> str:
    """The SELECT that gives the rows of one file in the shape of `rows`."""
    layout, columns, symbol = taken.layout, taken.columns, taken.symbol

    def number_of(need: str) -> str:
        if need not in columns:
            return "NULL"
        text = text_of(columns[need])
        value = f"TRY_CAST(nullif({text}, '(empty)') AS DOUBLE)"
        if layout.scaled and need == "price":
            value = f"CASE WHEN contains({text}, '.') THEN {value} ELSE {value} / 1e9 END"
        if layout.carried and need in ("bid", "ask"):
            value = f"last_value({value} IGNORE NULLS) OVER (ORDER BY n)"
        return f"CASE WHEN isfinite({value}) THEN {value} END"

    name = (
        literal(symbol or "") if "symbol" not in columns else f"upper({text_of(columns['symbol'])})"
    )
    price = number_of("price") if "price" in columns else "NULL"
    time = readings["time"].sql
    received = readings["received"].sql if "received" in readings else "NULL"
    currency = text_of(columns["currency"]) if "currency" in columns else "NULL"
    told = " || ',' || ".join(f"coalesce({text_of(parts)}, '')" for parts in columns.values())
    return f"""
        SELECT {taken.number}, n + {taken.first}, time, coalesce(received, time), symbol,
            coalesce(nullif(price, 0), {_MIDDLE}), {_SIDE.format("bid")}, {_SIDE.format("ask")},
            size, volume, nullif(currency, ''),
            CASE
                WHEN time IS NULL THEN 'its time cannot be read'
                WHEN time < 0 OR time > 4102444800000000
                    THEN 'its time is before 1970 or after 2100'
                WHEN symbol IS NULL OR symbol = '' THEN 'it has no symbol'
                WHEN length(symbol) > 64 OR NOT regexp_full_match(symbol, '[!-~]+')
                    THEN 'its symbol has characters that no symbol has'
                WHEN coalesce(nullif(price, 0), {_MIDDLE}) IS NULL
                    THEN 'its price is absent, zero or no number'
                WHEN size < 0 OR volume < 0 THEN 'its size is negative'
            END,
            told
        FROM (
            SELECT n, {time} AS time, {received} AS received, {name} AS symbol, {price} AS price,
                {number_of("bid")} AS bid, {number_of("ask")} AS ask, {number_of("size")} AS size,
                {number_of("volume")} AS volume, {currency} AS currency, {told} AS told
            FROM (SELECT *, row_number() OVER () - 1 AS n FROM {taken.source})
        )"""


_MIDDLE: Final = """
    CASE WHEN bid <> 0 AND ask <> 0
    THEN CAST((CAST(bid AS DECIMAL(28, 10)) + CAST(ask AS DECIMAL(28, 10))) * 0.5 AS DOUBLE) END"""
# In decimals: the middle of 1.3066 and 1.30677 is 1.306685, and no float beside it.
_SIDE: Final = "CASE WHEN bid <= ask OR bid IS NULL OR ask IS NULL THEN nullif({}, 0) END"
