"""`run` and `watch`: the dashboard, with or without a poller of its own."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from itertools import chain
from typing import TYPE_CHECKING, Annotated, TypeVar

import msgspec
import typer

from ticker.cli import scene
from ticker.cli.explaining import inviting
from ticker.cli.failing import NO_DATA, NOT_REACHABLE, Failed
from ticker.cli.once import print_board
from ticker.cli.options import (
    Every,
    For,
    Format,
    Quiet,
    SourceUrl,
    StreamUrl,
    Symbols,
    TimeZone,
    Verbose,
    Watchlist,
)
from ticker.cli.owning import (
    RunCommands,
    Watched,
    alerting_of,
    portfolio_of,
    rereading,
    watched,
)
from ticker.cli.preferences import FilePreferences
from ticker.cli.running import run as run_to_end
from ticker.cli.running import set_up_logging
from ticker.cli.screen import Screen
from ticker.cli.settings import Settings, refuse_mixing
from ticker.cli.standard import need_terminal, tell
from ticker.errors import Unanswered
from ticker.files import make_state_directory
from ticker.pairs import Pairs
from ticker.processes import Poller
from ticker.processes.child import News
from ticker.records import Found, MinuteBars
from ticker.streams import StreamChoice, open_stream
from ticker.system_clock import now
from ticker.times import parse_duration
from ticker.units import SECOND

if TYPE_CHECKING:
    from ticker.alerting import Alerting
    from ticker.dashboard import Dashboard
    from ticker.follow import Follow

T = TypeVar("T")


def run(
    symbols: Symbols = None,
    watchlist: Watchlist = None,
    source: SourceUrl = None,
    stream: StreamUrl = None,
    every: Every = None,
    duration: For = None,
    tz: TimeZone = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Poll a source and show the dashboard, in one terminal. The poller is its own process."""
    settings = Settings()
    choice = settings.stream(stream)
    need_terminal("run", f"ticker poll{choice.option}")
    set_up_logging(quiet=quiet, verbose=verbose, screen=True)
    named = settings.symbols(symbols, watchlist)
    seen = watched(settings, named, settings.config.watchlist("default"))
    if not choice.named:
        make_state_directory()
    refuse_mixing(choice, settings.source(source))
    settings.every(every)  # report a mistake here, before the poller starts
    words = ["poll", *seen.all, "--source", settings.source(source)]
    # The poller reads the same configuration. Pass on only options that were given here, so that it
    # can distinguish the default log from a named one.
    words += ["--stream", stream] if stream is not None else []
    words += ["--every", every] if every is not None else []
    title, listed = watchlist or "", watchlist or ("" if symbols else "default")
    shown = Shown(
        settings, choice, seen, tz, duration, title=title, listed=listed, runs_commands=True
    )
    raise typer.Exit(run_to_end(shown.main([words]), stop=shown.stop))


def watch(
    symbols: Symbols = None,
    watchlist: Watchlist = None,
    stream: StreamUrl = None,
    once: Annotated[bool, typer.Option("--once", help="Print the board once, then exit.")] = False,
    form: Annotated[
        Format | None, typer.Option("--format", help="With --once: table, json or csv.")
    ] = None,
    duration: For = None,
    alerts: RunCommands = False,
    tz: TimeZone = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Show a stream in a dashboard."""
    settings = Settings()
    seen = watched(settings, settings.symbols(symbols, watchlist), None)
    wanted = seen.rows
    choice = settings.stream(stream)
    if once:
        set_up_logging(quiet=quiet, verbose=verbose)
        how = form or (Format.table if sys.stdout.isatty() else Format.json)
        with inviting(choice.option):
            code = asyncio.run(print_board(choice, wanted, how, settings.zone(tz)))
        raise typer.Exit(code)
    option = choice.option
    need_terminal("watch", f"ticker watch --once{option}, or ticker tail{option}")
    set_up_logging(quiet=quiet, verbose=verbose, screen=True)
    title = watchlist or ""
    shown = Shown(
        settings, choice, seen, tz, duration, title=title, listed=title, runs_commands=alerts
    )
    raise typer.Exit(run_to_end(shown.main([]), stop=shown.stop))


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
        title: str,
        listed: str = "",
        notices: Sequence[str] = (),
        runs_commands: bool = False,
    ) -> None:
        self._choice = choice
        self._watched = watched
        self._alerting = alerting_of(settings, choice, runs=runs_commands)
        self._zone = settings.zone(tz)
        self._title = title
        self._notices = list(notices)
        self._lasting = None if duration is None else parse_duration(duration) / SECOND
        self._sort = settings.sort()
        self._theme = settings.theme()
        self._preferences = FilePreferences(settings, listed)
        self._portfolio = portfolio_of(settings)
        self._is_over = False
        """Whether the time of `--for` has ended."""
        self._screen = Screen()
        self._kept = scene.Kept()
        self._failure: Failed | None = None

    async def main(
        self, children: Sequence[Sequence[str]], inherited: Mapping[str, int] | None = None
    ) -> int:
        """Show until `q`, a signal or the end of the time. Returns the exit code.

        `inherited` is command → the descriptor that this child gets.
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
            controller = Controller(pollers[0]) if pollers else None
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
        self, watched: Follow, controller: Controller | None, alerting: Alerting
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
        way_back = "" if kept.ticks <= kept.gone else await scene.way_back(self._choice, began)
        words = scene.kept_words(
            kept.ticks,
            kept.gone,
            why_none=kept.why_none,
            temporary=self._choice.temporary,
        )
        tell(words + way_back)
        if self._kept.undelivered:
            tell(self._kept.undelivered)

    async def stop(self) -> None:
        """End the screen, and then the children."""
        self._screen.leave()

    def _end(self) -> None:
        self._is_over = True
        self._screen.leave()

    async def _start(
        self, stack: AsyncExitStack, words: Sequence[str], inherited: Mapping[str, int]
    ) -> Poller:
        inherits = [fd for name, fd in inherited.items() if name == words[0]]
        poller = scene.keep_alive(words, on_news=self._hear, on_word=self._tell, inherits=inherits)
        await poller.start()
        stack.push_async_callback(poller.stop)
        ending = asyncio.create_task(self._mind(words[0], poller))
        stack.callback(ending.cancel)
        return poller

    async def _mind(self, name: str, poller: Poller) -> None:
        """End the screen if a child cannot work, with its reason and exit code."""
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


class Controller:
    """Lets the dashboard change what its poller polls, and ask it questions."""

    def __init__(self, poller: Poller) -> None:
        self._poller = poller

    async def add(self, symbols: Sequence[str]) -> None:
        """Start polling these."""
        self._poller.add(symbols)

    async def remove(self, symbols: Sequence[str]) -> None:
        """Stop polling these."""
        self._poller.remove(symbols)

    async def bars(self, symbol: str) -> MinuteBars:
        """Return the minute bars of the last trading day of `symbol`. Raises `Unanswered`."""
        return await self._ask(MinuteBars, "bars", symbol=symbol)

    async def search(self, words: str) -> Sequence[Found]:
        """Search the source for `words`. Raises `Unanswered`."""
        return await self._ask(list[Found], "found", do="search", words=words)

    async def _ask(self, kind: type[T], name: str, *, do: str = "", **facts: str) -> T:
        """Return the poller's answer under `name`, as records of `kind`."""
        answer = await self._poller.ask(do or name, **facts)
        try:
            return msgspec.convert(answer[name], kind)
        except (KeyError, msgspec.ValidationError):
            raise Unanswered(str(answer.get("problem", "nonsense"))) from None
