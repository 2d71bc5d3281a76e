"""The dashboard: what each key and each click does.

`BoardApp` shows the board. This module adds the keys, which change it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.binding import BindingType
from textual.widgets import Input

from ticker import wire
from ticker.dashboard.alerts_page import AlertsPage
from ticker.dashboard.board_app import BoardApp
from ticker.dashboard.columns_page import ColumnsPage
from ticker.dashboard.commands import commands, open_palette
from ticker.dashboard.detail import Detail
from ticker.dashboard.facts import quote_of
from ticker.dashboard.heading import Heading
from ticker.dashboard.health import health_text, sections
from ticker.dashboard.keys import BINDINGS, help_text, keys_for
from ticker.dashboard.page import TextPage
from ticker.dashboard.palette import PALETTES
from ticker.dashboard.question import Prompt
from ticker.dashboard.words import replay_command
from ticker.errors import UsageError


class Dashboard(BoardApp):
    """A board with its keys."""

    BINDINGS: ClassVar[list[BindingType]] = [*BINDINGS]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Tell whether a key may run `action` now.

        The keys of alerts need an `Alerting`. While the input line or a page is open, it
        gets the keys that otherwise open the input line or the palette.
        """
        is_open = self._question.asked is not Prompt.NOTHING or len(self.screen_stack) > 1
        if is_open and action in ("ask", "commands"):
            return False
        is_alert = action in ("ask", "open") and parameters in (("alert",), ("alerts",))
        return self._alerts is not None or not is_alert

    def action_commands(self) -> None:
        """Open the palette: each key with an action, and the themes."""
        if len(self.screen_stack) == 1:
            there = commands(keys_for(self._words.there))
            self.push_screen(open_palette(there, self.palette))

    def action_theme(self, name: str) -> None:
        """Change the colours."""
        if name in PALETTES:
            self.use_palette(name)
            self.dress()
            self.repaint()
            self.tell(f'theme {name}; to keep it: theme = "{name}" under [defaults]')

    def action_picture(self) -> None:
        """Save the screen as a new SVG file."""
        self.tell(self.save_picture())

    def action_copy(self) -> None:
        """Copy the quote of the chosen symbol as JSON, through the terminal (OSC 52)."""
        board, symbol = self.feed.board, self._detail.symbol or self._table.chosen or ""
        quote = quote_of(board.row(symbol))
        if quote is None:
            self.tell("There is nothing to copy: choose a row with a price")
            return
        self.copy_to_clipboard(wire.encode(quote).decode())
        self.tell(f"{symbol} copied as JSON, if this terminal lets programs copy (OSC 52)")

    def action_open(self, page: str) -> None:
        """Open the page `help`, `health`, `alerts` or `columns`, unless a page is open."""
        if len(self.screen_stack) > 1:
            return
        palette, lists = self.palette, self._lists
        match page:
            case "health":
                self.push_screen(TextPage(self._health, palette, width=90))
            case "alerts" if self._alerts is not None:
                self.push_screen(AlertsPage(self._alerts, palette), self._ask_for_alert)
            case "columns":
                shown, usual = self._table.wished, self._table.usual
                choose, save = lists.choose_columns, lists.save_columns
                self.push_screen(ColumnsPage(shown, usual, choose, save, palette))
            case _:
                text = help_text(keys_for(self._words.there), palette)
                self.push_screen(TextPage(lambda: text, palette, width=66))

    def _health(self) -> Text:
        words, rate = self._words, self._painter.rate
        told = sections(self.feed, rate, self._zone, words.told, self._words.option)
        return health_text(told, self.palette)

    def _ask_for_alert(self, is_wished: bool | None) -> None:
        if is_wished:
            self.action_ask("alert")

    def on_heading_picked(self, event: Heading.Picked) -> None:
        """Sort by the heading that was clicked; a second click reverses the order."""
        self._table.pick(event.field)

    def on_heading_dropped(self, event: Heading.Dropped) -> None:
        """Move the column whose heading was dragged to the place of another one."""
        self._lists.move_column(event.field, event.place)
        self._answer("Column moved. c and then w saves the columns.")

    def on_table_arranged(self) -> None:
        """Paint the headings again, because the columns or the order changed."""
        self._heading.refresh()

    def action_sort(self) -> None:
        """Sort by the next column."""
        self._table.action_sort_next()

    def action_list(self, step: int) -> None:
        """Show the next list (1) or the previous one (-1)."""
        if words := self._lists.go(step):
            self._answer(words)
        self._say()

    def action_pause(self) -> None:
        """Pause the replay or freeze the live board. A second press continues."""
        if self._is_replay() and self._player is not None:
            self._player.toggle()
        else:
            self._painter.toggle_hold()
        self._say()

    def action_time(self, what: str, number: int = 0) -> None:
        """Move the tape of a replay (see `TimeKeys.press`). On a live board, offer a replay."""
        if self._is_replay() and self._time_keys is not None:
            self._time_keys.press(what, number)
        else:
            self._offer_replay("That key is for a replay")

    def _offer_replay(self, words: str) -> None:
        """Say what a key does in a replay, and how to start one."""
        self._answer(f"{words}: {replay_command(self._words.option)}")

    def action_edge(self, line: int) -> None:
        """Go to the start (0) or the end (-1) of the tape, or of the rows of a live board."""
        if self._is_replay():
            self.action_time("tenth", 10 if line else 0)
        else:
            self._table.action_edge(line)
            self._offer_replay("In a replay, home and end go to its start and end")

    def action_ask(self, what: str) -> None:
        """Open the input line; `what` is a value of `Prompt`."""
        asked = Prompt(what)
        if asked is Prompt.TIME and not self._is_replay():
            self._offer_replay("That key is for a replay")
            return
        chosen = self._detail.symbol or self._table.chosen
        begun = {
            Prompt.FILTER: self._table.filter,
            Prompt.ALERT: f"{chosen} > " if chosen else "",
            Prompt.SAVE: self._lists.name_to_save,
        }
        self._question.ask(asked, begun.get(asked, ""))

    def action_clear(self) -> None:
        """Close the input line or the detail. Remove the filter if its line or nothing was open."""
        asked = self._question.asked
        if asked is Prompt.NOTHING and self._detail.symbol:
            self._show_detail(None)
            return
        if asked in (Prompt.NOTHING, Prompt.FILTER):
            self._filter("")
        self._close_question()

    def action_detail(self) -> None:
        """Show the detail of the row with the cursor."""
        if self._table.chosen is not None:
            self._show_detail(self._table.chosen)

    def on_detail_walked(self, event: Detail.Walked) -> None:
        """Show the detail of another row."""
        self._table.action_move(event.lines)

    def on_table_moved(self) -> None:
        """Show the symbol under the cursor in the detail, if that is open."""
        if self._detail.symbol:
            self.action_detail()

    def action_candles(self) -> None:
        """Draw the chart of the detail as candles, or as a line again."""
        self._detail.toggle_candles()

    def _show_detail(self, symbol: str | None) -> None:
        """Show the detail of `symbol`, beside the table or instead of it; `None`: no detail."""
        self._main.set_class(symbol is not None, "-detail")
        if symbol is None:
            self._detail.shut()
        else:
            self._detail.open(symbol)
            self._histories.ask(symbol)
        self._focus_again()

    def action_drop(self) -> None:
        """Remove the symbol under the cursor from the screen, its watchlist and the poller.

        While a detail is open, this does nothing.
        """
        if self._table.chosen is not None and not self._detail.symbol:
            self._answer(self._choosing.remove(self._table.chosen, self._lists.name))

    def action_undo(self) -> None:
        """Undo the last change: a seek of a replay, or an addition or a removal of symbols."""
        if words := self._choosing.undo():
            self._answer(words)
        elif self._seeks():
            self.action_time("undo")
        elif self._is_replay():
            self._answer("There is nothing to undo")
        else:
            self._offer_replay("There is nothing to undo. In a replay, u undoes the last seek")

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter while the user types."""
        if self._question.asked is Prompt.FILTER:
            self._filter(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Run what the input line was opened for, with the typed text."""
        asked, typed, symbols = self._question.asked, event.value.strip(), self._question.symbols
        if asked is Prompt.ALERT and typed and not self._add_alert():
            return  # the line stays open, so that the user can correct it
        self._close_question()
        match asked:
            case Prompt.TIME if self._time_keys is not None:
                self._time_keys.go_to(typed)
            case Prompt.SAVE if typed:
                self._lists.save(typed)
            case Prompt.ADD if symbols:
                self._add(symbols)

    def _add_alert(self) -> bool:
        """Add the typed alert, and its symbol if that has no price. False if it is not valid."""
        assert self._alerts is not None  # noqa: S101  see `check_action`
        try:
            words, missing = self._alerts.add(self._question.alert)
        except UsageError as error:
            words = str(error)
            self.tell(words[:1].upper() + words[1:])
            return False
        if missing and self._choosing.has_poller:
            self._choosing.add([missing])
        self.tell(words)
        return True

    def _add(self, symbols: Sequence[str]) -> None:
        """Add `symbols` to the screen, and say so: the list shown may not hold them."""
        new = [symbol for symbol in symbols if symbol not in self.feed.board.symbols]
        words = f"{' '.join(new)} added, u removes it" if new else "It is here already"
        self.tell(self._choosing.add(symbols, self._lists.name) or words)

    def _close_question(self) -> None:
        self._question.end()
        self._focus_again()

    def _filter(self, text: str) -> None:
        self._table.show_only(text.strip())
        self._say()
