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

_MOVES: Final = """
CREATE TABLE ordered AS
SELECT * EXCLUDE (volume), {volume} AS volume
FROM rows WHERE reason IS NULL ORDER BY symbol, received, file, line;
CREATE TABLE moves AS
SELECT * EXCLUDE (moved, is_first),
    CAST(running - max(CASE WHEN is_first THEN running - 1 END) OVER rising AS BIGINT) AS sequence
FROM (
    SELECT *, sum(CAST(moved AS INTEGER)) OVER rising AS running
    FROM (
        SELECT * EXCLUDE (reason, told),
            lag(symbol) OVER () IS DISTINCT FROM symbol AS is_first,
            CASE WHEN lag(symbol) OVER () = symbol THEN lag(price) OVER () END AS previous_price,
            previous_price IS DISTINCT FROM price AS moved
        FROM ordered
    )
    WINDOW rising AS (ROWS UNBOUNDED PRECEDING)
)
WHERE moved
WINDOW rising AS (ROWS UNBOUNDED PRECEDING)
"""
# One sort, then windows over all rows in its order, which DuckDB keeps as long as no window by
# symbol stands beside them.
DECIMALS: Final = """
SELECT symbol, greatest(2, least(8, max(length(split_part(CAST(price AS VARCHAR), '.', 2)))))
FROM moves GROUP BY symbol"""
"""The decimals with which a symbol's prices are written, from 2 to 8: screens show as many."""
_TRADED: Final = """coalesce(volume, CAST(sum(TRY_CAST(size AS DECIMAL(28, 10))) OVER (
    PARTITION BY symbol, time // 86400000000 ORDER BY received, file, line
    ROWS UNBOUNDED PRECEDING) AS DOUBLE))"""


def moves(*, has_sizes: bool) -> str:
    """The statement that makes `moves`; a volume of a day is added up where there are sizes."""
    return _MOVES.format(volume=_TRADED if has_sizes else "volume")


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
            value = f"last_value({value} IGNORE NULLS) OVER (ORDER BY n_)"
        return f"CASE WHEN isfinite({value}) THEN {value} END"

    name = (
        literal(symbol or "") if "symbol" not in columns else f"upper({text_of(columns['symbol'])})"
    )
    price = number_of("price") if "price" in columns else "NULL"
    time = readings["time"].sql
    received = readings["received"].sql if "received" in readings else "NULL"
    currency = text_of(columns["currency"]) if "currency" in columns else "NULL"
    told = " || ' | ' || ".join(
        f"{literal(need + '=')} || coalesce({text_of(parts)}, '')"
        for need, parts in columns.items()
    )
    return f"""
        SELECT {taken.number}, n_ + {taken.first}, time_, coalesce(received_, time_), symbol_,
            coalesce(nullif(price_, 0), {_MIDDLE}), {_SIDE.format("bid_")},
            {_SIDE.format("ask_")}, size_, volume_, nullif(currency_, ''), reason_,
            CASE WHEN reason_ IS NOT NULL THEN {told} END
        FROM (SELECT *,
            CASE
                WHEN time_ IS NULL THEN 'its time cannot be read'
                WHEN time_ < 0 OR time_ > 4102444800000000
                    THEN 'its time is before 1970 or after 2100'
                WHEN symbol_ IS NULL OR symbol_ = '' THEN 'it has no symbol'
                WHEN length(symbol_) > 64 OR NOT regexp_full_match(symbol_, '[!-~]+')
                    THEN 'its symbol has characters that no symbol has'
                WHEN coalesce(nullif(price_, 0), {_MIDDLE}) IS NULL
                    THEN 'its price is absent, zero or no number'
                WHEN size_ < 0 OR volume_ < 0 THEN 'its size is negative'
            END AS reason_
        FROM (
            SELECT *, {time} AS time_, {received} AS received_, {name} AS symbol_,
                {price} AS price_, {number_of("bid")} AS bid_, {number_of("ask")} AS ask_,
                {number_of("size")} AS size_, {number_of("volume")} AS volume_,
                {currency} AS currency_
            FROM (SELECT *, row_number() OVER () - 1 AS n_ FROM {taken.source})
        ))"""


_MIDDLE: Final = """
    CASE WHEN bid_ <> 0 AND ask_ <> 0 THEN CAST(
        (CAST(bid_ AS DECIMAL(28, 10)) + CAST(ask_ AS DECIMAL(28, 10))) * 0.5 AS DOUBLE) END"""
# In decimals: the middle of 1.3066 and 1.30677 is 1.306685, and no float beside it.
_SIDE: Final = "CASE WHEN (bid_ <= ask_) IS NOT FALSE THEN nullif({}, 0) END"
