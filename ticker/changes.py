"""Compares previous and present quotes: the result is nothing, a new quote, a tick, or a refusal.

A source says again and again what *is*; this file finds out what *happened*. It is pure: the known
quotes, the answer, the origin and the present time go in; numbered ticks and quotes and the
refusals come out, and nothing else is remembered. The ticks of a symbol continue what is known
without a hole, nothing is invented between two answers, and an answer that cannot be newer than
what is known changes nothing. It knows no source, no stream and no clock.

All times and durations are µs; prices are in the instrument's own currency.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Final

import msgspec

from ticker.records import Quote, Tick
from ticker.units import DAY, MINUTE, SECOND

AHEAD: Final = DAY
"""A time further ahead of our clock than this is a mistake (µs).

It is one day, because an exchange's date may be tomorrow's here, and because a slow clock of ours
must not silence a market.
"""

SAME_MOMENT: Final = MINUTE
"""For how long a smaller volume at an unchanged time shows an older answer (µs); after that it is a
correction. Yahoo's servers agree with one another within seconds."""

SETTLED: Final = DAY
"""A currency counts as changed if the known one was not heard of for so long (µs)."""


class Change(msgspec.Struct, frozen=True):
    """Something new: `quote` is what is now known (numbered), `tick` the change of its price."""

    quote: Quote
    tick: Tick | None = None


class Refusal(msgspec.Struct, frozen=True):
    """The answer for `symbol` is not used; what was known stays. `reason` is for the user."""

    symbol: str
    reason: str


class Changes(msgspec.Struct, frozen=True):
    """The changes in one answer for many symbols."""

    ticks: Sequence[Tick] = ()
    """At most one for each symbol, in the order of the answer."""
    quotes: Sequence[Quote] = ()
    """Numbered; one for each symbol with anything new, its tick included."""
    refused: Mapping[str, str] = {}
    """Symbol → why its quote was not used."""


def changes(
    known: Mapping[str, Quote],
    quotes: Iterable[Quote],
    *,
    origin: str,
    now: int,
    last: Mapping[str, int] | None = None,
) -> Changes:
    """Compare an answer's `quotes` (not numbered) with those `known` of `origin`, by symbol.

    `last` maps symbols to the sequence of their last tick in the log, for those whose known quote
    lags behind or is lost. `now` is our clock (µs, UTC). A symbol that comes twice is compared with
    its first quote the second time, so its ticks still continue one another.
    """
    latest = dict(last or {})
    seen: dict[str, Quote] = {}
    ticks: list[Tick] = []
    refused: dict[str, str] = {}
    for present in quotes:
        symbol = present.symbol
        previous = seen.get(symbol) or known.get(symbol)
        match change(previous, present, origin=origin, now=now, last=latest.get(symbol, 0)):
            case Change(quote=quote, tick=tick):
                seen[symbol] = quote
                if tick is not None:
                    ticks.append(tick)
                    latest[symbol] = tick.sequence
            case Refusal(reason=reason):
                refused[symbol] = reason
    return Changes(ticks=ticks, quotes=list(seen.values()), refused=refused)


def change(
    previous: Quote | None, present: Quote, *, origin: str, now: int, last: int = 0
) -> Change | Refusal | None:
    """Compare `present` (not numbered) with `previous` (numbered in `origin`).

    `last` is the sequence of the symbol's last tick, where it may be beyond `previous`. The rules,
    each with its reason:

    - **First sight**: a quote and a tick, without `previous_price`. There must be one event from
      which a late reader learns the symbol. Its sequence is 1. If the known quote was lost, or lags
      behind `last`, the price before is not known either: then the tick follows `last`.
    - **Same price, same time, all else equal**: nothing. We asked again and nothing happened.
    - **Same price, but a newer time or another field**: a new quote, no tick. The symbol traded, or
      a fact about it changed (session, bid, name), but its price did not move.
    - **Another price**: a tick and its quote, at a newer time or at the same: Yahoo tells whole
      seconds, in which a price may move many times, and corrects a trade under its own time.
    - **A time that runs backwards**: refused. Yahoo's servers do not answer in step; an older
      answer after a newer one would make a price jump back and forth that stood still. A time that
      was wrongly ahead can so silence a symbol, but never for longer than `AHEAD`.
    - **A time more than a day ahead** of our clock (`AHEAD`): refused. Either clock is wrong; such
      a time, once taken, would make every true answer run backwards.
    - **A volume that shrinks** is no reason to refuse: coins count the last 24 hours, a new day
      begins at zero, trades are cancelled. But at the same time, in the same session, after the
      same close and within `SAME_MOMENT` it can only be an older answer of the same second: it is
      refused, like a time that runs backwards. Later it is a correction and is taken.
    - **A previous close that rolls over** is a fact that changed: a new quote, no tick. The day
      begins, the price did not move; the day's change and the volume start again with it.
    - **Another currency**: refused, because the numbers cannot be compared: GBp and GBP differ by
      a factor of 100, and a wrong one moves every value and sets off every alert. If nothing was
      new in the known currency for a day (`SETTLED`) and the symbol has traded since, it has really
      changed: then it is a tick without `previous_price`. A currency that becomes known, or
      unknown, is another field.
    """
    if reason := _reason_to_refuse(previous, present, now):
        return Refusal(present.symbol, reason)
    if previous is None or (previous.sequence or 0) < last:
        return _move(None, present, origin, last + 1)
    sequence = previous.sequence or 0
    if _in_other_currencies(previous, present):
        return _move(None, present, origin, sequence + 1)
    if present.price != previous.price:
        return _move(previous.price, present, origin, sequence + 1)
    if _facts(present) != _facts(previous):
        return Change(_numbered(previous.previous_price, present, origin, sequence))
    return None


def _reason_to_refuse(previous: Quote | None, present: Quote, now: int) -> str | None:
    if (ahead := present.time - now) > AHEAD:
        return f"its time lies {ahead / DAY:.1f} days ahead of our clock"
    if previous is None:
        return None
    if (behind := previous.time - present.time) > 0:
        return f"its time runs backwards by {behind / SECOND:g} s: an older answer"
    if _in_other_currencies(previous, present) and not (
        present.time > previous.time and present.received - previous.received >= SETTLED
    ):
        return f"its currency changed from {previous.currency!a} to {present.currency!a}"
    if _is_older_in_its_moment(previous, present):
        return "its volume runs backwards: an older answer"
    return None


_facts: Final = attrgetter(
    # All that a source says. The times of receipt and our numbers are left out.
    *(
        field
        for field in Quote.__struct_fields__
        if field not in {"received", "origin", "sequence", "previous_price"}
    )
)


def _in_other_currencies(previous: Quote, present: Quote) -> bool:
    return None not in (previous.currency, present.currency) and (
        previous.currency != present.currency
    )


def _is_older_in_its_moment(previous: Quote, present: Quote) -> bool:
    return (
        present.time == previous.time
        and present.volume is not None
        and previous.volume is not None
        and present.volume < previous.volume
        and present.kind != "cryptocurrency"
        and present.session == previous.session
        and present.previous_close == previous.previous_close
        and 0 <= present.received - previous.received < SAME_MOMENT
    )


def _move(previous_price: float | None, present: Quote, origin: str, sequence: int) -> Change:
    """Record a new price: the tick numbered `sequence`, and the quote that includes it."""
    quote = _numbered(previous_price, present, origin, sequence)
    return Change(quote, Tick(*_trade(quote)))


_trade: Final = attrgetter(*Tick.__struct_fields__)


def _numbered(previous_price: float | None, present: Quote, origin: str, sequence: int) -> Quote:
    return msgspec.structs.replace(
        present, origin=origin, sequence=sequence, previous_price=previous_price
    )
