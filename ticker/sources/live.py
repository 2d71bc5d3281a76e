"""Yahoo's live prices: a poll for names and closes, then the socket, which sends each change.

Promises what `Source` promises. `quotes` is a look at the socket, not a request: it answers with
what is known, if the socket gave a sign of life since the last look. What comes in between is told
at once through `listen` and `take`. Where the socket was cut off, the next look connects again, at
most once a second and ever more rarely if it does not last, and says why there was a gap.

A mute socket is told from a quiet market by a poll: if prices move and the socket says nothing, it
is mute. Symbols and prices of what is not known from a poll are not used.
"""

from __future__ import annotations

import asyncio
import contextlib
import random as _random
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from ticker.errors import RateLimited, SourceError, SourceUnreachable, UsageError
from ticker.records import Found, MinuteBars, Quote
from ticker.sources.budget import Budget
from ticker.sources.pricing import merged, updated
from ticker.sources.protocol import Answer, SearchableSource
from ticker.sources.reconnecting import Turns
from ticker.sources.yahoo import OnAnswer, YahooAddress, YahooSource, each_once
from ticker.system_clock import now
from ticker.units import SECOND

if TYPE_CHECKING:
    from ticker.sources.link import Link

_EVERY: Final = 5 * SECOND
"""Between two looks at Yahoo's socket (µs)."""
_QUIET: Final = 60.0
"""A socket that says nothing for so long is compared with a poll (s) …"""
_QUIET_ELSEWHERE: Final = 3.0
"""… and that of another server, which has no budget."""
_LONGEST_QUIET: Final = 900.0
"""While nothing moves, polls become rarer, down to one in so long (s)."""
_AGAIN: Final = 15.0
"""The subscription is sent again so often, as yfinance does (s)."""
_WAITING: Final = 10_000
"""Of more quotes that wait to be taken, the latest per symbol is kept."""
_MOMENT: Final = 0.5
"""How long a socket that was mute may take for its first message (s)."""
_MUTE: Final = "sends nothing through its socket while prices move"


class LiveSource(SearchableSource):
    """A `Source` that sends by itself. The arguments are those of `YahooSource`."""

    batch = YahooSource.batch

    def __init__(
        self,
        place: YahooAddress,
        *,
        on_answer: OnAnswer | None = None,
        deadline: float = 10.0,
        clock: Callable[[], int] = now,
        monotonic: Callable[[], float] = time.monotonic,
        random: Callable[[], float] = _random.random,
        budget: Budget | None = None,
    ) -> None:
        self.name = place.name
        self.url = place.url
        self.budget = Budget(None)
        """Looks are no requests; the polls have a budget of their own."""
        self.every = self.every_closed = _EVERY if place.server is None else place.every
        self._server = place.server
        self._polled = YahooSource(
            place,
            on_answer=on_answer,
            deadline=deadline,
            clock=clock,
            monotonic=monotonic,
            random=random,
            budget=budget,
        )
        self._deadline = deadline
        self._clock = clock
        self._monotonic = monotonic
        self._wake: Callable[[], object] = lambda: None
        self._known: dict[str, Quote] = {}
        self._refused: dict[str, str] = {}
        self._waiting: list[Quote] = []
        self._skipped = 0
        self._link: Link | None = None
        self._subscribed: set[str] = set()
        self._cut: str | None = None
        """Why the socket was cut off, until a look has told it."""
        self._is_mute = False
        self._news = asyncio.Event()
        self._broken = 0
        """Messages since the last readable one that could not be read."""
        self._comparing: asyncio.Task[Answer] | None = None
        self._closing: asyncio.Task[None] | None = None
        start = monotonic()
        self._opened = self._heard = self._looked = self._said = self._polled_at = start
        self._quiet = self._shortest_quiet = _QUIET if place.server is None else _QUIET_ELSEWHERE
        self._turns = Turns(random)
        self._poll_after = 0
        """When Yahoo may be polled again (µs, UTC)."""

    @classmethod
    def at(cls, url: str, *, on_answer: OnAnswer | None = None, shared: Path | None = None) -> Self:
        """The source at `url`: `yahoo-live`, `yahoo-live+ws://…` or `exchange-live[…]`."""
        place = live_address(url)
        return cls(place, on_answer=on_answer, budget=Budget(place.budget, shared=shared))

    async def prepare(self) -> None:
        """Load yfinance now, off the event loop."""
        await self._polled.prepare()

    def listen(self, wake: Callable[[], object]) -> None:
        """See `Source.listen`."""
        self._wake = wake

    def take(self) -> Sequence[Quote]:
        """See `Source.take`."""
        waiting, self._waiting = self._waiting, []
        return waiting

    async def quotes(self, symbols: Sequence[str]) -> Answer:
        """See `Source.quotes`."""
        wanted = each_once(symbols)
        begun, requests = self._clock(), 0
        unknown = [s for s in wanted if s not in self._known and s not in self._refused]
        if self._link is None:
            requests = await self._connect(wanted)
        elif unknown:
            requests = await self._poll(unknown)
        else:
            requests = await self._watch(wanted)
            if self._link is None:
                raise self._silence()
        await self._subscribe(wanted)
        if self._is_mute:
            await self._wait_for_news()
        is_broken = self._broken > 0 and self._heard <= self._looked
        self._looked = self._monotonic()
        if is_broken or self._is_mute:
            raise self._silence()
        return self._answer(wanted, begun, requests)

    async def search(self, words: str, most: int = 10) -> Sequence[Found]:
        """See `YahooSource.search`."""
        return await self._polled.search(words, most)

    async def bars(self, symbol: str) -> MinuteBars:
        """See `YahooSource.bars`."""
        return await self._polled.bars(symbol)

    async def close(self) -> None:
        """See `Source.close`."""
        if self._comparing is not None:
            self._comparing.cancel()
        link, self._link = self._link, None
        if link is not None:
            await link.close()
        await self._polled.close()

    def _answer(self, wanted: Sequence[str], begun: int, requests: int) -> Answer:
        """All that is known, what nobody has taken yet in its order."""
        there = set(wanted)
        unknown = [s for s in wanted if s not in self._known and s not in self._refused]
        taken = [quote for quote in self.take() if quote.symbol in there]
        told = {quote.symbol for quote in taken}
        rest = [self._known[s] for s in wanted if s in self._known and s not in told]
        cut, self._cut = self._cut, None
        skipped, self._skipped = self._skipped, 0
        return Answer(
            quotes=[*taken, *rest],
            refused={s: self._refused[s] for s in wanted if s in self._refused}
            | dict.fromkeys(unknown, "not asked yet"),
            asked=begun,
            received=self._clock(),
            requests=requests,
            cut=cut,
            problem=f"sends more than can be kept up with: {skipped:,} skipped"
            if skipped
            else None,
        )

    # The socket

    async def _connect(self, wanted: Sequence[str]) -> int:
        """Poll, connect and subscribe; the requests it took. Raises `SourceError`."""
        from ticker.sources.link import Link

        if not self._turns.is_due(self._monotonic()):
            raise self._silence() if self._is_mute else self._away()
        requests = await self._poll(wanted)
        link = Link(
            self.name,
            self._server,
            within=self._deadline,
            on_message=self._hear,
            on_broken=self._pass_over,
            on_end=lambda reason: self._lose(link, reason),
        )
        self._subscribed = set(wanted)
        try:
            await link.open(wanted)
        except BaseException:
            await link.close()
            raise
        self._link = link
        self._opened = self._said = self._monotonic()
        self._heard = max(self._heard, self._opened) if not self._is_mute else self._heard
        return requests

    async def _wait_for_news(self) -> None:
        """Give a socket that said nothing a moment to say something."""
        self._news.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_MOMENT):
                await self._news.wait()

    def _lose(self, link: Link, reason: str) -> None:
        """The connection is gone; a look makes another: the later, the less the last ones did."""
        if link is not self._link:
            return
        self._link = None
        self._cut = reason
        if self._comparing is not None:  # what it tells is older than the next connection
            self._comparing.cancel()
            self._comparing = None
        if not self._is_mute:  # the poller backs off after that
            at = self._monotonic()
            self._turns.lost(at, at - self._opened)
        self._wake()

    def _away(self) -> SourceError:
        return SourceUnreachable(self.name, self._cut or "no socket yet")

    def _silence(self) -> SourceError:
        """What is wrong with a socket that is there, and tells nothing."""
        garbage = f"sends messages through its socket that nobody can read ({self._broken:,})"
        return SourceError(self.name, garbage if self._broken else _MUTE)

    def _hear(self, message: Any) -> None:
        """A message came."""
        self._heard = self._monotonic()
        self._broken = 0
        self._is_mute = False
        self._news.set()
        self._quiet = self._shortest_quiet
        known = self._known.get(message.id)
        if known is None or message.id not in self._subscribed:
            return
        quote = updated(known, message, received=self._clock())
        if quote is not None:
            self._put(quote)

    def _pass_over(self) -> None:
        self._broken += 1

    def _put(self, quote: Quote) -> None:
        """`quote` is new; of too many that wait, the latest per symbol is kept."""
        self._known[quote.symbol] = quote
        self._waiting.append(quote)
        if len(self._waiting) > _WAITING:
            latest = {each.symbol: each for each in self._waiting}
            self._skipped += len(self._waiting) - len(latest)
            self._waiting = [*latest.values()]
        self._wake()

    async def _subscribe(self, wanted: Sequence[str]) -> None:
        """Have the socket send `wanted`, and nothing else."""
        link, at = self._link, self._monotonic()
        if link is None:
            return
        gone = self._subscribed.difference(wanted)
        new = [symbol for symbol in wanted if symbol not in self._subscribed]
        if gone:
            await link.unsubscribe(sorted(gone))
            for symbol in gone:  # asked for again, it is polled again
                self._known.pop(symbol, None)
                self._refused.pop(symbol, None)
        if new or at - self._said >= _AGAIN:
            self._said = at
            await link.subscribe(wanted)
        self._subscribed = set(wanted)

    # Polls

    async def _poll(self, symbols: Sequence[str]) -> int:
        """Learn names, closes and prices; the requests it took.

        Raises `SourceError` where nothing is known without it. Otherwise the socket goes on, and
        what is unknown is asked for with the next poll.
        """
        at = self._monotonic()
        is_early = at - self._polled_at < self._dearest(len(symbols))
        is_all_known = all(symbol in self._known for symbol in symbols)
        if (is_early and is_all_known) or (self._known and self._clock() < self._poll_after):
            return 0
        self._polled_at = at
        try:
            answer = await self._polled.quotes(symbols)
        except SourceError as error:
            self._blame(error)
            if not self._known:
                raise
            self._refused |= {s: error.problem for s in symbols if s not in self._known}
            return 1
        self._take_in(answer)
        return answer.requests

    def _blame(self, error: SourceError) -> None:
        if isinstance(error, RateLimited):
            self._poll_after = error.retry_at

    def _take_in(self, answer: Answer) -> None:
        """What a poll told."""
        if answer.rate_limited is not None:
            self._blame(answer.rate_limited)
        for polled in answer.quotes:
            known = self._known.get(polled.symbol)
            quote = polled if known is None else merged(known, polled)
            if quote != known:
                self._put(quote)
            self._refused.pop(polled.symbol, None)
        self._refused |= {s: why for s, why in answer.refused.items() if s not in self._known}

    async def _watch(self, wanted: Sequence[str]) -> int:
        """Find out whether a silent socket is dead or mute; the requests it took."""
        requests, at = self._compare_answer(), self._monotonic()
        link = self._link
        if link is None:
            return requests
        if self._heard <= self._looked and not await link.is_alive():
            self._lose(link, "its socket answers no ping")
            await link.close()
            return requests + await self._connect(wanted)
        is_silent = at - self._heard >= self._quiet
        pause = self._quiet if is_silent or self._refused else _LONGEST_QUIET
        is_due = at - self._polled_at >= max(pause, self._dearest(len(wanted)))
        if is_due and self._comparing is None and self._clock() >= self._poll_after:
            self._polled_at = at
            self._comparing = asyncio.create_task(self._polled.quotes(wanted))
            self._comparing.add_done_callback(lambda _: self._wake())
        return requests

    def _dearest(self, symbols: int) -> float:
        """Seconds between two polls of so many symbols, so that half the budget is left over."""
        budget, requests = self._polled.budget, -(-symbols // self.batch)
        budget.wish(int(3_600 / self._polled.every * SECOND * requests))
        return 2 * 3_600 / budget.share * requests if budget.share else 0.0

    def _compare_answer(self) -> int:
        """Judge the socket by the poll that has ended, if one has; the requests it took."""
        task = self._comparing
        if task is None or not task.done():
            return 0
        self._comparing = None
        try:
            answer = task.result()
        except SourceError as error:
            self._blame(error)
            return 1
        moved = any(
            (known := self._known.get(quote.symbol)) is not None
            and quote.time > known.time
            and quote.price != known.price
            for quote in answer.quotes
        )
        is_silent = self._heard < self._polled_at
        self._take_in(answer)
        if is_silent and moved:
            self._is_mute = True
            if (link := self._link) is not None:
                self._lose(link, _MUTE)
                self._closing = asyncio.create_task(link.close())
        elif is_silent:
            self._is_mute = False
            self._quiet = min(2 * self._quiet, _LONGEST_QUIET)
        return answer.requests


def live_address(url: str) -> YahooAddress:
    """`yahoo-live`, `yahoo-live+ws://HOST:PORT`, `exchange-live[:HOST[:PORT]]`; `UsageError`."""
    scheme, colon, rest = url.partition(":")
    match scheme:
        case "yahoo-live" if not colon:
            return YahooAddress(url, name=url)
        case "yahoo-live+ws":
            place = YahooAddress.at(f"yahoo+http:{rest}")
            return replace(place, url=url, name="yahoo-live")
        case "exchange-live":
            return replace(YahooAddress.at(f"exchange{colon}{rest}"), url=url, name=scheme)
    raise UsageError(f"{url!r} is no live source")


def is_live(url: str) -> bool:
    """Whether `url` is meant to be a live source."""
    return url.partition(":")[0] in ("yahoo-live", "yahoo-live+ws", "exchange-live")
