"""Reads streams as frames: ticks, quotes and gaps at once, or ticks as they come."""

from __future__ import annotations

import contextlib
import operator
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, SupportsIndex

import numpy as np
import pandas as pd
from msgspec.structs import astuple

from ticker import system_clock
from ticker.errors import UsageError
from ticker.records import TICK_FIELDS, Batch, Gap, Quote, Tick
from ticker.streams import open_stream
from ticker.streams.arrays import Texts, encode, join
from ticker.streams.present_time import present
from ticker.streams.sync import blocking
from ticker.times import parse_when

TIME: Final = pd.DatetimeTZDtype("us", "UTC")
_NO_TIME: Final = np.iinfo(np.int64).min  # NaT, as numpy stores it
_DTYPES: Final[Mapping[str, Any]] = {
    **dict.fromkeys(("time", "received", "from", "until"), TIME),
    **dict.fromkeys(("symbol", "source", "origin", "currency", "session"), "str"),
    **dict.fromkeys(("name", "kind", "exchange", "writer", "reason"), "str"),
    **dict.fromkeys(("price_hint", "delay", "first_sequence", "last_sequence"), "Int64"),
    "sequence": np.dtype(np.int64),
    "simulated": np.dtype(np.bool_),
}
"""Field → the dtype of its column; all others are float64. `Int64` allows missing values."""

_QUOTE_FIELDS: Final = Quote.__struct_encode_fields__
_GAP_FIELDS: Final = (
    "time",
    "symbol",
    *(f for f in Gap.__struct_encode_fields__ if f not in {"symbol", "symbols"}),
)

When = str | datetime | SupportsIndex | None
"""A moment: words as in `--since` (`-10m`, `09:30`, ISO 8601), a datetime, or µs since 1970, UTC.

A time without a zone is in this machine's zone. In a recording, `-10m` counts back from the last
tick, and `09:30` is on the day of the last tick. `None`: no limit.
"""


def read(
    url: str | None = None,
    symbols: str | Iterable[str] | None = None,
    since: When = None,
    until: When = None,
) -> pd.DataFrame:
    """Return the ticks of a stream, sorted by time.

    `url` is what `--stream` takes: a URL, `demo`, or a name of the configuration; `None` is the
    default stream. Only ticks of `symbols` are returned (`None`: of all). `since` is inclusive,
    `until` exclusive; both are compared with `received`, as on the command line. Ticks of the same
    time are sorted by `received`, symbol and sequence. Without ticks, the frame is empty and has
    the same columns.

        ticks = ticker.frames.read("demo", symbols=["AAPL", "GC=F"], since="-10m")

    Raises `StreamMissing` if there is no such stream yet, and other `TickerError`s.
    """
    stream, now = open_stream(url), _present(url, since, until)
    span: dict[str, Any] = {
        "symbols": _symbols(symbols),
        "since": _micros(since, now),
        "until": _micros(until, now),
    }
    return _frame(stream.arrays(**span), TICK_FIELDS)


def quotes(url: str | None = None) -> pd.DataFrame:
    """Return the latest quote of each symbol, sorted by time. `url` is as for `read`."""
    with contextlib.closing(blocking(_snapshot(url))) as snapshots:
        frame = _frame(_columns(next(snapshots).quotes, Quote), _QUOTE_FIELDS)
    return frame.drop_duplicates("symbol", keep="last")


def gaps(url: str | None = None) -> pd.DataFrame:
    """Return the spans without observation, and the ticks that are known to be missing.

    The frame has one row for each gap and symbol, sorted by time. `symbol` is missing if a gap
    concerns all symbols of its `writer`. Spans have `from` and `until`. Missing ticks have
    `first_sequence` and `last_sequence` instead. The index is `from`; for missing ticks, it is the
    time when the gap was noticed. `url` is as for `read`.
    """
    with contextlib.closing(blocking(_gaps(url))) as lists:
        found = next(lists)
    rows = [
        {
            **dict(zip(Gap.__struct_encode_fields__, astuple(gap), strict=True)),
            "time": gap.received if gap.from_ is None else gap.from_,
            "symbol": symbol,
        }
        for gap in found
        for symbol in (gap.symbols or (gap.symbol,))
    ]
    return _frame([{name: [row[name] for row in rows] for name in _GAP_FIELDS}], _GAP_FIELDS)


def follow(
    url: str | None = None, symbols: str | Iterable[str] | None = None, since: When = None
) -> Iterator[pd.DataFrame]:
    """Yield a frame of ticks, like that of `read`, for each batch. It never ends by itself.

    It begins at `since` (inclusive, and some earlier ticks may follow), or with what arrives from
    now on. After each second of silence it yields an empty frame, so that a loop can look at the
    clock and `break`.
    """
    batches = _live(url, _symbols(symbols), _micros(since, _present(url, since)))
    with contextlib.closing(blocking(batches)) as arriving:
        for batch in arriving:
            yield _frame(_columns(batch.ticks, Tick), TICK_FIELDS)


def _frame(chunks: Iterable[Mapping[str, Any]], names: Sequence[str]) -> pd.DataFrame:
    """Make a frame of the fields `names` in all `chunks` (each: name → values), sorted."""
    pieces: dict[str, list[Any]] = {name: [] for name in names}
    for chunk in chunks:
        for name in names:
            pieces[name].append(_piece(chunk[name], name))
    whole = {name: _joined(some or [_piece((), name)]) for name, some in pieces.items()}
    order = _order(whole)
    columns = {name: _column(values, name, order) for name, values in whole.items()}
    index = pd.DatetimeIndex(columns.pop("time"), name="time")
    return pd.DataFrame(columns, index=index, copy=False)


def _piece(values: Any, name: str) -> np.ndarray | Texts:
    """Convert the values of a chunk from a stream to a form that can be joined."""
    dtype = _DTYPES.get(name, np.float64)
    if isinstance(values, np.ndarray | Texts):
        return values
    if dtype == "str":
        return encode(values)
    if dtype is TIME:
        return np.array([_NO_TIME if value is None else value for value in values], dtype=np.int64)
    return np.array(values, dtype=object if dtype == "Int64" else dtype)


def _joined(pieces: Sequence[Any]) -> Any:
    return join(pieces) if isinstance(pieces[0], Texts) else np.concatenate(pieces)


def _column(values: Any, name: str, order: np.ndarray | None) -> Any:
    if isinstance(values, Texts):
        codes = values.codes if order is None else values.codes[order]
        return pd.array(values.words, dtype="str").take(codes)
    if order is not None:
        values = values[order]
    dtype = _DTYPES.get(name)
    if dtype is TIME:
        return pd.DatetimeIndex(values.view("datetime64[us]")).tz_localize("UTC")
    return pd.array(values, dtype="Int64") if dtype == "Int64" else values


def _order(whole: Mapping[str, Any]) -> np.ndarray | None:
    """Return the order by time, `received`, symbol and sequence; `None` if times ascend already.

    This gives the same frame on every backend: Kafka has no order between symbols.
    """
    moments = whole["time"]
    if _ascends(moments):
        return None
    order = np.argsort(moments, kind="stable")
    if _ascends(moments[order]):  # without ties one key is enough, and faster
        return order
    codes, words = whole["symbol"]
    ranks = np.empty(len(words), dtype=np.int64)
    ranks[sorted(range(len(words)), key=lambda code: words[code] or "")] = range(len(words))
    symbols = ranks[codes]
    return np.lexsort((whole.get("sequence", symbols), symbols, whole["received"], moments))


def _ascends(moments: np.ndarray) -> bool:
    """Tell whether each moment is later than the one before."""
    return bool(np.all(moments[1:] > moments[:-1]))


def _columns(records: Sequence[Tick] | Sequence[Quote], kind: type[Tick | Quote]) -> list[Any]:
    """Make one chunk for `_frame`; none if there are no records."""
    if not records:
        return []
    by_column = zip(*map(astuple, records), strict=True)
    return [dict(zip(kind.__struct_encode_fields__, by_column, strict=True))]


# From streams


def _symbols(wanted: str | Iterable[str] | None) -> frozenset[str] | None:
    """Make symbols upper case, as on the command line."""
    if wanted is None:
        return None
    return frozenset(word.upper() for word in ([wanted] if isinstance(wanted, str) else wanted))


def _micros(when: When, now: int) -> int | None:
    """Convert a moment to µs since 1970, UTC; `None`: no limit. Raises `UsageError`."""
    if when is None:
        return None
    if isinstance(when, datetime):
        try:
            when = when.isoformat()
        except ValueError:
            raise UsageError("NaT is not a time") from None
    if isinstance(when, str):
        moment = parse_when(when, now=now, zone=None)
        return (
            {"start": 0, "end": system_clock.now()}[moment] if isinstance(moment, str) else moment
        )
    try:
        return operator.index(when)
    except TypeError:
        raise UsageError(f"{when!r:.80} is not a time: give a text, a datetime, or µs") from None


def _present(url: str | None, *moments: When) -> int:
    """Return the time (µs, UTC) to which words like `-10m` in `moments` are relative."""
    if not any(isinstance(when, str) for when in moments):
        return system_clock.now()
    with contextlib.closing(blocking(_presents(url))) as presents:
        return next(presents)


async def _presents(url: str | None) -> AsyncGenerator[int, None]:
    yield await present(url)


async def _snapshot(url: str | None) -> AsyncGenerator[Batch, None]:
    async with open_stream(url) as stream:
        yield await stream.snapshot()


async def _gaps(url: str | None) -> AsyncGenerator[Sequence[Gap], None]:
    async with open_stream(url) as stream:
        yield await stream.gaps()


async def _live(
    url: str | None, symbols: frozenset[str] | None, since: int | None
) -> AsyncGenerator[Batch, None]:
    async with open_stream(url) as stream:
        begin = await stream.find("end" if since is None else since)
        async for batch in stream.read(begin, symbols=symbols):
            yield batch
