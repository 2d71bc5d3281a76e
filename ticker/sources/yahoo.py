"""Yahoo's batch quotes, polled: one request for up to 50 symbols.

Keeps the promises of `Source`, for Yahoo itself and for any server with Yahoo's interfaces
(`yahoo+http://HOST:PORT`, `exchange`). Importing it is cheap: `prepare()` or the first request
loads yfinance, in a thread. It has no schedule and knows no ticks.
"""

from __future__ import annotations

import asyncio
import json
import random as _random
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from ticker.errors import RateLimited, SourceError, SourceUnreachable, UsageError
from ticker.records import Found, MinuteBars
from ticker.source_titles import source_title
from ticker.sources.address import YahooAddress
from ticker.sources.budget import Budget
from ticker.sources.charting import read_bars
from ticker.sources.protocol import Answer, SearchableSource
from ticker.sources.reading import Context, is_symbol, read_answer
from ticker.sources.searching import read_found
from ticker.sources.waits import RateLimitWaits, Refusals
from ticker.sources.worker import Worker
from ticker.system_clock import now
from ticker.units import SECOND

if TYPE_CHECKING:
    from ticker.sources.fetching import Fetched, Fetcher


_GRACE: Final = 1.0
"""How long to wait for curl beyond the deadline, which curl keeps itself (s)."""
_LONGEST_ROUND: Final = 1.5
"""After this many deadlines `quotes` sends no further request: pollers do not wait longer."""

OnAnswer = Callable[[Sequence[str], bytes], None]
"""Called with the symbols of one request and the unchanged body of its good answer."""


def each_once(symbols: Sequence[str]) -> list[str]:
    """Return the symbols without repeats. Raises `UsageError` if `symbols` is one text."""
    if isinstance(symbols, str):  # it would be read as a list of letters
        raise UsageError(f'quotes: expected a list, like ["AAPL"], not {symbols!r:.60}')
    return list(dict.fromkeys(symbols))


class YahooSource(SearchableSource):
    """A `Source` that is polled. `on_answer` may be set at any time; `quotes` calls it in its task.

    `deadline` (seconds) limits each request, cookie and crumb included. `clock` returns µs since
    the epoch, `random` numbers in [0, 1). `budget` counts the requests; `None`: a new one does.
    """

    batch: int = 50

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
        self.every = place.every
        self.every_closed = place.every_closed
        self.budget = Budget(place.budget) if budget is None else budget
        self.on_answer = on_answer
        self.place = place
        self.deadline = deadline
        self.clock = clock
        self.monotonic = monotonic
        self.random = random
        self._refusals = Refusals(2 * place.every / SECOND, place.longest_refusal)
        self._unasked: frozenset[str] = frozenset()
        self._worker = Worker(f"ticker-{place.name}")
        # Charts and searches have their own thread and session: a slow one delays no poll.
        self._aside = Worker(f"ticker-{place.name}-aside")
        self._own = threading.local()
        self._one_at_a_time = asyncio.Lock()
        self._waits = RateLimitWaits(random, self.budget.pause)
        self._waits_aside = RateLimitWaits(random)

    async def prepare(self) -> None:
        """Load yfinance now, off the event loop, so that the first answer comes sooner."""
        await self._worker.call(lambda: self._fetcher(is_extra=False))

    async def quotes(self, symbols: Sequence[str]) -> Answer:
        """See `Source.quotes`. More than 50 symbols take several requests, one after another.

        After a rate limit, or if the answers take too long, no further request is sent.
        """
        wanted = each_once(symbols)
        refused = {symbol: "not a symbol" for symbol in wanted if not is_symbol(symbol)}
        refused |= self._refusals.put_off(wanted, self.monotonic())
        # Symbols that the last call left out come first, so that none waits for ever.
        asked = sorted(
            (s for s in wanted if s not in refused), key=lambda s: s not in self._unasked
        )
        async with self._one_at_a_time:
            began = self.monotonic()
            parts: list[Answer] = []
            self._unasked = frozenset()
            for start in range(0, len(asked), self.batch):
                if (reason := self._why_not(parts, began)) is not None:
                    self._unasked = frozenset(asked[start:])
                    parts.append(self._failed(asked[start:], reason, "not asked: "))
                    break
                parts.append(await self._ask(asked[start : start + self.batch]))
        found = {quote.symbol: quote for part in parts for quote in part.quotes}
        failures: dict[str, SourceError] = {}
        for part in parts:
            refused |= part.refused
            failures |= part.failures
        quotes = [found[symbol] for symbol in wanted if symbol in found]
        answer = Answer(quotes, refused, failures=failures)
        if failures and all(part.failures for part in parts):
            raise answer.rate_limited or next(iter(failures.values()))
        return answer

    def _why_not(self, parts: Sequence[Answer], began: float) -> SourceError | None:
        """Return why no request may follow the answers `parts`; `None`: one may."""
        errors = [error for part in parts for error in part.failures.values()]
        for error in errors:
            if isinstance(error, RateLimited):
                return error
        if self.monotonic() - began <= _LONGEST_ROUND * self.deadline:
            return None
        return errors[-1] if errors else SourceError(self.name, "answers slowly")

    async def _ask(self, part: Sequence[str]) -> Answer:
        """Send one request for `part`."""
        try:
            fetched = await self._asked(lambda fetcher: fetcher.fetch(part))
            results = self._results(fetched.body)
        except SourceError as error:
            return self._failed(part, error)
        if self.on_answer is not None:
            self.on_answer(part, fetched.body)
        title = source_title(self.name)
        context = Context(self.name, title, self.clock(), simulated=fetched.simulated)
        quotes, refused = read_answer(results, part, context)
        self._refusals.note((quote.symbol for quote in quotes), refused, self.monotonic())
        return Answer(quotes, refused)

    def _failed(self, part: Sequence[str], error: SourceError, begin: str = "") -> Answer:
        """Return the answer for `part` if `error` ended or prevented its request."""
        reason = f"{begin}{source_title(self.name)}: {error.problem}"
        failures = dict.fromkeys(part, error)
        return Answer((), dict.fromkeys(part, reason), failures=failures)

    async def search(self, words: str, most: int = 10) -> Sequence[Found]:
        """Return what Yahoo finds for `words`, best first. Raises `SourceError`."""
        fetched = await self._asked(lambda fetcher: fetcher.search(words, most), is_extra=True)
        found = read_found(self._read(fetched.body))
        if found is None:
            raise SourceError(self.name, "answered with JSON that is not a search result")
        return found

    async def bars(self, symbol: str) -> MinuteBars:
        if not is_symbol(symbol):
            raise SourceError(self.name, f"{symbol!a:.40} is not a symbol")
        fetched = await self._asked(lambda fetcher: fetcher.chart(symbol), is_extra=True)
        bars = read_bars(self._read(fetched.body), symbol, self.clock())
        if bars is None:
            raise SourceError(self.name, "answered with JSON that is not a chart")
        return bars

    async def close(self) -> None:
        self._worker.abandon()
        self._aside.abandon()

    async def _asked(self, ask: Callable[[Fetcher], Fetched], *, is_extra: bool = False) -> Fetched:
        """Call `ask` in the thread of polls, or in that of extras. Return its result."""
        worker = self._aside if is_extra else self._worker
        # Loading yfinance may take longer than the deadline.
        await worker.call(lambda: self._fetcher(is_extra=is_extra))
        try:
            # curl keeps the deadline itself. This limits everything else in the call.
            async with asyncio.timeout(self.deadline + _GRACE):
                return await worker.call(lambda: ask(self._fetcher(is_extra=is_extra)))
        except TimeoutError:
            raise SourceUnreachable(self.name, f"no answer within {self.deadline:g} s") from None

    def _fetcher(self, *, is_extra: bool) -> Fetcher:
        """Return this thread's fetcher. An abandoned thread may still use its own."""
        from ticker.sources.fetching import Fetcher

        if not hasattr(self._own, "fetcher"):
            self._own.fetcher = Fetcher(
                self.name,
                self.place.server,
                deadline=self.deadline,
                clock=self.clock,
                waits=self._waits_aside if is_extra else self._waits,
                permit=lambda: self._permit(is_extra=is_extra),
            )
        fetcher: Fetcher = self._own.fetcher
        return fetcher

    def _permit(self, *, is_extra: bool) -> None:
        """Count one request. Raises `RateLimited` during a pause, or if the budget is spent."""
        if wait := self.budget.take(is_extra=is_extra):
            retry_at = self.clock() + wait
            if self.budget.is_paused:
                raise RateLimited(self.name, retry_at)
            problem = f"the {self.budget.per_hour} requests of an hour are spent"
            raise RateLimited(self.name, retry_at, problem)

    def _results(self, body: bytes) -> Sequence[object]:
        """Return the list under `quoteResponse.result`. Raises `SourceError` if there is none."""
        match self._read(body):
            case {"quoteResponse": {"result": [*results]}}:
                return results
            case {"quoteResponse": {"error": {**told}}} | {"finance": {"error": {**told}}}:
                words = told.get("description") or told.get("code")
                raise SourceError(self.name, f"answered with an error: {ascii(words)[:120]}")
            case _:
                raise SourceError(self.name, "answered with JSON that holds no quotes")

    def _read(self, body: bytes) -> object:
        """Parse the JSON of an answer. Raises `SourceError` if it is not JSON."""
        if not body.strip():
            raise SourceError(self.name, "sent an empty answer")
        try:
            # Not msgspec: it refuses all quotes for one NaN.
            return json.loads(body)
        except (ValueError, RecursionError) as error:
            is_page = body.lstrip()[:1] == b"<"
            what = "a web page instead of quotes" if is_page else "broken JSON"
            raise SourceError(self.name, f"answered with {what}") from error
