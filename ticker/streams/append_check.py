"""Checks an append against what the log holds. One rule for all logs.

It finds ticks that continue their sequences, repeats, and wrong ones. Pure: what the log
holds is passed in. The backend compares a repeat with the stored tick.
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
"""If one of these fields differs, two ticks with the same number are not repeats."""

_NUMBER_IT: Final = (
    "give it an origin (any name of your own), and a sequence that counts 1, 2, 3 … for each symbol"
)


class CheckedAppend(msgspec.Struct):
    """The ticks of one append, checked."""

    fresh: Sequence[Tick]
    """The ticks to write: the argument `ticks` itself, not a copy, if none is a repeat."""
    heads: dict[Key, int]
    """The last sequence of each key in `fresh`."""
    repeats: list[Tick]
    """Ticks whose numbers the log has passed already: repeats, or conflicts if they differ."""
    wrong: dict[Key, int]
    """Key with a hole, or with two different ticks of one number → the sequence expected next."""


def check_append(
    ticks: Sequence[Tick], gaps: Iterable[Gap], last: Mapping[Key, int], own: str | None = None
) -> CheckedAppend:
    """Check `ticks` against the `last` sequences of a log.

    The first tick of a key may have any sequence. A later one may leave a hole if a gap in `gaps`
    names exactly the missing ticks. Neither holds for `own`, the origin of a numbering log: its
    ticks begin at 1. Raises `InvalidRecord` for a tick that is not numbered.
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
        # Compare with the first tick of this number. It is in this call if the number is above the
        # log's last. Otherwise it is in the log, and the backend compares one repeat with it.
        twin = firsts[name] if tick.sequence > known else repeats.setdefault(name, tick)
        if twin != tick:
            wrong[key] = known + 1
    again = {id(tick) for tick in behind}
    fresh = [tick for tick in ticks if id(tick) not in again]
    return CheckedAppend(fresh, heads, list(repeats.values()), wrong)


def ahead(
    quotes: Sequence[Quote], heads: Mapping[Key, int], last: Mapping[Key, int], own: str
) -> dict[Key, int]:
    """Return each key with a quote ahead of its ticks → the sequence expected next.

    `heads` are the last sequences of the same append. Only origin `own` counts: a quote of
    another origin may come before its ticks. Raises `InvalidRecord` for a quote without a number.
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
