"""What a log lets through: the check of an append against what the log holds. One rule for all.

Ticks that continue their sequences are told from those that lie in the log already and from those
that do neither; prices of the other kind, real or invented, are refused. Pure: what the log holds
is handed in, and comparing a repeat with what lies there is the backend's own work.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from ticker.errors import InvalidRecord, MixedPrices
from ticker.records import Gap, Quote, Tick
from ticker.streams.sequence import Key

tick_content: Final = operator.attrgetter("time", "received", "price")
"""What tells two ticks of one number apart."""

_NUMBER_IT: Final = (
    "give it an origin (any name of your own), and a sequence that counts 1, 2, 3 … for each symbol"
)
_simulated: Final = operator.attrgetter("simulated")


class CheckedAppend(msgspec.Struct):
    """The ticks of one append, judged."""

    fresh: Sequence[Tick]
    """Those to write; the very sequence that came in when nothing in it is a repeat."""
    heads: dict[Key, int]
    """The last sequences, once `fresh` is written."""
    repeats: list[Tick]
    """Those whose numbers the log has given: the same ticks, or a conflict."""
    wrong: dict[Key, int]
    """Whose ticks do not continue, or differ in this very call → the sequence expected next."""


def check_append(
    ticks: Sequence[Tick], gaps: Iterable[Gap], last: Mapping[Key, int], own: str | None = None
) -> CheckedAppend:
    """Check `ticks` against the `last` sequences of a log.

    Ticks of an origin may begin in the middle, and go on after a gap that `gaps` tell. Those of
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
        # Beyond what the log has, its twin stands in this very call; else either stands for both.
        twin = firsts[name] if tick.sequence > known else repeats.setdefault(name, tick)
        if twin != tick:
            wrong[key] = known + 1
    again = {id(tick) for tick in behind}
    fresh = [tick for tick in ticks if id(tick) not in again]
    return CheckedAppend(fresh, heads, list(repeats.values()), wrong)


def check_simulated(
    url: str, log_is_simulated: bool | None, *prices: Sequence[Tick | Quote]
) -> bool | None:
    """Real or invented (`None`: nothing yet): the first price decides, all others must agree.

    Raises `MixedPrices`.
    """
    for some in prices:
        kinds = {*map(_simulated, some)}
        if log_is_simulated is None and kinds:
            log_is_simulated = some[0].simulated
        if not kinds <= {log_is_simulated}:
            other = next(price for price in some if price.simulated != log_is_simulated)
            raise MixedPrices(url, other.symbol, log_is_simulated=bool(log_is_simulated))
    return log_is_simulated


def ahead(
    quotes: Sequence[Quote], heads: Mapping[Key, int], last: Mapping[Key, int], own: str
) -> dict[Key, int]:
    """Whose quotes tell of ticks that are not there → the sequence expected next.

    `heads` are those of the same append. Another origin's quote may come before its ticks; one of
    the log's own would leave a hole. Raises `InvalidRecord` for a quote that is not numbered.
    """
    check_quotes(quotes)
    wrong: dict[Key, int] = {}
    for quote in quotes:
        key = (quote.origin or "", quote.symbol)
        known = heads.get(key) or last.get(key, 0)
        if quote.origin == own and (quote.sequence or 0) > known:
            wrong[key] = known + 1
    return wrong


def check_quotes(quotes: Iterable[Quote]) -> None:
    """Raise `InvalidRecord` for one that is not numbered."""
    for quote in quotes:
        _check_numbered(quote)


def _check_numbered(price: Tick | Quote) -> None:
    if not price.origin or price.sequence is None:
        raise InvalidRecord("origin", f"{price.symbol} is not numbered: {_NUMBER_IT}")


def _missing(gaps: Iterable[Gap]) -> set[tuple[Key, int, int]]:
    """What `gaps` say is missing: of whom, the first and the last sequence (inclusive)."""
    return {
        ((gap.origin, gap.symbol), *gap.missing)
        for gap in gaps
        if gap.symbol is not None and gap.missing is not None
    }
