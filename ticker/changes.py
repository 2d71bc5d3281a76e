"""Compares previous and present quotes. The result is nothing, a new quote, a tick, or a refusal.

A source repeats the present state in each answer. This module finds what changed. The sequences of
a symbol continue without a hole. Nothing is invented between two answers. An answer that cannot be
newer than what is known changes nothing. Pure: the present time is a parameter.

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

It is one day for two reasons: the date at an exchange may be a day ahead of ours, and quotes must
not be refused because our clock is slow.
"""

SAME_MOMENT: Final = MINUTE
"""A smaller volume at an unchanged time is an older answer if it comes sooner than this (µs); later
it is a correction. Yahoo's servers agree with one another within seconds."""

SETTLED: Final = DAY
"""A new currency is accepted if nothing new came in the known one for this time (µs)."""


class Change(msgspec.Struct, frozen=True):
    """Something new: `quote` is now known (numbered); `tick` is there if its price is new."""

    quote: Quote
    tick: Tick | None = None


class Refusal(msgspec.Struct, frozen=True):
    """The answer for `symbol` is not used; the known quote stays. `reason` is for the user."""

    symbol: str
    reason: str


class Changes(msgspec.Struct, frozen=True):
    """The changes in one answer for many symbols."""

    ticks: Sequence[Tick] = ()
    """In the order of the answer."""
    quotes: Sequence[Quote] = ()
    """The newest quote of each symbol that changed, with the number of the symbol's last tick."""
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
    """Compare the `quotes` of an answer (not numbered) with the `known` ones (by symbol).

    The known quotes are numbered in `origin`. `last` maps a symbol to the sequence of its last tick
    in the log; it is needed if the known quote is older or lost. `now` is our clock (µs, UTC). If a
    symbol comes twice, its second quote is compared with its first, so its sequences continue.
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

    `last` is the sequence of the symbol's last tick (0: none). `previous` may be older than that
    tick. The rules, each with its reason:

    - **First sight**: a quote and a tick, without `previous_price`. A late reader needs one event
      to learn of the symbol. Its sequence is 1. If the known quote was lost or is older than
      `last`, the price before is unknown, too: then the tick follows `last`.
    - **Same price, same time, all else equal**: nothing. We asked again and nothing happened.
    - **Same price, but a newer time or another field**: a new quote, no tick. The symbol traded, or
      a fact about it changed (session, bid, name), but its price did not move.
    - **Another price**: a tick and its quote, even at the same time. Yahoo gives whole seconds, in
      which a price may move many times. It also corrects a trade under the trade's own time.
    - **A time that runs backwards**: refused. Yahoo's servers are not synchronised. An older answer
      after a newer one would show a move that never happened. So a time that was wrongly ahead can
      silence a symbol, but never for longer than `AHEAD`.
    - **A time more than a day ahead** of our clock (`AHEAD`): refused. One of the clocks is wrong.
      If the time were accepted, every correct answer after it would be refused.
    - **A volume that shrinks**: accepted. Coins count the last 24 hours, a new day begins at zero,
      and trades are cancelled. But it is refused if it comes within `SAME_MOMENT` and time, session
      and previous close are the same: then it can only be an older answer of the same second. This
      exception does not apply to coins.
    - **Another previous close**: a new quote, no tick. A new day begins, but the price did not
      move. The day's change and the volume start again.
    - **Another currency**: refused, because the numbers cannot be compared. GBp and GBP differ by
      a factor of 100, so a wrong one would move every value and set off every alert. It is accepted
      if nothing was new in the known currency for a day (`SETTLED`) and the symbol has traded
      since: a tick without `previous_price`. A currency that becomes known, or unknown, counts as
      another field.
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
    # All that a source says. The time of receipt and our own fields are left out.
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
    """Return the change for a new price: the tick numbered `sequence`, and its quote."""
    quote = _numbered(previous_price, present, origin, sequence)
    return Change(quote, Tick(*_trade(quote)))


_trade: Final = attrgetter(*Tick.__struct_fields__)


def _numbered(previous_price: float | None, present: Quote, origin: str, sequence: int) -> Quote:
    return msgspec.structs.replace(
        present, origin=origin, sequence=sequence, previous_price=previous_price
    )
