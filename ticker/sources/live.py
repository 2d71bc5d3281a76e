"""Yahoo's live prices: a poll for names and closes, then the socket, which sends each change.

Keeps the promises of `Source`. `quotes` checks the socket and returns the known quotes. It waits
for a poll only to connect, for unknown symbols, and while no socket sends. While none sends, it
polls at the usual pace, and each answer says why. `listen` and `take` deliver what comes between
two checks. If the connection was lost, the next answer says why there was a gap, and a later check
connects again: at most once a second, and less often while connections are short.

A poll decides whether a silent socket is mute or the market is quiet: if prices move and the socket
sends nothing, it is mute. A message about a symbol that no poll has found is ignored.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from ticker.errors import RateLimited, SourceError
from ticker.figures import count_text
from ticker.records import Found, MinuteBars, Quote
from ticker.sources.backing import BackingPolls
from ticker.sources.budget import Budget
from ticker.sources.known import KnownQuotes
from ticker.sources.protocol import Answer, SearchableSource
from ticker.sources.waits import ConnectionAttempts
from ticker.sources.yahoo import YahooSource, each_once
from ticker.times import format_duration
from ticker.units import SECOND
from ticker.waiting import wait_unless

if TYPE_CHECKING:
    from ticker.sources.link import Link

_EVERY: Final = 5 * SECOND
"""The time between two checks of Yahoo's socket (µs)."""
_QUIET: Final = 60.0
"""After this silence, Yahoo's socket is compared with a poll (s)."""
_QUIET_ELSEWHERE: Final = 3.0
"""The same for a socket of another server, whose polls have no budget (s)."""
_LONGEST_QUIET: Final = 900.0
"""The longest time between two such polls (s). The time grows while no price moves."""
_CALM: Final = 60.0
"""The time without a move after which a mute socket counts as quiet again (s).

Also the age at which a socket that sends nothing usable is replaced.
"""
_AGAIN: Final = 15.0
"""The time after which the subscription is sent again, as yfinance does (s)."""
_MOMENT: Final = 0.5
"""How long to wait for the first message of a socket that was silent (s)."""
_GARBAGE: Final = "its socket sends unreadable messages"
_MUTE: Final = "its socket sends nothing while prices move"


class LiveSource(SearchableSource):
    """A `Source` that sends prices by itself. `polled` polls the same address."""

    batch = YahooSource.batch

    def __init__(self, polled: YahooSource) -> None:
        place = polled.place
        self.name = place.name
        self.url = place.url
        self.budget = Budget(None)
        """Unlimited, because a check sends no request. The polls have a budget of their own."""
        self.every = self.every_closed = _EVERY if place.server is None else place.every
        self._server = place.server
        self._polled = polled
        self._known = KnownQuotes()
        self._polls = BackingPolls(polled, self._known)
        self._clock = polled.clock
        self._monotonic = polled.monotonic
        self._wake: Callable[[], object] = lambda: None
        self._link: Link | None = None
        self._subscribed: set[str] = set()
        self._silence: str | None = None
        """Why no socket sends; `None` if one does."""
        self._cut: tuple[str, int | None] | None = None
        """Why the socket stopped sending, and since when (µs, UTC). The next check reports it."""
        self._news = asyncio.Event()
        self._is_garbled = False
        """Whether the last message was unreadable."""
        self._closing: set[asyncio.Task[None]] = set()
        start = self._monotonic()
        self._opened = self._heard = self._checked = self._said = start
        self._moved = start
        """When a poll last found a price that the socket had not sent (s)."""
        self._heard_wall = self._clock()
        self._quiet = self._shortest_quiet = _QUIET if place.server is None else _QUIET_ELSEWHERE
        self._attempts = ConnectionAttempts(polled.random)

    def listen(self, wake: Callable[[], object]) -> None:
        self._wake = wake

    def take(self) -> Sequence[Quote]:
        return self._known.take()

    async def quotes(self, symbols: Sequence[str]) -> Answer:
        wanted = each_once(symbols)
        if self._link is None:
            await self._connect(wanted)
        else:
            await self._watch(wanted)
        if unknown := self._known.unknown(wanted):
            await self._poll(unknown)
        await self._subscribe(wanted)
        if self._silence is not None and self._link is not None:
            self._news.clear()
            await wait_unless(self._news, _MOMENT)
        if self._is_garbled and self._heard <= self._checked:
            self._fall_silent(_GARBAGE)
        self._checked = self._monotonic()
        if self._silence is not None:
            await self._fall_back(wanted)
        return self._answer(wanted)

    async def search(self, words: str, most: int = 10) -> Sequence[Found]:
        return await self._polled.search(words, most)

    async def bars(self, symbol: str) -> MinuteBars:
        return await self._polled.bars(symbol)

    async def close(self) -> None:
        self._polls.cancel()
        link, self._link = self._link, None
        if link is not None:
            await link.close()
        if self._closing:
            await asyncio.wait(self._closing)
        await self._polled.close()

    def _answer(self, wanted: Sequence[str]) -> Answer:
        """Return the known quotes and refusals, and what is wrong with the socket."""
        known = self._known
        refused = {s: known.refused[s] for s in wanted if s in known.refused}
        refused |= dict.fromkeys(known.unknown(wanted), "not asked yet")
        (cut, since), self._cut = self._cut or (None, None), None
        problem = None if self._silence is None else f"{self._silence}, so prices are polled"
        if problem and self._link is None and (wait := self._attempts.wait(self._monotonic())):
            problem += f". Next try in {format_duration(wait * SECOND)}"
        problem = problem or self._doubt()
        if skipped := known.take_skipped():
            problem = f"its socket sends too much: {count_text(skipped, 'message')} skipped"
        return Answer(
            quotes=known.all_of(wanted),
            refused=refused,
            cut=cut,
            cut_since=since,
            problem=problem,
        )

    # The socket

    async def _connect(self, wanted: Sequence[str]) -> None:
        """Poll, connect and subscribe, unless it is too early.

        Raises `SourceError` if the poll fails and no quote is known.
        """
        from ticker.sources.link import Link

        if not self._attempts.is_due(self._monotonic()):
            return
        await self._poll(wanted)
        link = Link(
            self.name,
            self._server,
            within=self._polled.deadline,
            on_message=self._hear,
            on_end=lambda reason: self._lose(link, reason),
        )
        self._subscribed = set(wanted)
        try:
            await link.open(wanted)
        except SourceError as error:
            await link.close()
            self._attempts.lost(self._monotonic(), 0.0)
            self._fall_silent(error.problem)
            return
        except BaseException:
            await link.close()
            raise
        self._link = link
        self._opened = self._said = self._monotonic()
        if self._silence != _MUTE:
            self._silence = None
            self._note_sign()

    def _doubt(self) -> str | None:
        """Return why a silent socket cannot be judged; `None` if it can, or is not silent."""
        error, silent = self._polls.error, self._monotonic() - self._heard
        if error is None or self._heard >= self._polls.asked_at or silent < self._shortest_quiet:
            return None
        return f"its socket sends nothing, and a poll failed: {error.problem}"

    def _note_sign(self) -> None:
        self._heard, self._heard_wall = self._monotonic(), self._clock()

    def _lose(self, link: Link, reason: str) -> None:
        """Note that the connection is gone. A later check connects again."""
        if link is not self._link:
            return
        self._link = None
        self._fall_silent(reason)
        self._polls.cancel()
        at = self._monotonic()
        self._attempts.lost(at, at - self._opened)
        self._wake()

    def _drop(self, link: Link, reason: str) -> None:
        """Close the connection because of `reason`."""
        self._lose(link, reason)
        self._closing.add(closing := asyncio.create_task(link.close()))
        closing.add_done_callback(self._closing.discard)

    def _fall_silent(self, reason: str) -> None:
        """Note that no socket sends any more, because of `reason`."""
        if self._silence is None:
            self._cut = reason, self._heard_wall if reason == _MUTE else None
        self._silence = reason

    def _hear(self, message: Any) -> None:
        """Handle a message of the socket; `None`: it is unreadable."""
        self._is_garbled = message is None
        if message is None:
            return
        if self._silence is None and (doubt := self._doubt()):
            self._cut = doubt, self._heard_wall
        self._note_sign()
        self._silence = None
        self._news.set()
        self._quiet = self._shortest_quiet
        if message.id in self._subscribed and self._known.apply_message(message, self._clock()):
            self._wake()

    async def _subscribe(self, wanted: Sequence[str]) -> None:
        """Subscribe to `wanted` and to nothing else."""
        link, at = self._link, self._monotonic()
        if link is None:
            return
        gone = self._subscribed.difference(wanted)
        new = [symbol for symbol in wanted if symbol not in self._subscribed]
        if gone:
            await link.unsubscribe(sorted(gone))
            self._known.forget(gone)
        if new or at - self._said >= _AGAIN:
            self._said = at
            await link.subscribe(wanted)
        self._subscribed = set(wanted)

    async def _watch(self, wanted: Sequence[str]) -> None:
        """Find out whether a silent socket is dead or mute."""
        self._judge(self._polls.ended())
        link, at = self._link, self._monotonic()
        if link is None:
            return
        if self._heard <= self._checked and not await link.is_alive():
            self._drop(link, "its socket answers no ping")
            await self._connect(wanted)
            return
        if self._silence is not None:  # prices are polled already: a new socket may work
            if at - self._opened >= _CALM:
                self._drop(link, self._silence)
            return
        is_silent = at - self._heard >= self._quiet
        pause = self._quiet if is_silent or self._known.refused else _LONGEST_QUIET
        self._polls.begin(wanted, pause, self._wake)

    # Polls

    async def _poll(self, symbols: Sequence[str]) -> None:
        """Poll `symbols`, unless it is too early, and judge the socket by the answer."""
        self._judge(await self._polls.poll(symbols))

    async def _fall_back(self, wanted: Sequence[str]) -> None:
        """Poll at the usual pace, because no socket sends. Raises the error of the last poll.

        If the polls are rate-limited, `retry_at` does not delay the next attempt to connect.
        """
        await self._poll(wanted)
        if isinstance(error := self._polls.error, RateLimited):
            wait = 0 if self._link is not None else self._attempts.wait(self._monotonic())
            retry_at = self._clock() + max(wait * SECOND, self.every)
            raise RateLimited(self.name, min(retry_at, error.retry_at), error.problem)
        if error is not None:
            raise error

    def _judge(self, moved: bool | None) -> None:
        """Judge a silent socket by a poll. `moved` is what `BackingPolls.poll` returned."""
        if moved is None:
            return
        self._wake()
        if self._heard >= self._polls.asked_at:
            return
        at, link = self._monotonic(), self._link
        if moved:
            self._moved = at
            if link is not None and self._silence is None:
                self._drop(link, _MUTE)
            return
        self._quiet = min(2 * self._quiet, _LONGEST_QUIET)
        if self._silence == _MUTE and link is not None and at - self._moved >= _CALM:
            self._silence = None
