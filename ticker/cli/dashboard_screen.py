"""Shows a dashboard until it ends, with the child processes that feed it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from itertools import chain
from typing import TYPE_CHECKING, TypeVar

import msgspec

from ticker.cli.exit_codes import DONE, HUNG_UP, INTERRUPTED, NO_DATA, NOT_REACHABLE, Failed
from ticker.cli.holdings_and_alerts import (
    Watched,
    alerting_of,
    portfolio_of,
    rereading,
)
from ticker.cli.kept_ticks import Kept, kept_words, way_back
from ticker.cli.preferences import FilePreferences
from ticker.cli.settings import Settings
from ticker.cli.standard_streams import tell
from ticker.currency_pairs import Pairs
from ticker.errors import Unanswered
from ticker.processes import Poller
from ticker.processes.child import News, command
from ticker.records import Found, MinuteBars
from ticker.streams import StreamChoice, open_stream
from ticker.system_clock import now
from ticker.times import parse_duration
from ticker.units import SECOND

if TYPE_CHECKING:
    from ticker.alert_watch import Alerting
    from ticker.dashboard import Dashboard
    from ticker.follow import Follow

T = TypeVar("T")


class Screen:
    """Shows one dashboard. `leave` works even before the dashboard appears."""

    def __init__(self) -> None:
        self.dashboard: Dashboard | None = None
        self._is_left = False

    async def show(self, dashboard: Dashboard) -> int:
        """Show `dashboard` until the user leaves it. Returns the exit code."""
        self.dashboard = dashboard
        if self._is_left:  # ended while it was still loading
            self.leave()
        left = await dashboard.show()
        self.dashboard = None
        if left.hung_up:
            return HUNG_UP
        return INTERRUPTED if left.interrupted else DONE

    def leave(self) -> None:
        """End the dashboard, now or as soon as it appears."""
        self._is_left = True
        if self.dashboard is not None:
            self.dashboard.action_leave()


class Shown:
    """One dashboard from its start to its end, with the child processes that feed it."""

    def __init__(
        self,
        settings: Settings,
        choice: StreamChoice,
        watched: Watched,
        tz: str | None,
        duration: str | None,
        *,
        listed: Sequence[str] = (),
        notices: Sequence[str] = (),
        runs_commands: bool = False,
    ) -> None:
        self._choice = choice
        self._watched = watched
        self._alerting = alerting_of(settings, choice, runs=runs_commands)
        self._zone = settings.zone(tz)
        self._title = ", ".join(listed)
        self._notices = list(notices)
        self._lasting = None if duration is None else parse_duration(duration) / SECOND
        self._sort = settings.sort()
        self._theme = settings.theme()
        self._preferences = FilePreferences(settings, listed)
        self._portfolio = portfolio_of(settings)
        self._is_over = False
        """Whether the time of `--for` has ended."""
        self._screen = Screen()
        self._kept = Kept()
        self._failure: Failed | None = None

    async def main(
        self, children: Sequence[Sequence[str]], inherited: Mapping[str, int] | None = None
    ) -> int:
        """Show until `q`, a signal or the end of `--for`. Returns the exit code.

        `children` are the commands of the child processes, the poller's first. `inherited`: command
        → the file descriptor that its process inherits. Raises `Failed` if a child ends by itself.
        """
        began = now()
        async with AsyncExitStack() as stack:
            # Start the processes first, so that they load while we load.
            pollers = [await self._start(stack, words, inherited or {}) for words in children]
            from ticker.follow import Follow

            stream = await stack.enter_async_context(open_stream(self._choice))
            alerting = await stack.enter_async_context(self._alerting)
            watched = Follow(
                stream, self._watched.rows, beside=self._watched.beside, observe=alerting.take
            )
            alerting.attach(watched)
            controller = ProcessController(pollers[0]) if pollers else None
            watched.board.own(self._portfolio)
            listed = chain.from_iterable(self._preferences.watchlists.values())
            pairs = Pairs(watched, controller, [*listed], self._watched.beside)
            minding = asyncio.create_task(pairs.mind())
            stack.callback(minding.cancel)
            self._preferences.on_read = rereading(alerting, watched.board, pairs=pairs)
            dashboard = self._dashboard(watched, controller, alerting)
            for words in self._notices:
                dashboard.tell(words)
            if self._lasting is not None:
                asyncio.get_running_loop().call_later(self._lasting, self._end)
            code = await self._screen.show(dashboard)
        if self._failure is not None:
            raise self._failure
        if children:
            await self._tell_kept(began)
        if self._is_over and watched.board.received is None:
            tell(f"No price came from {self._choice.url} in this time")
            away = watched.state.is_away
            return NOT_REACHABLE if away else NO_DATA
        return code

    def _dashboard(
        self, watched: Follow, controller: ProcessController | None, alerting: Alerting
    ) -> Dashboard:
        from ticker.dashboard import Dashboard, TerminalDriver

        return Dashboard(
            watched,
            title=self._title or ("demo" if self._choice.demo or self._choice.temporary else ""),
            controller=controller,
            zone=self._zone,
            sort=self._sort,
            look=self._theme,
            simulated=self._choice.demo or self._choice.temporary,
            option=self._choice.option,
            driver=TerminalDriver,
            alerts=alerting,
            preferences=self._preferences,
        )

    async def _tell_kept(self, began: int) -> None:
        """Print how many ticks were kept since `began` (µs, UTC), and how to replay them."""
        kept = self._kept
        back = "" if kept.ticks <= kept.gone else await way_back(self._choice, began)
        words = kept_words(
            kept.ticks,
            kept.gone,
            why_none=kept.why_none,
            temporary=self._choice.temporary,
        )
        tell(words + back)
        if self._kept.undelivered:
            tell(self._kept.undelivered)

    def stop(self) -> None:
        """End the screen, and then the children."""
        self._screen.leave()

    def _end(self) -> None:
        self._is_over = True
        self._screen.leave()

    async def _start(
        self, stack: AsyncExitStack, words: Sequence[str], inherited: Mapping[str, int]
    ) -> Poller:
        inherits = [fd for name, fd in inherited.items() if name == words[0]]
        name = "poller" if words[0] == "poll" else words[0]
        poller = Poller(
            command(*words, "--control"),
            on_news=self._hear,
            on_word=self._tell,
            name=name,
            inherits=inherits,
        )
        await poller.start()
        stack.push_async_callback(poller.stop)
        ending = asyncio.create_task(self._mind(words[0], poller))
        stack.callback(ending.cancel)
        return poller

    async def _mind(self, name: str, poller: Poller) -> None:
        """If a child ends by itself, end the screen with the child's error and exit code."""
        code = await poller.ended()
        self._failure = Failed(self._kept.error or f"The {name} process ended", code)
        self._screen.leave()

    def _hear(self, news: News) -> None:
        self._kept.take(news)
        dashboard, moved = self._screen.dashboard, self._kept.moved
        if dashboard is not None and moved is not None:
            dashboard.tell_market(moved, self._kept.ticks)

    def _tell(self, words: str) -> None:
        if self._screen.dashboard is not None:
            self._screen.dashboard.tell(words)
        else:
            self._notices.append(words)


class ProcessController:
    """Lets the dashboard change what its poller polls, and ask the poller questions."""

    def __init__(self, poller: Poller) -> None:
        self._poller = poller

    async def add(self, symbols: Sequence[str]) -> None:
        """Start polling `symbols`."""
        self._poller.add(symbols)

    async def remove(self, symbols: Sequence[str]) -> None:
        """Stop polling `symbols`."""
        self._poller.remove(symbols)

    async def bars(self, symbol: str) -> MinuteBars:
        """Return the minute bars of the last trading day of `symbol`. Raises `Unanswered`."""
        return await self._ask(MinuteBars, "bars", symbol=symbol)

    async def search(self, words: str) -> Sequence[Found]:
        """Search the source for `words`. Raises `Unanswered`."""
        return await self._ask(list[Found], "found", do="search", words=words)

    async def _ask(self, kind: type[T], name: str, *, do: str = "", **facts: str) -> T:
        """Ask the poller. Returns the field `name` of its answer, converted to `kind`."""
        answer = await self._poller.ask(do or name, **facts)
        try:
            return msgspec.convert(answer[name], kind)
        except (KeyError, msgspec.ValidationError):
            raise Unanswered(str(answer.get("problem", "nonsense"))) from None
