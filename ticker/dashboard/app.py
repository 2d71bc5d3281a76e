"""The dashboard: the board of a feed on a terminal, at most ten frames a second.

The first change after a pause is painted at once; while changes flow, they are gathered and painted
ten times a second, and only the rows that changed. It shows what the board says and asks nobody
else: pollers, sources and configuration are unknown here. What came from outside is escaped.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.driver import Driver
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Input

from ticker import wire
from ticker.board import Sort
from ticker.dashboard.alerts import ScreenAlerts
from ticker.dashboard.alerts_page import AlertsPage
from ticker.dashboard.choosing import Choosing
from ticker.dashboard.column_choice import ColumnChoice
from ticker.dashboard.commands import Command, commands
from ticker.dashboard.control import (
    AlertControl,
    Controller,
    Exit,
    NoPreferences,
    Preferences,
)
from ticker.dashboard.detail import Detail
from ticker.dashboard.facts import quote_of
from ticker.dashboard.finds import Finds
from ticker.dashboard.heading import Heading
from ticker.dashboard.health import HealthPage, sections
from ticker.dashboard.help import Help
from ticker.dashboard.histories import Histories
from ticker.dashboard.keys import BINDINGS, Needs, keys_for
from ticker.dashboard.layout import BESIDE
from ticker.dashboard.lists import Lists
from ticker.dashboard.minutes import MinuteBarsFiller
from ticker.dashboard.notification import notification
from ticker.dashboard.painting import SECOND, Painter
from ticker.dashboard.player_bar import PlayerBar
from ticker.dashboard.question import Asked, Question
from ticker.dashboard.repaint import Frames
from ticker.dashboard.status import Market
from ticker.dashboard.table import Table
from ticker.dashboard.terminal_app import Dressed, TerminalApp
from ticker.dashboard.time_keys import TimeKeys
from ticker.dashboard.words import Words, live_words
from ticker.feed import Feed, PlayerControl
from ticker.times import Zone


class Dashboard(TerminalApp):
    """`feed` on a terminal; `title` names what is watched.

    `await show()` in a running event loop, or `run()`; both give an `Exit`. `tell()` puts a notice
    on the status line. Times are shown in `zone` (`None`: this machine's); `look` is `dark` or
    `light`; `simulated` says before the first price that all will be invented. `option` is what a
    command needs to work on the same stream. `preferences` are the user's: watchlists, columns.
    `alerts` is who looks for alerts, if anybody does. `driver` is how Textual speaks with the
    terminal; `None`: as it does by itself.
    """

    BINDINGS: ClassVar[list[BindingType]] = [*BINDINGS]

    def __init__(
        self,
        feed: Feed,
        *,
        title: str = "",
        controller: Controller | None = None,
        player: PlayerControl | None = None,
        zone: Zone = None,
        look: str = "dark",
        sort: Sort | None = None,
        simulated: bool = False,
        option: str = "",
        alerts: AlertControl | None = None,
        preferences: Preferences | None = None,
        driver: type[Driver] | None = None,
        environ: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        super().__init__(look, driver, environ, folder)
        self.title = "ticker"
        self.feed = feed
        self._option = option
        self._zone = zone
        self._player = player
        self._table = Table(feed, self.palette, zone)
        self._table.sort = sort
        self._heading = Heading(self._table)
        self._detail = Detail(feed, self.palette, zone)
        rows = Vertical(self._heading, self._table, id="list")
        self._main = Horizontal(rows, self._detail, id="main")
        self._words = Words(
            feed,
            self.palette,
            zone,
            caption=title,
            simulated=simulated,
            option=option,
            has_poller=controller is not None,
            has_alerts=alerts is not None,
            player=player,
        )
        words = self._words
        self._title_bar, self._status_bar, self._key_bar = words.title, words.status, words.keys
        self._player_bar: PlayerBar | None = None
        self._time_keys: TimeKeys | None = None
        self._answer = partial(self.tell, is_brief=True)
        if player is not None:
            self._player_bar = PlayerBar(player, self.palette, zone, is_replay=self._is_replay)
            self._time_keys = TimeKeys(player, zone, on_screen=self._on_screen, tell=self._answer)
        wishes = preferences or NoPreferences()
        self._choosing = Choosing(feed, controller, wishes.watchlists, option, self._rechosen)
        self._lists = Lists(feed, self._table, self._choosing, wishes, self.tell)
        self._question = Question(Finds(controller, self.palette))
        self._painter = Painter(feed, self._table, self._detail, say=self._say)
        self._frames = Frames(self.set_timer, self._paint)
        self._seconds: Timer | None = None
        self._histories = Histories(feed, self._on_screen, self._changed)
        self._minutes = MinuteBarsFiller(feed, controller, self._on_screen, self._changed)
        self._table.lines.is_loading = self._detail.is_loading = self._histories.is_loading
        self._alerts: ScreenAlerts | None = None
        if alerts is not None:
            self._alerts = ScreenAlerts(
                alerts, feed, player, zone, ring=self._ring, tell=self.tell, on_change=self._wake
            )
            self._table.lines.is_told = self._alerts.is_lit

    def commands(self) -> Sequence[Command]:
        """What a click on a key does, and the themes."""
        return commands(keys_for(self._words.there))

    def dressed(self) -> tuple[Collection[Widget], Collection[Dressed]]:
        """The bars, and all that draw in the palette's colours."""
        bars = (
            *(self._title_bar, self._status_bar, self._key_bar, self._question),
            self._words.totals,
        )
        parts = (self._table, self._detail, self._words, self._question.finds)
        player = () if self._player_bar is None else (self._player_bar,)
        return (*bars, *player), (*parts, *player)

    def copied(self) -> tuple[str, str] | None:
        """The symbol that is looked at, as JSON."""
        board, symbol = self.feed.board, self._detail.symbol or self._table.chosen or ""
        quote = quote_of(board.row(symbol), board.quote(symbol))
        return None if quote is None else (symbol, wire.encode(quote).decode())

    def repaint(self) -> None:
        """Paint everything again."""
        self._detail.redraw()
        self._say()
        super().repaint()

    def leaving(self, *, interrupted: bool = False, hung_up: bool = False) -> Exit:
        """How it ends."""
        return Exit(self.feed.board.ticks, interrupted, hung_up)

    def tell(self, words: str, *, is_brief: bool = False) -> None:
        """Put a notice on the status line for a while.

        Safe from any task of this event loop, before the screen is there and after it has gone.
        """
        self._words.note(words, is_brief=is_brief)
        self._say_later()

    def tell_market(self, moved: int, seen: int) -> None:
        """Say on the status line how often the market moved, and how many changes came."""
        self._words.market = Market(moved, seen)
        self._say_later()

    def compose(self) -> ComposeResult:
        """Title, table, player, status and keys."""
        above = (self._title_bar, self._main, self._player_bar, self._words.totals)
        below = (self._status_bar, self._question.finds, self._question, self._key_bar)
        yield from (widget for widget in (*above, *below) if widget is not None)

    def on_mount(self) -> None:
        """Begin to follow."""
        self.dress()
        self._table.focus()
        self._frames.paint()
        for task in (self.feed.run(self._changed), self._histories.run(), self._minutes.run()):
            self.run_worker(task, exit_on_error=True)
        self._seconds = self.set_interval(SECOND, self._second)
        self.app_resume_signal.subscribe(self, lambda _: self.repaint())

    # The frames

    def _changed(self) -> None:
        if self.is_running:
            self._frames.change()

    def _wake(self) -> None:
        """A change, from any task: see `tell`."""
        if self.is_running:
            self.call_later(self._changed)

    def _ring(self, words: str) -> None:
        """Let the terminal notify its user."""
        if self._driver is not None and not self.is_headless:
            self._driver.write(notification(words, os.environ))

    def _second(self) -> None:
        """Each second; with a frame that is due anyway, because each frame costs."""
        self._painter.tick()
        if words := self._lists.reload():
            self.run_worker(self._lists.follow(words), exit_on_error=True)

    def _paint(self) -> float | None:
        """A frame; the seconds until marks go out."""
        if self._alerts is not None:
            self._alerts.look()
        lit = self._painter.paint()
        if self._painter.is_second and self._seconds is not None:
            self._second()
            self._seconds.reset()
        self._histories.look()
        self._minutes.look()
        if self._player_bar is not None:
            self._player_bar.look()
        return lit

    def _say_later(self) -> None:
        if self.is_running:
            # A task that began outside the app has no app in its context, and a timer of Textual
            # set from there dies. The app's own task does it instead.
            self.call_later(self._say)

    def _say(self) -> None:
        """Bring the lines around the table up to date."""
        is_open, is_beside = bool(self._detail.symbol), self._is_beside
        shown = {Needs.DETAIL: is_open, Needs.TABLE: is_beside or not is_open}
        self._words.shown = {each for each, is_there in shown.items() if is_there}
        is_asking = self._question.asked is not Asked.NOTHING
        self._words.say(self._table, is_asking=is_asking, width=self.size.width)

    def _is_replay(self) -> bool:
        """Whether the keys of time have a tape to move."""
        return Needs.REPLAY in self._words.there

    def _on_screen(self) -> Sequence[str]:
        rows = [] if self._detail.symbol and not self._is_beside else self._table.on_screen
        return [*filter(None, [self._detail.symbol]), *rows]

    @property
    def _is_beside(self) -> bool:
        """Whether there is room for a detail beside the table."""
        return self.size.width >= BESIDE

    def on_resize(self) -> None:
        """A detail stands beside the table now, or in its place."""
        if self._detail.symbol and self._question.asked is Asked.NOTHING:
            self.call_after_refresh(self._focus_again)

    # The keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Alerts are there only where they are told."""
        is_alert = action in ("ask", "open") and parameters in (("alert",), ("alerts",))
        return self._alerts is not None or not is_alert

    def action_open(self, page: str) -> None:
        """A page over the table: of keys, of health, or for the choice of columns."""
        if len(self.screen_stack) > 1:
            return
        feed, rate, zone, table = self.feed, self._painter.rate, self._zone, self._table
        match page:
            case "health":
                self.push_screen(HealthPage(lambda: sections(feed, rate, zone), self.palette))
            case "alerts" if self._alerts is not None:
                self.push_screen(AlertsPage(self._alerts, self.palette), self._ask_for_alert)
            case "columns":
                lists = self._lists
                self.push_screen(
                    ColumnChoice(
                        table.wished, lists.choose_columns, lists.save_columns, self.palette
                    )
                )
            case _:
                self.push_screen(Help(keys_for(self._words.there), self.palette))

    def _ask_for_alert(self, is_wished: bool | None) -> None:
        if is_wished:
            self.action_ask("alert")

    def on_heading_picked(self, event: Heading.Picked) -> None:
        """A click on a heading: sort by it, a second click reverses."""
        self._table.pick(event.field)

    def on_table_arranged(self) -> None:
        """The columns moved, or the order is another."""
        self._heading.refresh()

    def action_sort(self) -> None:
        """A click on the key that sorts."""
        self._table.action_sort_next()

    def action_list(self, step: int) -> None:
        """The next list (1), or the one before (-1)."""
        self._lists.go(step)
        self._say()

    def action_pause(self) -> None:
        """Pause the replay, or freeze the live board; or go on."""
        if self._is_replay() and self._player is not None:
            self._player.toggle()
        else:
            self._painter.toggle_hold()
        self._say()

    def action_time(self, what: str, number: int = 0) -> None:
        """A key of time: it moves the tape of a replay."""
        if self._is_replay() and self._time_keys is not None:
            self._time_keys.press(what, number)
        else:
            self._answer(live_words(self._option))

    def action_edge(self, line: int) -> None:
        """The start (0) or the end (-1): of the tape, or of the rows of a live board."""
        if self._is_replay():
            self.action_time("tenth", 10 if line else 0)
        else:
            self._table.action_edge(line)

    def on_player_bar_clicked(self, event: PlayerBar.Clicked) -> None:
        """A click on the line of the tape."""
        if self._player is not None:
            self._answer("")
            self._player.seek(event.moment)

    def action_ask(self, what: str) -> None:
        """Open the line for a filter, for symbols, for a watchlist's name or for a time."""
        asked = Asked(what)
        if asked is Asked.TIME and not self._is_replay():
            self._answer(live_words(self._option))
            return
        chosen = self._detail.symbol or self._table.chosen
        begun = {
            Asked.FILTER: self._table.filter,
            Asked.ALERT: f"{chosen} > " if chosen else "",
            Asked.SAVE: self._lists.name,
        }
        self._question.ask(asked, begun.get(asked, ""))

    def action_clear(self) -> None:
        """Close the line, or the detail; without one open, show all rows again."""
        asked = self._question.asked
        if asked is Asked.NOTHING and self._detail.symbol:
            self._show_detail(None)
            return
        if asked in (Asked.NOTHING, Asked.FILTER):
            self._filter("")
        self._close_question()

    def action_detail(self) -> None:
        """The detail of the row with the cursor."""
        if self._table.chosen is not None:
            self._show_detail(self._table.chosen)

    def on_detail_walked(self, event: Detail.Walked) -> None:
        """From the detail to that of another row."""
        self._table.action_move(event.lines)

    def on_table_moved(self) -> None:
        """A detail that is open follows the cursor."""
        if self._detail.symbol:
            self.action_detail()

    def action_candles(self) -> None:
        """The chart of the detail as candles, or as a line."""
        self._detail.toggle_candles()

    def _show_detail(self, symbol: str | None) -> None:
        """Show the detail of `symbol` beside the table or in its place; `None`: the table alone."""
        self._main.set_class(symbol is not None, "-detail")
        if symbol is None:
            self._detail.shut()
        else:
            self._detail.open(symbol)
            self._histories.ask(symbol)
        self._focus_again()

    def _focus_again(self) -> None:
        is_alone = self._detail.symbol and not self._is_beside
        (self._detail if is_alone else self._table).focus()
        self._say()

    async def action_drop(self) -> None:
        """Poll and show the row's symbol no more."""
        if self._table.chosen is not None and not self._detail.symbol:
            await self._choosing.remove(self._table.chosen, self._lists.name)

    async def action_undo(self) -> None:
        """Undo the last seek of a replay, or the last removal."""
        if self._is_replay():
            self.action_time("undo")
        elif (symbol := await self._choosing.undo()) is not None:
            self._answer(f"{symbol} is back")
        else:
            self._answer("Nothing was removed")

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter while it is being typed."""
        if self._question.asked is Asked.FILTER:
            self._filter(event.value)

    async def on_input_submitted(self, event: Input.Submitted) -> None:
        """Keep the filter, add the symbols, or go to the time."""
        asked, symbols = self._question.asked, self._question.symbols
        self._close_question()
        if asked is Asked.TIME and self._time_keys is not None:
            self._time_keys.go_to(event.value)
        if asked is Asked.ALERT and self._alerts is not None and event.value.strip():
            words, missing = self._alerts.add(event.value)
            self.tell(words)
            symbols = [missing] if missing and self._choosing.has_poller else []
        if asked is Asked.SAVE and (name := event.value.strip()):
            self._lists.save(name)
        if asked in (Asked.ADD, Asked.ALERT) and symbols:
            listed = self._lists.name if asked is Asked.ADD else ""
            why = await self._choosing.add(symbols, listed)
            if why:
                self.tell(why)

    def _close_question(self) -> None:
        self._question.end()
        self._focus_again()

    def _rechosen(self) -> None:
        """The rows are others."""
        self._lists.refresh()
        self._say()

    def _filter(self, text: str) -> None:
        self._table.show_only(text.strip())
        self._say()
