"""Shows a dashboard until it ends, with the child processes that feed it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from itertools import chain
from typing import TYPE_CHECKING, TypeVar

import msgspec

from ticker.cli.exit_codes import DONE, HUNG_UP, INTERRUPTED, NO_DATA, NOT_REACHABLE, Failed
from ticker.cli.holdings_and_alerts import Watched, alerting_of, needed_by, portfolio_of
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
from ticker.times import Zone, parse_duration
from ticker.units import SECOND

if TYPE_CHECKING:
    from ticker.alert_watch import Alerting
    from ticker.dashboard import Dashboard
    from ticker.feed import Feed
    from ticker.play import Player

T = TypeVar("T")


class Screen:
    """One dashboard, with the alerts, holdings and preferences of the user.

    `notify` and `stop` work even before the dashboard appears.
    """

    def __init__(
        self,
        settings: Settings,
        choice: StreamChoice,
        zone: Zone,
        alerting: Alerting,
        *,
        title: str,
        listed: Sequence[str] = (),
    ) -> None:
        self.alerting = alerting
        self.preferences = FilePreferences(settings, listed)
        self.portfolio = portfolio_of(settings)
        self.dashboard: Dashboard | None = None
        self._choice = choice
        self._zone = zone
        self._title = title
        self._theme = settings.theme()
        self._notices: list[str] = []
        self._is_left = False

    async def show(
        self,
        feed: Feed,
        *,
        controller: ScreenPoller | None = None,
        pairs: Pairs | None = None,
        player: Player | None = None,
    ) -> int:
        """Show `feed` until the user leaves. Returns the exit code.

        `controller` is the screen's own poller, and `player` its replay. `pairs` asks for the
        currency pairs that totals need.
        """
        from ticker.dashboard import Dashboard, TerminalDriver

        def reread(settings: Settings) -> None:
            self.alerting.follow(settings.alerts())
            feed.board.own(portfolio_of(settings))
            if pairs is not None:
                pairs.need(needed_by(settings))
            if player is not None:
                player.look_for(self.alerting.alerts)

        self.preferences.on_read = reread
        feed.board.own(self.portfolio)
        self.dashboard = Dashboard(
            feed,
            title=self._title,
            controller=controller,
            player=player,
            zone=self._zone,
            sort=self.preferences.sort,
            look=self._theme,
            simulated=self._choice.demo or self._choice.temporary,
            option=self._choice.option,
            alerts=self.alerting,
            preferences=self.preferences,
            driver=TerminalDriver,
        )
        for words in self._notices:
            self.dashboard.tell(words)
        if self._is_left:  # ended while it was still loading
            self.stop()
        left = await self.dashboard.show()
        self.dashboard = None
        if left.hung_up:
            return HUNG_UP
        return INTERRUPTED if left.interrupted else DONE

    def notify(self, words: str) -> None:
        """Show a notice."""
        if self.dashboard is not None:
            self.dashboard.tell(words)
        else:
            self._notices.append(words)

    def stop(self) -> None:
        """End the dashboard, now or as soon as it appears."""
        self._is_left = True
        if self.dashboard is not None:
            self.dashboard.action_leave()


class LiveScreen(Screen):
    """The dashboard of a stream that is followed, with the child processes that feed it."""

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
        runs: bool = False,
    ) -> None:
        is_demo = choice.demo or choice.temporary
        super().__init__(
            settings,
            choice,
            settings.zone(tz),
            alerting_of(settings, choice, runs=runs),
            title=", ".join(listed) or ("demo" if is_demo else ""),
            listed=listed,
        )
        self._watched = watched
        self._lasting = None if duration is None else parse_duration(duration) / SECOND
        self._is_over = False
        """Whether the time of `--for` has ended."""
        self._notices += notices
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
            alerting = await stack.enter_async_context(self.alerting)
            watched = Follow(
                stream, self._watched.rows, beside=self._watched.beside, observe=alerting.take
            )
            alerting.attach(watched)
            controller = pollers[0] if pollers else None
            listed = chain.from_iterable(self.preferences.watchlists.values())
            pairs = Pairs(watched, controller, [*listed], self._watched.beside)
            minding = asyncio.create_task(pairs.mind())
            stack.callback(minding.cancel)
            if self._lasting is not None:
                asyncio.get_running_loop().call_later(self._lasting, self._end)
            code = await self.show(watched, controller=controller, pairs=pairs)
        if self._failure is not None:
            raise self._failure
        if children:
            await self._tell_kept(began)
        if self._is_over and watched.board.received is None:
            tell(f"No price came from {self._choice.url} in this time")
            away = watched.state.is_away
            return NOT_REACHABLE if away else NO_DATA
        return code

    async def _tell_kept(self, began: int) -> None:
        """Print how many ticks were kept since `began` (µs, UTC), and how to replay them."""
        kept, is_temporary = self._kept, self._choice.temporary
        back = "" if kept.ticks <= kept.gone else await way_back(self._choice, began)
        tell(
            kept_words(kept.ticks, kept.gone, why_none=kept.why_none, temporary=is_temporary) + back
        )
        if kept.undelivered:
            tell(kept.undelivered)

    def _end(self) -> None:
        self._is_over = True
        self.stop()

    async def _start(
        self, stack: AsyncExitStack, words: Sequence[str], inherited: Mapping[str, int]
    ) -> ScreenPoller:
        inherits = [fd for name, fd in inherited.items() if name == words[0]]
        name = "poller" if words[0] == "poll" else words[0]
        poller = ScreenPoller(
            command(*words, "--control"),
            on_news=self._hear,
            on_word=self.notify,
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
        self.stop()

    def _hear(self, news: News) -> None:
        self._kept.take(news)
        dashboard, moved = self.dashboard, self._kept.moved
        if dashboard is not None and moved is not None:
            dashboard.tell_market(moved, self._kept.ticks)


class ScreenPoller(Poller):
    """A poller that a dashboard can ask for minute bars and for symbols."""

    async def bars(self, symbol: str) -> MinuteBars:
        """Return the minute bars of the last trading day of `symbol`. Raises `Unanswered`."""
        return await self._ask(MinuteBars, "bars", symbol=symbol)

    async def search(self, words: str) -> Sequence[Found]:
        """Search the source for `words`. Raises `Unanswered`."""
        return await self._ask(list[Found], "found", do="search", words=words)

    async def _ask(self, kind: type[T], name: str, *, do: str = "", **facts: str) -> T:
        """Ask the poller. Returns the field `name` of its answer, converted to `kind`."""
        answer = await self.ask(do or name, **facts)
        try:
            return msgspec.convert(answer[name], kind)
        except (KeyError, msgspec.ValidationError):
            raise Unanswered(str(answer.get("problem", "nonsense"))) from None
