"""The words of the lines around the table: title, status and keys."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from ticker.board import Board
from ticker.board.row_lists import counts
from ticker.dashboard.keys import Needs, fitting, keys_for
from ticker.dashboard.palette import Palette
from ticker.dashboard.status import (
    MarketCount,
    Status,
    empty_words,
    filter_words,
    of_rows,
    status,
)
from ticker.dashboard.table import Table
from ticker.dashboard.text_bars import TextBar, asking_words, key_words, status_words, title_words
from ticker.dashboard.totals import totals_text
from ticker.escape import escape
from ticker.feed import Feed
from ticker.figures import count_text
from ticker.times import Zone, clock
from ticker.units import SECOND

if TYPE_CHECKING:
    from ticker.play import Player

_NOTICE_SHOWN: Final = 15 * SECOND
"""How long a notice stays on the status line (µs)."""
_COUNTED: Final = 1_000
"""For every so many rows, the counts of rows (up, down, unchanged) are cached one second longer."""
_BRIEFLY: Final = 5 * SECOND
"""How long a brief notice, the answer to a key, stays there (µs)."""


@dataclass(eq=False)
class Words:
    """The bars around a table that shows `feed`; `say` updates them."""

    feed: Feed
    palette: Palette
    zone: Zone
    caption: str
    """Names what is shown."""
    simulated: bool
    """Whether all prices will be invented."""
    option: str
    """Names the stream in a command."""
    has_poller: bool
    has_alerts: bool
    player: Player | None
    told: str = ""
    """The whole status, even if its line has no room for it."""
    shown: Collection[Needs] = (Needs.TABLE,)
    """Which of table and detail are visible."""
    market: MarketCount | None = None
    """How often the market moved, if that is counted."""
    _counted: tuple[object, int, tuple[int, int, int]] = (None, 0, (0, 0, 0))
    """The rows counted last, when (µs, by `elapsed`), and how many were up, down and unchanged."""
    _notice: tuple[str, int] | None = None
    """The notice, and until when it is shown (µs, by `elapsed`)."""

    def __post_init__(self) -> None:
        self.title = TextBar(id="title")
        self.status = TextBar(id="status")
        self.keys = TextBar(id="keys")
        self.totals = TextBar(id="totals")

    @property
    def there(self) -> set[Needs]:
        """Return what the keys can work on now."""
        is_replay = self.player is not None and self.feed.tape is not None
        there = {Needs.REPLAY if is_replay else Needs.LIVE, *self.shown}
        return there | ({Needs.ALERTS} if self.has_alerts else set())

    def note(self, words: str, *, is_brief: bool = False) -> None:
        """Show `words` on the status line for a while, from the next `say` on; empty: no notice."""
        shown = _BRIEFLY if is_brief else _NOTICE_SHOWN
        self._notice = (escape(words), self.feed.elapsed() + shown)

    def say(self, table: Table, *, asking: str, width: int) -> None:
        """Update all bars. `asking`: what the input line accepts; empty: it is closed."""
        feed, palette, name = self.feed, self.palette, table.shown_list.name
        notice, filtered = "", ""
        if self._notice is not None and feed.elapsed() < self._notice[1]:
            notice = self._notice[0]
        if table.filter and not asking:
            filtered = filter_words(table.filter, len(table.symbols), feed)
        is_simulated, is_replay = self.simulated or feed.board.simulated, feed.tape is not None
        captions = _captions(self.caption, name, self._count(table))
        self.title.show(
            title_words(
                palette, captions, is_simulated=is_simulated, is_replay=is_replay, width=width
            )
        )
        # A terminal too low for a title must still say that the prices are invented.
        is_badge, lines = is_simulated and not self.title.display, _lines(self.status)
        told = self._told(table)
        self.told = " · ".join(filter(None, (told.badge, told.words)))
        self.status.show(
            status_words(
                palette, told, notice, filtered, is_simulated=is_badge, width=width - 2, lines=lines
            )
        )
        keys = fitting(keys_for(self.there), width - 1)
        self.keys.show(asking_words(palette, asking) if asking else key_words(palette, keys))
        self._say_totals(table, width)
        hint = empty_words(feed, table.filter, self.option, has_poller=self.has_poller, name=name)
        table.say_when_empty(hint)

    def _say_totals(self, table: Table, width: int) -> None:
        """Update the line of totals."""
        board = self.feed.board
        valuation = board.valuation
        self.totals.set_class(valuation is not None, "-there")
        if valuation is not None:
            name = table.shown_list.name
            shown = board.total_of(table.symbols) if name else None
            self.totals.show(totals_text(self.palette, valuation, shown, name, width - 2))

    def _count(self, table: Table) -> tuple[int, int, int]:
        """Return how many rows are up, down and unchanged. The counts of many rows are cached."""
        now, shown = self.feed.elapsed(), table.symbols
        whose, at, counted = self._counted
        if shown is not whose or now - at >= len(shown) // _COUNTED * SECOND:
            counted = counts(table.board.row(symbol) for symbol in shown)
            self._counted = shown, now, counted
        return counted

    def _told(self, table: Table) -> Status:
        feed = self.feed
        told = status(
            feed,
            feed.clock(),
            self.zone,
            has_poller=self.has_poller,
            has_player=self.player is not None and self.player.end > 0,
            option=self.option,
            market=self.market,
            rows=of_rows(table.ages() if Needs.TABLE in self.shown else ()),
        )
        if feed.board.held is None:
            return told
        return replace(told, badge=_held_words(feed.board, self.zone))


def _captions(caption: str, name: str, counted: tuple[int, int, int]) -> list[str]:
    """Return the caption with the list's name and the counts of rows; then shorter forms."""
    up, down, same = counted
    whole = f"{up} up, {down} down, {same} unchanged" if any(counted) else ""
    brief = f"▲{up} ▼{down} ={same}" if any(counted) else ""
    known = [(caption, name, whole), (caption, name, brief), (name or caption, brief)]
    return [" · ".join(filter(None, parts)) for parts in known]


def replay_command(option: str) -> str:
    """Return the command that replays the stream of `option` (` --stream WORD`, or nothing)."""
    # `replay` also accepts the stream as its first word.
    return f"ticker replay{option.replace(' --stream ', ' ', 1)}"


def _lines(bar: TextBar) -> int:
    """Return how many lines `bar` may have, as the layout says."""
    most = bar.styles.max_height
    return 1 if most is None else int(most.value)


def _held_words(board: Board, zone: Zone) -> str:
    """Say since when the board is frozen, and how many ticks wait."""
    assert board.held is not None  # noqa: S101  for the type checker
    return f"FROZEN {clock(board.held.now, zone)}, {count_text(board.waiting, 'tick')} waiting"
