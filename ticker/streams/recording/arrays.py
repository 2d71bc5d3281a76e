"""Reads ticks from DuckDB as numpy arrays, by column. It makes no object for each tick.

Texts repeat, so the different texts (words) of a column are read once. DuckDB then returns for each
row the index of its word (`enum_code`). An unknown text is `None`, the last word.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np

from ticker.streams.arrays import TEXTS, Texts
from ticker.streams.recording import layout
from ticker.streams.recording.database import Connection, literal

_ROWS: Final = 1_000_000
"""Rows decoded at once: this limits the memory."""


Words = Mapping[str, Sequence[str | None]]
"""Field → its different texts. The code of a text is its index here."""


def arrays(
    connection: Connection,
    source: str,
    fields: Sequence[str],
    *,
    row: str,
    ticks: int,
    where: str = "",
    bindings: Sequence[Any] = (),
) -> Iterator[Mapping[str, Any]]:
    """Yield `fields` of the rows of `source` that meet `where`, in chunks. See `Stream.arrays`.

    `where` is empty or begins with `AND`; `bindings` are its values. The column `row` numbers the
    `ticks` rows of `source` from 0. Raises `duckdb.Error`.
    """
    words = {field: _words(connection, source, field) for field in TEXTS if field in fields}
    listed = ", ".join(selected(field, words) for field in fields)
    for begin in range(0, ticks, _ROWS):
        found = connection.execute(
            f"SELECT {listed} FROM {source} WHERE {row} >= ? AND {row} < ? {where}",
            [begin, begin + _ROWS, *bindings],
        ).fetchnumpy()
        if len(next(iter(found.values()))):
            yield {field: _column(found[field], words.get(field)) for field in fields}


def words_in(
    connection: Connection, fields: Sequence[str], span: str, bindings: Sequence[Any] = ()
) -> Words:
    """Find the different texts of each of `fields` in `span` (`FROM …`), with one query.

    They are sorted. If a text is unknown, `None` comes last.
    """
    listed = ", ".join(fields)
    found = connection.execute(f"SELECT DISTINCT {listed} {span}", list(bindings)).fetchall()
    columns = zip(*found, strict=True) if found else [()] * len(fields)
    words: dict[str, Sequence[str | None]] = {}
    for field, texts in zip(fields, columns, strict=True):
        known = sorted({text for text in texts if text is not None})
        words[field] = [*known, None] if None in texts else known
    return words


def _words(connection: Connection, source: str, field: str) -> list[str | None]:
    """Return the different texts of `field`, sorted. If one is unknown, `None` comes last."""
    query = f'SELECT DISTINCT "{field}" FROM {source} ORDER BY 1 NULLS LAST'
    return [row[0] for row in connection.execute(query).fetchall()]


def selected(field: str, words: Words) -> str:
    """Return the SQL that selects `field`; if `words` has it, as an index in its words."""
    if field not in words:
        return layout.value(field)
    if len(words[field]) <= 1:
        return f'0 AS "{field}"'
    known = [word for word in words[field] if word is not None]
    enum = ", ".join(map(literal, known))
    code = f'CAST(enum_code(CAST("{field}" AS ENUM({enum}))) AS INTEGER)'
    return f'coalesce({code}, {len(known)}) AS "{field}"'


def _column(values: Any, words: Sequence[str | None] | None) -> Any:
    if words is not None:
        return Texts(np.ma.getdata(values).astype(np.int32, copy=False), words)
    if isinstance(values, np.ma.MaskedArray):
        return np.where(np.ma.getmaskarray(values), np.nan, values.data)
    return values
