"""Checks an append against what the log holds. One rule for all logs.

`check_append` finds the ticks that continue their sequences, the repeats, and the wrong ones.
`check_simulated` keeps real and invented prices apart. Pure: what the log holds is passed in.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from ticker.errors import InvalidRecord, MixedPrices, SequenceConflict
from ticker.records import Batch, Gap, Quote, Tick
from ticker.streams.sequence import Key

tick_content: Final = operator.attrgetter("time", "received", "price")
"""If one of these fields differs, two ticks with the same number are not repeats."""

_simulated: Final = operator.attrgetter("simulated")
_NUMBER_IT: Final = (
    "give it an origin (any name of your own), and a sequence that counts 1, 2, 3 … for each symbol"
)


def check_append(
    url: str,
    batch: Batch,
    last: Mapping[Key, int],
    own: str | None = None,
    differing: Callable[[Sequence[Tick]], Iterable[Key]] = lambda _: (),
) -> tuple[Sequence[Tick], dict[Key, int]]:
    """Return the new ticks of `batch`, and the last sequence of each of their keys.

    If no tick is a repeat, `batch.ticks` itself is returned, not a copy. `last` is key → the last
    sequence in the log. The first tick of a key may have any sequence. A later one may leave a
    hole if a gap of the batch names exactly the missing ticks. The origin `own` of a numbering log
    is stricter: its ticks begin at 1 and leave no hole, and no quote is ahead of them. `differing`
    returns the keys of repeats that differ from the stored tick.

    Raises `SequenceConflict`, and `InvalidRecord` for a tick or quote that is not numbered.
    """
    ticks = batch.ticks
    heads: dict[Key, int] = {}
    behind: dict[int, Tick] = {}
    wrong: dict[Key, int] = {}
    told = _missing(batch.gaps)
    for index, tick in enumerate(ticks):
        key = (tick.origin, tick.symbol)
        sequence = tick.sequence
        before = heads.get(key)
        if before is None:
            _check_numbered(tick)
            before = last.get(key, 0)
        if sequence == before + 1:
            heads[key] = sequence
        elif sequence <= before:
            behind[index] = tick
        elif key[0] != own and (not before or (key, before + 1, sequence - 1) in told):
            heads[key] = sequence
        else:
            wrong.setdefault(key, before + 1)
    if behind:
        ticks = [tick for index, tick in enumerate(ticks) if index not in behind]
        wrong |= _wrong_repeats(behind.values(), ticks, heads, last, differing)
    wrong = wrong or _wrong_quotes(batch.quotes, heads, last, own)
    if wrong:
        raise SequenceConflict(url, wrong)
    return ticks, heads


def _wrong_repeats(
    behind: Iterable[Tick],
    fresh: Iterable[Tick],
    heads: Mapping[Key, int],
    last: Mapping[Key, int],
    differing: Callable[[Sequence[Tick]], Iterable[Key]],
) -> dict[Key, int]:
    """Return each key with a tick of `behind` that is no repeat → the sequence expected next."""
    wrong: dict[Key, int] = {}
    known = {(tick.origin, tick.symbol, tick.sequence): tick for tick in fresh}
    stored: dict[tuple[str, str, int], Tick] = {}
    for tick in behind:
        key = (tick.origin, tick.symbol)
        name = (*key, tick.sequence)
        before = last.get(key, 0)
        # Up to `before`, the log has a tick with this number, and `differing` compares it with the
        # first repeat. Above that, only a new tick of the batch can have this number.
        twin = stored.setdefault(name, tick) if tick.sequence <= before else known.get(name)
        if twin is None:
            wrong[key] = heads[key] + 1
        elif tick_content(twin) != tick_content(tick):
            wrong[key] = before + 1
    if stored:
        wrong |= {key: last[key] + 1 for key in differing([*stored.values()])}
    return wrong


def _wrong_quotes(
    quotes: Iterable[Quote], heads: Mapping[Key, int], last: Mapping[Key, int], own: str | None
) -> dict[Key, int]:
    """Return each key of origin `own` with a quote ahead of its ticks → the sequence expected next.

    A quote of another origin may come before its ticks.
    """
    wrong: dict[Key, int] = {}
    for quote in quotes:
        _check_numbered(quote)
        known = heads.get(quote.key) or last.get(quote.key, 0)
        if quote.origin == own and (quote.sequence or 0) > known:
            wrong[quote.key] = known + 1
    return wrong


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


def check_simulated(
    url: str, log_is_simulated: bool | None, *prices: Sequence[Tick | Quote]
) -> bool | None:
    """Return whether the log's prices are invented; `None`: it has no price yet.

    Raises `MixedPrices` unless all `prices` agree with the log, or with the first if it has none.
    """
    for some in prices:
        kinds = {*map(_simulated, some)}
        if log_is_simulated is None and kinds:
            log_is_simulated = some[0].simulated
        if not kinds <= {log_is_simulated}:
            other = next(price for price in some if price.simulated != log_is_simulated)
            raise MixedPrices(url, other.symbol, log_is_simulated=bool(log_is_simulated))
    return log_is_simulated
