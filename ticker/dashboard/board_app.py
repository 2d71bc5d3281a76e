"""The dashboard without its keys: its widgets, its frames, and the lines around the table.

The first change after a pause is painted at once. While changes flow, a frame is painted at most
ten times a second, with only the rows that changed. It knows poller and configuration only as
protocols (`control.py`), and no sources. Text from outside is escaped.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.driver import Driver
from textual.timer import Timer

from ticker.alert_watch import Alerting
from ticker.board import Sort
from ticker.dashboard.alerts import ScreenAlerts
from ticker.dashboard.choosing import Choosing
from ticker.dashboard.control import (
    Controller,
    NoPreferences,
    Preferences,
)
from ticker.dashboard.detail import Detail
from ticker.dashboard.frame_painting import SECOND, Painter
from ticker.dashboard.frame_timing import Frames
from ticker.dashboard.heading import Heading
from ticker.dashboard.histories import Histories
from ticker.dashboard.keys import Needs
from ticker.dashboard.layout import BESIDE
from ticker.dashboard.lists import Lists
from ticker.dashboard.minutes import MinuteBarsFiller
from ticker.dashboard.player_bar import PlayerBar
from ticker.dashboard.question import Prompt, Question
from ticker.dashboard.search_results import SearchResults
from ticker.dashboard.status import MarketCount
from ticker.dashboard.table import Table
from ticker.dashboard.terminal import notification
from ticker.dashboard.terminal_app import TerminalApp
from ticker.dashboard.time_keys import TimeKeys
from ticker.dashboard.words import Words
from ticker.feed import Feed
from ticker.times import Zone

if TYPE_CHECKING:
    from ticker.play import Player


class BoardApp(TerminalApp):
    """Shows `feed`; `title` names what is shown. `app.Dashboard` adds the keys.

    Call `await show()` in a running event loop, or `run()`. Both return an `Exit`. `tell()` puts a
    notice on the status line.

    `controller` is this screen's own poller, `player` its own replay. `zone` is the zone of all
    times (`None`: this machine's). `look` is the name of a palette. `simulated` marks the prices as
    invented even before the first one comes. `option` names the stream in a command, as in
    ` --stream demo`. `preferences` are the user's watchlists and columns. `alerts` are those that
    are watched for, if any. `driver` is Textual's driver for the terminal (`None`: its default).
    """

    TITLE = "ticker"

    _player_bar: PlayerBar | None = None
    _time_keys: TimeKeys | None = None
    _seconds: Timer | None = None

    def __init__(
        self,
        feed: Feed,
        *,
        title: str = "",
        controller: Controller | None = None,
        player: Player | None = None,
        zone: Zone = None,
        look: str = "dark",
        sort: Sort | None = None,
        simulated: bool = False,
        option: str = "",
        alerts: Alerting | None = None,
        preferences: Preferences | None = None,
        driver: type[Driver] | None = None,
        environ: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        super().__init__(look, driver, environ, folder)
        self.feed = feed
        self._zone = zone
        self._player = player
        self._table = Table(feed, self.palette, zone, sort)
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
        self._answer = partial(self.tell, is_brief=True)
        if player is not None:
            self._time_keys = keys = TimeKeys(player, zone, self._stepped, self._answer)
            self._player_bar = PlayerBar(
                player, self.palette, zone, is_replay=self._is_replay, seek=keys.seek
            )
        wishes = preferences or NoPreferences()
        listed = {name: list(symbols) for name, symbols in wishes.watchlists.items()}
        self._choosing = Choosing(feed, controller, listed, option, self._rechosen, self._seeks)
        self._lists = Lists(feed, self._table, self._choosing, wishes, self.tell)
        self._question = Question(SearchResults(controller, self.palette))
        self._painter = Painter(feed, self._table, self._detail, say=self._say)
        self._frames = Frames(self.set_timer, self._paint)
        self._histories = Histories(feed, self._on_screen, self._changed)
        self._minutes = MinuteBarsFiller(feed, controller, self._on_screen, self._changed)
        self._table.lines.is_loading = self._detail.is_loading = self._histories.is_loading
        self._alerts = None if alerts is None else self._screen_alerts(alerts)

    def _screen_alerts(self, control: Alerting) -> ScreenAlerts:
        alerts = ScreenAlerts(
            control, self.feed, self._player, self._zone, self._ring, self.tell, self._wake
        )
        self._table.lines.is_told = alerts.is_lit
        return alerts

    def dress(self) -> None:
        """Give all parts the colours of the palette."""
        palette, words, player = self.palette, self._words, self._player_bar
        self.screen.styles.background = palette.ground
        for bar in (words.title, words.status, words.keys, words.totals, self._question, player):
            if bar is not None:
                bar.styles.background = palette.raised
        for part in (self._table, self._detail, words, self._question.finds, player):
            if part is not None:
                part.palette = palette

    def repaint(self) -> None:
        """Paint everything again, in new colours or after another program used the terminal."""
        self._detail.redraw()
        self._say()
        for widget in self.screen.walk_children():
            widget.refresh()

    def tell(self, words: str, *, is_brief: bool = False) -> None:
        """Put a notice on the status line for a while.

        May be called from any task of this event loop, also before the start and after the end.
        """
        self._words.note(words, is_brief=is_brief)
        self._say_later()

    def tell_market(self, moved: int, seen: int) -> None:
        """Show on the status line how often the market moved and how many changes we saw."""
        self._words.market = MarketCount(moved, seen)
        self._say_later()

    def compose(self) -> ComposeResult:
        """Yield title, table, player bar, totals, status, input line and keys."""
        words = self._words
        above = (words.title, self._main, self._player_bar, words.totals)
        below = (words.status, self._question.finds, self._question, words.keys)
        yield from (widget for widget in (*above, *below) if widget is not None)

    def on_mount(self) -> None:
        """Paint, then start to read the feed."""
        self.dress()
        self._table.focus()
        self._paint()  # not by `_frames`, or the first rows would wait for its next frame
        for task in (self.feed.run(self._changed), self._histories.run(), self._minutes.run()):
            self.run_worker(task, exit_on_error=True)
        self._seconds = self.set_interval(SECOND, self._second)
        self.app_resume_signal.subscribe(self, lambda _: self.repaint())

    # The frames

    def _changed(self) -> None:
        if self.is_running:
            self._frames.change()

    def _wake(self) -> None:
        """Ask for a frame. May be called from any task, like `tell`."""
        if self.is_running:
            self.call_later(self._changed)

    def _ring(self, words: str) -> None:
        """Ask the terminal to notify the user (bell and OSC 9)."""
        if self._driver is not None and not self.is_headless:
            self._driver.write(notification(words, os.environ))

    def _second(self) -> None:
        """Update ages and status, and read changed preferences: once a second.

        A frame painted at about that time calls this instead, which saves an extra frame.
        """
        self._painter.tick()
        self._lists.reload()

    def _paint(self) -> float | None:
        """Paint a frame. Returns the seconds until the next flash ends; `None` without a flash."""
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
            # Textual timers need the app in their context, and a task started outside the app has
            # none. So the app's own task does it.
            self.call_later(self._say)

    def _say(self) -> None:
        """Update the lines around the table."""
        is_open, is_beside = bool(self._detail.symbol), self._is_beside
        shown = {Needs.DETAIL: is_open, Needs.TABLE: is_beside or not is_open}
        self._words.shown = {each for each, is_there in shown.items() if is_there}
        self._words.say(self._table, asking=self._question.prompt, width=self.size.width)

    def _is_replay(self) -> bool:
        """Tell whether this screen plays a tape, which keys can move."""
        return Needs.REPLAY in self._words.there

    def _seeks(self) -> int:
        """Return how many seeks can be undone."""
        return self._player.seeks if self._player is not None and self._is_replay() else 0

    def _on_screen(self) -> Sequence[str]:
        rows = [] if self._detail.symbol and not self._is_beside else self._table.on_screen
        return [*filter(None, [self._detail.symbol]), *rows]

    def _stepped(self) -> Sequence[str]:
        """Return the symbols whose ticks change this screen.

        They include the tape's symbols that have no row yet, if such a row would be visible.
        """
        table, shown = self._table, self._on_screen()
        is_room = len(table.on_screen) < table.size.height and (
            self._is_beside or not self._detail.symbol
        )
        if self._player is None or not is_room or table.filter or table.shown_list.name:
            return shown
        return [*shown, *self._player.to_come]

    @property
    def _is_beside(self) -> bool:
        """Tell whether there is room for a detail beside the table."""
        return self.size.width >= BESIDE

    def on_resize(self) -> None:
        """Move the focus: an open detail may now be beside the table, or may hide it."""
        if self._detail.symbol and self._question.asked is Prompt.NOTHING:
            self.call_after_refresh(self._focus_again)

    def _focus_again(self) -> None:
        is_alone = self._detail.symbol and not self._is_beside
        (self._detail if is_alone else self._table).focus()
        self._say()

    def _rechosen(self) -> None:
        """Show the list again after its symbols changed."""
        self._lists.refresh()
        self._say()
