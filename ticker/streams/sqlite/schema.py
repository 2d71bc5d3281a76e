"""The tables of a log file, and their version.

Promised to other programs: `ticks`, `gaps`, `quotes` and `heartbeats` have exactly the fields of
the JSON events as columns (times in µs since the epoch, UTC; `simulated` 0 or 1; `symbols` and
`refused` as JSON text; unknown is NULL), after a `position` of our own. All four share one counter
(`log.position`), so one number is a reader's position in all of them. A quote or heartbeat that
replaces another gets a new position. `log`, `sequences`, `appends` and `holds` are ours and may
change with the version.

`user_version` is the version. A file of any other version is refused. This module knows SQL, but
neither records nor paths.
"""

from __future__ import annotations

from typing import Final

import apsw

APPLICATION_ID: Final = 0x7469636B
"""`tick` in ASCII. This program and `file` recognise a log by it."""

VERSION: Final = 1

PAGE_SIZE: Final = 4096

_TRADE: Final = """
    previous_price REAL, day_change REAL, day_change_percent REAL, volume ANY,
    bid REAL, ask REAL, currency TEXT, session TEXT, size ANY, simulated INTEGER NOT NULL"""
# `volume` and `size` are ANY: JSON distinguishes 5 from 5.0, and REAL would not. There is no UNIQUE
# over the identity of a tick: its index costs 60 % of the write speed, so writers check `sequences`
# in their transaction. `position` needs no AUTOINCREMENT either: `log.position` only ever grows, so
# no position is given out twice.

TABLES: Final = f"""
CREATE TABLE log(
    id INTEGER PRIMARY KEY CHECK (id = 1),
    origin TEXT NOT NULL,              -- of the ticks first numbered here
    position INTEGER NOT NULL,         -- the last one given out
    appended INTEGER NOT NULL,         -- when that was (µs)
    ticks INTEGER NOT NULL,            -- rows in ticks: count(*) would read them all
    received INTEGER NOT NULL,         -- the latest `received` of anything appended so far
    simulated INTEGER,                 -- NULL until the first price
    pruned INTEGER NOT NULL,           -- position of the last tick that retention deleted
    pruned_gaps INTEGER NOT NULL       -- the same of gaps
) STRICT;
CREATE TABLE sequences(
    origin TEXT NOT NULL,
    symbol TEXT NOT NULL,
    sequence INTEGER NOT NULL,         -- of the last tick appended
    pruned_sequence INTEGER NOT NULL,  -- of the last tick that retention deleted
    pruned_position INTEGER NOT NULL,
    PRIMARY KEY (origin, symbol)
) STRICT, WITHOUT ROWID;
CREATE TABLE appends(                  -- at most one row a second, or per some thousand ticks
    position INTEGER PRIMARY KEY,      -- everything up to here
    appended INTEGER NOT NULL,         -- … was appended by then (µs)
    received INTEGER NOT NULL          -- … and has no later `received` (µs)
) STRICT;
CREATE INDEX appends_received ON appends(received, position);
CREATE TABLE holds(
    reader TEXT PRIMARY KEY,
    position INTEGER NOT NULL          -- retention spares what follows
) STRICT, WITHOUT ROWID;
CREATE TABLE ticks(
    position INTEGER PRIMARY KEY,
    symbol TEXT NOT NULL, source TEXT NOT NULL, origin TEXT NOT NULL, sequence INTEGER NOT NULL,
    time INTEGER NOT NULL, received INTEGER NOT NULL, price REAL NOT NULL, {_TRADE}
) STRICT;
CREATE TABLE quotes(
    position INTEGER PRIMARY KEY,
    symbol TEXT NOT NULL, source TEXT NOT NULL, time INTEGER NOT NULL, received INTEGER NOT NULL,
    price REAL NOT NULL, origin TEXT NOT NULL, sequence INTEGER NOT NULL, {_TRADE},
    name TEXT, kind TEXT, exchange TEXT, previous_close REAL, open REAL,
    day_high REAL, day_low REAL, fifty_two_week_high REAL, fifty_two_week_low REAL,
    market_cap ANY, price_hint INTEGER, delay INTEGER,
    UNIQUE (origin, symbol)
) STRICT;
CREATE TABLE gaps(
    position INTEGER PRIMARY KEY,
    source TEXT NOT NULL, origin TEXT NOT NULL, writer TEXT NOT NULL, received INTEGER NOT NULL,
    reason TEXT NOT NULL, symbols TEXT, "from" INTEGER, until INTEGER,
    symbol TEXT, first_sequence INTEGER, last_sequence INTEGER
) STRICT;
-- A gap sent twice is kept once; NULLs would make every row different.
CREATE UNIQUE INDEX gaps_once ON gaps(
    writer, received, origin, source, coalesce("from", -1), coalesce(symbol, ''),
    coalesce(first_sequence, -1)
);
CREATE TABLE heartbeats(
    position INTEGER PRIMARY KEY,
    origin TEXT NOT NULL, writer TEXT NOT NULL, source TEXT NOT NULL, time INTEGER NOT NULL,
    received INTEGER NOT NULL, interval INTEGER NOT NULL, state TEXT NOT NULL,
    asked INTEGER NOT NULL, answered INTEGER NOT NULL, refused TEXT NOT NULL,
    retry_at INTEGER, last_good INTEGER, tape_time INTEGER, speed REAL, symbols TEXT,
    source_url TEXT, problem TEXT,
    UNIQUE (writer, source)
) STRICT;
"""


class NoWal(Exception):
    """SQLite refused the WAL. Without it no reader can read during a write."""


def create(connection: apsw.Connection, origin: str) -> None:
    """Create the tables of an empty log in an empty database, and turn on WAL.

    Raises `apsw.Error`, `NoWal`.
    """
    connection.pragma("page_size", PAGE_SIZE)
    connection.pragma("auto_vacuum", "INCREMENTAL")
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(TABLES)
    connection.execute("INSERT INTO log VALUES (1, ?, 0, 0, 0, 0, NULL, 0, 0)", (origin,))
    connection.pragma("application_id", APPLICATION_ID)
    connection.pragma("user_version", VERSION)
    connection.execute("COMMIT")
    use_wal(connection)


def use_wal(connection: apsw.Connection) -> None:
    """Turn on WAL. Raises `NoWal` if SQLite refuses: it then answers with another mode."""
    mode = connection.pragma("journal_mode", "wal")
    if mode != "wal":
        raise NoWal(f"its file system allows no shared memory (journal mode {mode})")
