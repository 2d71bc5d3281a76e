"""Finds the last poll of each symbol from the heartbeats and quotes of a log.

Pure: the time is passed in. When the evidence is uncertain, the gap reported may be too long, never
too short. It knows one poller's name and source, and no log.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from ticker.health.states import WriterState
from ticker.health.writers import is_alive
from ticker.records import Heartbeat, Quote
from ticker.units import SECOND

BEATS_LAG: Final = SECOND
"""How much newer (µs) a quote may be than its writer's last heartbeat. Fast polls do not write a
heartbeat each time.
"""


class LastPoll(msgspec.Struct, frozen=True):
    """The last poll of these symbols that the log shows."""

    time: int
    """µs, UTC."""
    interval: int
    """The announced interval (µs); 0 if none was announced."""
    symbols: tuple[str, ...] | None
    """The symbols that were polled; `None`: all of this writer's."""
    lag: int = 0
    """How much later (µs) a poll may have been that left no trace in the log."""
    is_alive: bool = False
    """True if the writer has not stopped since: its next answer is only late."""


class LastPolls:
    """What `heartbeats` of the log tell the poller `writer` of `source`."""

    def __init__(self, heartbeats: Iterable[Heartbeat], *, source: str, writer: str) -> None:
        beats = [beat for beat in heartbeats if beat.source == source]
        self._source = source
        self._others = [beat for beat in beats if beat.writer != writer]
        self.own = next((beat for beat in beats if beat.writer == writer), None)
        """The last heartbeat under this poller's name: its own, or that of one like it."""
        self._sure = _latest(beat for beat in self._others if _is_sure(beat))

    def looker(self, symbol: str, *, own: bool = False) -> Heartbeat | None:
        """Of the other poller that surely looked at `symbol` last; `own`: or of one like this."""
        found = [beat for beat in (self._sure.get(symbol),) if beat is not None]
        if (
            own
            and self.own is not None
            and _asks_for(self.own, symbol)
            and symbol not in self.own.refused
        ):
            found.append(self.own)
        return max(found, key=lambda beat: beat.last_good or 0, default=None)

    def last(
        self,
        symbols: Sequence[str],
        known: Mapping[str, Quote],
        *,
        now: int,
        own: bool = True,
    ) -> list[LastPoll]:
        """Find the last poll that covered each of `symbols`.

        Returns one `LastPoll` per poller. A symbol is in exactly one of them: the newest heartbeat
        that lists it wins. A symbol that was never polled is in none. `known` are the log's quotes
        of these symbols: where no heartbeat tells, a symbol was polled when its quote came.
        `own=False` ignores this writer's earlier heartbeats (its symbols are new). `now` is in µs,
        UTC.

        When the evidence is uncertain, the gap reported may be too long, never too short.
        """
        mine = self.own if own else None
        gone = [b for b in self._others if not _is_sure(b) and not is_alive(b, now)]
        gone.sort(key=lambda beat: beat.last_good or 0)
        found: dict[str, LastPoll] = {}
        for symbol in symbols:
            quote = known.get(symbol)
            if quote is None:
                continue
            alive = False
            ours = quote.source == self._source
            looker = self._looker_of(symbol, quote, gone, own=own)
            if looker is not None and looker.last_good is not None:
                key, time, interval = looker.writer, looker.last_good, looker.interval
                # Under our own name only we poll now. Of another poller we cannot be sure.
                is_own = looker is self.own
                lag = 0 if is_own else _lag(looker)
                alive = not is_own and is_alive(looker, now)
            elif ours:
                key, time, interval = f"at {quote.received}", 0, mine.interval if mine else 0
                lag = 0
            else:
                continue
            # One poll for all symbols that one poller asked for at once, even if their quotes
            # differ.
            time = max(time, quote.received if ours else 0)
            if (before := found.get(key)) is not None:
                time = max(time, before.time)
                together = (*(before.symbols or ()), symbol)
            else:
                together = (symbol,)
            found[key] = LastPoll(time, interval, together, lag, alive)
        if mine is not None and found.keys() == {mine.writer}:
            # Symbols of which nothing is known yet are included.
            return [msgspec.structs.replace(look, symbols=None) for look in found.values()]
        return [*found.values()]

    def _looker_of(
        self, symbol: str, quote: Quote, gone: Iterable[Heartbeat], *, own: bool
    ) -> Heartbeat | None:
        """Of the poller that may have polled `symbol` last; `gone`: those that are not sure."""
        looker = self.looker(symbol, own=own)
        if quote.source != self._source:
            return looker
        if looker is not None and not _explains(looker, quote):
            looker = None
        vague = (beat for beat in gone if _asks_for(beat, symbol) and _explains(beat, quote))
        return looker or next(vague, None)


def _latest(heartbeats: Iterable[Heartbeat]) -> Mapping[str, Heartbeat]:
    """Map each symbol to the heartbeat that names it and has the latest good answer.

    A refused symbol may be one whose request failed; then it was not polled.
    """
    by_time = sorted(heartbeats, key=lambda beat: beat.last_good or 0)
    return {
        symbol: beat
        for beat in by_time
        for symbol in beat.symbols or ()
        if symbol not in beat.refused
    }


def _is_sure(beat: Heartbeat) -> bool:
    """Whether its last good answer was for the symbols that it names."""
    return beat.last_good is not None and beat.last_good >= beat.time


def _asks_for(beat: Heartbeat, symbol: str) -> bool:
    """Whether its writer polls `symbol`."""
    return symbol in (beat.symbols or ())


def _lag(beat: Heartbeat) -> int:
    """How much newer (µs) its writer's last good answer may be than the one that `beat` reports."""
    # The last heartbeat of a poller reports its very last answer. A slow poller reports each one.
    return 0 if beat.state == WriterState.STOPPED or beat.interval >= BEATS_LAG else BEATS_LAG


def _explains(beat: Heartbeat, quote: Quote) -> bool:
    """Whether the writer of `beat` may be the one that got `quote`."""
    if beat.last_good is None:
        return False
    # The last heartbeat of a poller reports its very last answer.
    lag = 0 if beat.state == WriterState.STOPPED else BEATS_LAG
    return quote.received <= beat.last_good + lag
