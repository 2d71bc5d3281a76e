"""Finds the last poll of each symbol from the heartbeats and quotes of a log.

When the evidence is uncertain, the gap reported may be too long, never too short. Pure: the time is
passed in. This module knows one poller's name and source, and no log.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from ticker.health.states import WriterState
from ticker.health.writers import is_alive
from ticker.records import GapReason, Heartbeat, Quote
from ticker.units import SECOND

BEATS_LAG: Final = SECOND
"""How much newer (µs) a quote may be than its writer's last heartbeat: a fast poll does not write a
heartbeat each time.
"""


class LastPoll(msgspec.Struct, frozen=True):
    """The last poll of `symbols`."""

    time: int
    """µs, UTC."""
    symbols: Sequence[str]
    reason: str = GapReason.POLLER_STOPPED
    """Why there was no later poll."""
    interval: int = 0
    """The announced interval (µs); 0 if none was announced."""
    lag: int = 0
    """A poll up to this much later (µs) may have left no trace in the log."""
    is_all: bool = False
    """Whether these are all symbols that the poller asks for."""
    is_own: bool = False
    """Whether later heartbeats under this poller's name count: another process wrote them."""


class LastPolls:
    """Knows earlier polls of `source`, for the poller `writer`.

    It learns of them from the `heartbeats` of a log, and from its quotes: `known`.
    """

    def __init__(
        self,
        heartbeats: Iterable[Heartbeat],
        known: Mapping[str, Quote],
        *,
        source: str,
        writer: str,
    ) -> None:
        self._known = known
        beats = [beat for beat in heartbeats if beat.source == source]
        self._source = source
        self._others = [beat for beat in beats if beat.writer != writer]
        self.own = next((beat for beat in beats if beat.writer == writer), None)
        """The last heartbeat under this poller's name, perhaps from another process."""
        self._sure = {
            symbol: beat
            for beat in sorted(filter(_is_sure, self._others), key=_last_good)
            for symbol in beat.symbols or ()
            if _polls(beat, symbol)
        }
        """Symbol → the heartbeat of another poller that polls it, with the latest good answer."""

    def last_beat(self, symbol: str, *, own: bool = False) -> Heartbeat | None:
        """Return the last heartbeat of another poller that certainly polled `symbol`.

        With `own`, a heartbeat under this poller's own name counts too.
        """
        found = [self._sure[symbol]] if symbol in self._sure else []
        if own and self.own is not None and _polls(self.own, symbol):
            found.append(self.own)
        return max(found, key=_last_good, default=None)

    def last(self, symbols: Sequence[str], now: int, *, own: bool = True) -> list[LastPoll]:
        """Find the last poll that covered each of `symbols`.

        Returns one `LastPoll` per poller. A symbol is in exactly one of them: the newest heartbeat
        that lists it wins. A symbol that was never polled is in none. If no heartbeat covers a
        symbol, its quote's time is that of its last poll; symbols with equal times share one
        `LastPoll`. `own=False` ignores this writer's earlier heartbeats (its symbols are new).
        `now` is in µs, UTC.
        """
        found: dict[str, LastPoll] = {}
        for symbol in symbols:
            if (told := self._last_poll(symbol, now, own=own)) is None:
                continue
            key, poll = told
            # One poll for all symbols of one poller, even if their quotes are from different times.
            if (before := found.get(key)) is not None:
                time, together = max(poll.time, before.time), (*before.symbols, symbol)
                poll = msgspec.structs.replace(poll, time=time, symbols=together)
            found[key] = poll
        if own and self.own is not None and found.keys() == {self.own.writer}:
            # Symbols without a quote are included.
            return [
                msgspec.structs.replace(poll, symbols=tuple(symbols), is_all=True)
                for poll in found.values()
            ]
        return [*found.values()]

    def _last_poll(self, symbol: str, now: int, *, own: bool) -> tuple[str, LastPoll] | None:
        """Return a key that all polls of one poller share, and the last poll of a symbol."""
        if (quote := self._known.get(symbol)) is None:
            return None
        is_ours = quote.source == self._source
        beat = self._likely_beat(symbol, quote, now, own=own)
        if beat is not None and beat.last_good is not None:
            time = max(beat.last_good, quote.received if is_ours else 0)
            if beat is self.own:  # only we poll under our name now
                return beat.writer, LastPoll(time, (symbol,), interval=beat.interval)
            # A writer that is alive is only late with its next answer.
            late = is_alive(beat, now)
            reason = GapReason.POLLER_HELD_UP if late else GapReason.POLLER_STOPPED
            return beat.writer, LastPoll(time, (symbol,), reason, beat.interval, _lag(beat))
        if not is_ours:
            return None
        interval = self.own.interval if own and self.own is not None else 0
        poll = LastPoll(quote.received, (symbol,), GapReason.NOT_POLLED, interval)
        return f"at {quote.received}", poll

    def _likely_beat(self, symbol: str, quote: Quote, now: int, *, own: bool) -> Heartbeat | None:
        """Return the heartbeat of the poller that probably got `quote`, or polled `symbol` since.

        This may be a poller that is gone, even if its heartbeat does not say which symbols its last
        answer was for.
        """
        beat = self.last_beat(symbol, own=own)
        if quote.source != self._source or (beat is not None and _explains(beat, quote)):
            return beat
        gone = (
            each
            for each in self._others
            if not _is_sure(each)
            and not is_alive(each, now)
            and symbol in (each.symbols or ())
            and _explains(each, quote)
        )
        return min(gone, key=_last_good, default=None)


def _last_good(beat: Heartbeat) -> int:
    """Return when the writer's last good answer came (µs, UTC); 0 if there was none."""
    return beat.last_good or 0


def _is_sure(beat: Heartbeat) -> bool:
    """Tell whether the last good answer was for the symbols that `beat` lists."""
    return beat.last_good is not None and beat.last_good >= beat.time


def _polls(beat: Heartbeat, symbol: str) -> bool:
    """Tell whether `beat` lists `symbol` and does not refuse it: that request may have failed."""
    return symbol in (beat.symbols or ()) and symbol not in beat.refused


def _lag(beat: Heartbeat) -> int:
    """Return how much newer than `beat` its writer's last good answer may be (µs)."""
    # A stopped poller has reported its last answer. A slow poller reports each answer.
    return 0 if beat.state == WriterState.STOPPED or beat.interval >= BEATS_LAG else BEATS_LAG


def _explains(beat: Heartbeat, quote: Quote) -> bool:
    """Tell whether the writer of `beat` may have got `quote`."""
    if beat.last_good is None:
        return False
    # A stopped poller has reported its last answer.
    lag = 0 if beat.state == WriterState.STOPPED else BEATS_LAG
    return quote.received <= beat.last_good + lag
