"""Checks an append against what the log holds. One rule for all logs.

It tells ticks that continue their sequences from repeats, and from ticks that are neither. Pure:
what the log holds is passed in. Comparing a repeat with the stored tick is the backend's work.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from ticker.errors import InvalidRecord
from ticker.records import Gap, Quote, Tick
from ticker.streams.sequence import Key

tick_content: Final = operator.attrgetter("time", "received", "price")
"""The fields that tell two ticks of one number apart."""

_NUMBER_IT: Final = (
    "give it an origin (any name of your own), and a sequence that counts 1, 2, 3 … for each symbol"
)


class CheckedAppend(msgspec.Struct):
    """The ticks of one append, checked."""

    fresh: Sequence[Tick]
    """Those to write. The same sequence that came in if nothing in it is a repeat."""
    heads: dict[Key, int]
    """The last sequences, after `fresh` is written."""
    repeats: list[Tick]
    """Those with a number that the log has given already: repeats or conflicts."""
    wrong: dict[Key, int]
    """Keys whose ticks do not continue, or differ within this call → the sequence expected next."""


def check_append(
    ticks: Sequence[Tick], gaps: Iterable[Gap], last: Mapping[Key, int], own: str | None = None
) -> CheckedAppend:
    """Check `ticks` against the `last` sequences of a log.

    Ticks of an origin may begin in the middle, and continue after a gap that is in `gaps`. Those of
    `own`, the origin of a numbering log, may not: nothing is missing before the log was made.
    Raises `InvalidRecord` for a tick that is not numbered.
    """
    heads: dict[Key, int] = {}
    behind: list[Tick] = []
    wrong: dict[Key, int] = {}
    told = _missing(gaps)
    for tick in ticks:
        key = (tick.origin, tick.symbol)
        sequence = tick.sequence
        before = heads.get(key)
        if before is None:
            _check_numbered(tick)
            before = last.get(key, 0)
        if sequence == before + 1:
            heads[key] = sequence
        elif sequence <= before:
            behind.append(tick)
        elif key[0] != own and (not before or (key, before + 1, sequence - 1) in told):
            heads[key] = sequence
        else:
            wrong.setdefault(key, before + 1)
    if not behind:
        return CheckedAppend(ticks, heads, [], wrong)
    firsts = {(t.origin, t.symbol, t.sequence): t for t in reversed(ticks)}
    repeats: dict[tuple[str, str, int], Tick] = {}
    for tick in behind:
        key = (tick.origin, tick.symbol)
        name = (*key, tick.sequence)
        known = last.get(key, 0)
        # Beyond what the log has, its twin is in this very call. Otherwise either may stay.
        twin = firsts[name] if tick.sequence > known else repeats.setdefault(name, tick)
        if twin != tick:
            wrong[key] = known + 1
    again = {id(tick) for tick in behind}
    fresh = [tick for tick in ticks if id(tick) not in again]
    return CheckedAppend(fresh, heads, list(repeats.values()), wrong)


def ahead(
    quotes: Sequence[Quote], heads: Mapping[Key, int], last: Mapping[Key, int], own: str
) -> dict[Key, int]:
    """Find keys whose quotes tell of ticks that are not there → the sequence expected next.

    `heads` are those of the same append. A quote of another origin may come before its ticks; one
    of the log's own would leave a hole. Raises `InvalidRecord` for a quote that is not numbered.
    """
    check_quotes(quotes)
    wrong: dict[Key, int] = {}
    for quote in quotes:
        key = quote.key
        known = heads.get(key) or last.get(key, 0)
        if quote.origin == own and (quote.sequence or 0) > known:
            wrong[key] = known + 1
    return wrong


def check_quotes(quotes: Iterable[Quote]) -> None:
    """Raise `InvalidRecord` for a quote that is not numbered."""
    for quote in quotes:
        _check_numbered(quote)


def _check_numbered(price: Tick | Quote) -> None:
    if not price.origin or price.sequence is None:
        raise InvalidRecord("origin", f"{price.symbol} is not numbered: {_NUMBER_IT}")


def _missing(gaps: Iterable[Gap]) -> set[tuple[Key, int, int]]:
    """Return what `gaps` say is missing: key, first and last sequence (inclusive)."""
    return {
        ((gap.origin, gap.symbol), *gap.missing)
        for gap in gaps
        if gap.symbol is not None and gap.missing is not None
    }
