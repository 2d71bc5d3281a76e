"""The lists that the table can show, each with its columns, from the user's preferences.

It follows changes of the preferences, and saves to them when the user asks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from ticker.board import Sort
from ticker.board.chosen_columns import wished
from ticker.board.columns import Column
from ticker.board.row_lists import ALL, lists_of, next_list, watchlist
from ticker.dashboard.choosing import Choosing
from ticker.dashboard.control import Preferences
from ticker.dashboard.table import Table
from ticker.errors import TickerError
from ticker.feed import Feed
from ticker.figures import and_more

_DEFAULT: Final = "default"
_NAMED: Final = 3


class Lists:
    """Decides which list `table` shows, and its columns. `tell` shows a notice."""

    def __init__(
        self,
        feed: Feed,
        table: Table,
        choosing: Choosing,
        preferences: Preferences,
        tell: Callable[[str], None],
    ) -> None:
        self._feed = feed
        self._table = table
        self._choosing = choosing
        self._preferences = preferences
        self._tell = tell
        self._columns = dict(preferences.columns)
        """List → columns, with the choices made on the screen."""
        self._told_columns = preferences.columns
        self._told = {name: list(symbols) for name, symbols in preferences.watchlists.items()}
        self._symbols = list(preferences.symbols)
        self._sort: Sort | None = preferences.sort
        table.wished = self._wished()

    @property
    def name(self) -> str:
        """Return the watchlist that `+`, `-` and `w` change; empty if there is none.

        It is the list shown, if that is a watchlist; otherwise the one that the screen began with.
        """
        shown = self._table.shown_list.name
        return shown if shown in self._choosing.watchlists else self._preferences.shown

    @property
    def name_to_save(self) -> str:
        """Return the proposed name for `save`; empty if a part of a list is shown, or no list."""
        shown = self._table.shown_list.name
        is_part = shown not in self._choosing.watchlists and (shown or self._table.filter)
        return "" if is_part else self.name

    def go(self, step: int) -> str:
        """Show the next list (1) or the previous one (-1). Returns a notice; may be empty."""
        rows, shown = self._feed.board.rows(), self._table.shown_list
        self._table.show_list(next_list(rows, self._choosing.watchlists, shown, step))
        self._dress()
        name = self._table.shown_list.name
        listed, there = self._choosing.watchlists.get(name, ()), set(self._feed.board.symbols)
        absent = [symbol for symbol in listed if symbol not in there]
        words = f"Not on this screen: {and_more(absent, _NAMED, ', ')}. + adds symbols"
        return words if absent else ""

    def refresh(self) -> None:
        """Show the current list again, after its rows or the watchlists changed."""
        name, mine = self._table.shown_list.name, self._choosing.watchlists
        if name in mine:
            self._table.show_list(watchlist(name, mine[name]))
            return
        found = lists_of(self._feed.board.rows(), mine)
        self._table.show_list(next((each for each in found if each.name == name), ALL))

    def choose_columns(self, columns: Sequence[Column]) -> None:
        """Show these columns, from left to right; empty: the default columns.

        They are for this list if it has its own columns, else for all lists without own columns.
        """
        key = self._columns_key
        if columns:
            self._columns[key] = tuple(columns)
        else:
            self._columns.pop(key, None)
        self._dress()

    def move_column(self, key: str, to: str) -> None:
        """Move the column `key` to the place of the column `to`.

        A currency directly after the price moves with it.
        """
        columns = {column.key: column for column in self._table.wished}
        if not {key, to} <= columns.keys():  # the list changed while the mouse was held
            return
        keys = list(columns)
        at = keys.index(key)
        size = 2 if keys[at : at + 2] == ["price", "currency"] else 1
        if to in keys[at : at + size]:
            return
        moved, rest = keys[at : at + size], keys[:at] + keys[at + size :]
        place = rest.index(to) + (keys.index(to) > at)
        self.choose_columns([columns[each] for each in rest[:place] + moved + rest[place:]])

    def save_columns(self) -> None:
        """Write the columns shown into the configuration."""
        columns = [wished(column, column.width) for column in self._wished()]
        key = self._columns_key
        self._save(lambda: self._preferences.save_columns(key, columns))

    def save(self, name: str) -> None:
        """Write the watchlist shown, or else the symbols shown, into the watchlist `name`.

        Does not remove symbols from a watchlist other than the proposed one.
        """
        shown = set(self._table.symbols)
        symbols = self._choosing.watchlists.get(
            self._table.shown_list.name, [s for s in self._feed.board.symbols if s in shown]
        )
        lost = set(self._choosing.watchlists.get(name, ())).difference(symbols)
        if lost and name != self.name_to_save:
            others = and_more(sorted(lost), 3)
            self._tell(f"{name} has other symbols too ({others}). Save under another name")
            return
        self._save(lambda: self._preferences.save_watchlist(name, list(symbols)))

    def _save(self, save: Callable[[], str]) -> None:
        try:
            self._tell(save())
        except TickerError as error:
            self._tell(str(error))
        self._note_watchlists()

    def reload(self) -> None:
        """Read and apply the preferences if they changed, and show a notice."""
        words = self._preferences.reload()
        if not words:
            return
        self._tell(words)
        before, self._symbols = self._symbols, list(self._preferences.symbols)
        added = [symbol for symbol in self._symbols if symbol not in before]
        removed = [symbol for symbol in before if symbol not in self._symbols]
        self._note_watchlists()
        if removed:
            self._choosing.leave_out(removed)
        if added and (why := self._choosing.add(added)):
            self._tell(why)
        if self._told_columns != self._preferences.columns:
            self._told_columns = self._preferences.columns
            self._columns = dict(self._told_columns)
        if self._sort != self._preferences.sort:
            self._sort = self._table.sort = self._preferences.sort
        self.refresh()
        self._dress()

    def _note_watchlists(self) -> None:
        """Take over the watchlists that changed in the file. Unsaved changes of others stay."""
        now = {name: list(symbols) for name, symbols in self._preferences.watchlists.items()}
        mine = self._choosing.watchlists
        for name in self._told.keys() - now.keys():
            mine.pop(name, None)
        for name, symbols in now.items():
            if symbols != self._told.get(name):
                mine[name] = list(symbols)
        self._told = now

    @property
    def _columns_key(self) -> str:
        name = self._table.shown_list.name or self._preferences.shown
        return name if name in self._columns else _DEFAULT

    def _wished(self) -> Sequence[Column]:
        return self._columns.get(self._columns_key, self._table.usual)

    def _dress(self) -> None:
        if self._table.wished != self._wished():
            self._table.show_columns(self._wished())
