"""Batches of a stream → the rows of a board.

Pure: time is a parameter, and there is no input or output. A batch that is folded in twice changes
no row. A row is made only when it is asked for, so a thousand ticks a second cost little.
`take_changed()` returns the symbols whose rows changed.

If two origins have ticks of one symbol, the row shows the tick with the newest `time`.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Final

from ticker.board.focus import Focus
from ticker.board.freshness import Age, age_of
from ticker.board.gaps import Gaps
from ticker.board.held import Held
from ticker.board.history import History
from ticker.board.holdings import Owner, Portfolio, Total, Valuation
from ticker.board.minutes import packed
from ticker.board.order import Sort, arrange
from ticker.board.row import Row
from ticker.board.symbol_state import SymbolState
from ticker.health.writers import Writers
from ticker.records import Batch, Gap, MinuteBars, Quote, Tick

_NOTHING: Final = SymbolState()


class Board:
    """The rows of `symbols`, in this order; `None`: of all symbols that come, by name.

    Symbols in `beside` are folded in too, but have no row unless they are also in `symbols`.
    """

    def __init__(
        self, symbols: Sequence[str] | None = None, *, beside: Collection[str] = ()
    ) -> None:
        self.ticks = 0
        """Ticks folded in so far; repeats are not counted."""
        self.gaps = 0
        """Gaps folded in so far."""
        self.gap: Gap | None = None
        """The last gap folded in, of any symbol."""
        self.received: int | None = None
        """`received` of the newest record (µs, UTC)."""
        self.writers = Writers()
        """Who writes the stream, by their heartbeats."""
        self.lives = 0
        """How often `forget` was called."""
        self.minutes: dict[str, MinuteBars] = {}
        """Symbol → the source's minute bars. Only sparklines and charts use them."""
        self._symbols: dict[str, SymbolState] = {}
        self._watched: dict[str, None] | None = None
        self.beside = frozenset(beside)
        """Symbols that are folded in without a row."""
        self._changed: set[str] = set()
        self._has_invented = False
        self._gaps = Gaps()
        self.owner: Owner | None = None
        """Computes the value of the holdings; `None`: there are none."""
        self.held: Held | None = None
        """What readers see while the board is held."""
        self._focus: Focus | None = None
        self.watch(symbols)

    def watch(
        self, symbols: Sequence[str] | None, *, beside: Collection[str] | None = None
    ) -> None:
        """Show `symbols`, in this order (`None`: all that come).

        Symbols in `beside` are folded in without a row. `None` leaves `beside` as it is.
        """
        self._watched = None if symbols is None else dict.fromkeys(symbols)
        self.beside = self.beside if beside is None else frozenset(beside)
        if self.held is not None and symbols is not None:
            known = self.held.rows
            rows = {symbol: known.get(symbol) or Row(symbol) for symbol in symbols}
            self.held = replace(self.held, rows=rows)
        self._changed.update(self.symbols)

    def forget(self) -> None:
        """Forget all records. The watched symbols stay, and whether prices were invented."""
        self._changed.update(self.symbols)
        self.ticks = self.gaps = 0
        self.gap = self.received = None
        self.writers = Writers()
        self.lives += 1
        self._gaps = Gaps()
        self._symbols = {}
        self.look_at(None if self._focus is None else self._focus.symbol)

    def fold(self, batch: Batch, now: int, *, read_at: int | None = None) -> None:
        """Fold in `batch` at `now` (µs, the reader's own clock).

        `read_at` is given for a snapshot only: the wall clock (µs, UTC) when it was read. The age
        of its heartbeats, which may be old, is computed from it.
        """
        records: list[Tick | Quote] = [*batch.ticks, *batch.quotes]
        self.show_again({each.symbol for each in records if self._fold(each, now)})
        for heartbeat in batch.heartbeats:
            self.show_again(self.writers.take(heartbeat, now, read_at=read_at))
        if batch.gaps:
            self.gaps += len(batch.gaps)
            self.gap = batch.gaps[-1]
            self._take_gaps(batch.gaps)

    def remember(self, batch: Batch) -> None:
        """Add older ticks and gaps to the histories. Rows and counts do not change."""
        for tick in batch.ticks:
            state = self._state(tick.symbol)
            if state is not None:
                state.history.take(tick.time, tick.price, tick.sequence)
                self.show_again([tick.symbol])
            if self._focus is not None and tick.symbol == self._focus.symbol:
                self._focus.take(tick)
        self._take_gaps(batch.gaps)

    def take_minutes(self, minutes: MinuteBars) -> None:
        """Replace the minute bars of a symbol."""
        self.minutes[minutes.symbol] = packed(minutes)
        if self._focus is not None and self._focus.symbol == minutes.symbol:
            self._focus.bars.take_minutes(minutes)
        self.show_again([minutes.symbol])

    def show_again(self, symbols: Iterable[str]) -> None:
        """Mark the rows of `symbols` as changed, as far as they are shown."""
        shown, beside = self._watched, self.beside
        for symbol in symbols:
            if (symbol not in beside) if shown is None else (symbol in shown):
                self._changed.add(symbol)

    def look_at(self, symbol: str | None) -> None:
        """Keep the details of `symbol`, and of no other symbol (`None`: of none)."""
        self._focus = None if symbol is None else Focus(symbol)
        if symbol is None or self._focus is None:
            return
        for gap in self._gaps:
            self._focus.take_gap(gap)
        if symbol in self.minutes:
            self._focus.bars.take_minutes(self.minutes[symbol])
        self._note_in_focus(self._known(symbol))

    @property
    def focus(self) -> Focus | None:
        """Return the details of the symbol that was last given to `look_at`; read-only."""
        now, held = self._focus, None if self.held is None else self.held.focus
        if now is not None and held is not None and held.symbol == now.symbol:
            return held
        return now

    def trade(self, symbol: str) -> Tick | Quote | None:
        """Return the record with the current price of `symbol`, whether it has a row or not."""
        return self._known(symbol).shown.trade

    def history(self, symbol: str) -> History:
        """Return the known prices of `symbol` over the last day; read-only."""
        return self._known(symbol).history

    def breaks(self, symbol: str) -> list[tuple[int, int]]:
        """Return begin and end (µs, UTC) of the last gaps of `symbol`."""
        return self._gaps.breaks(symbol)

    def _take_gaps(self, gaps: Iterable[Gap]) -> None:
        self._gaps.take(gaps)
        if self._focus is not None:
            for gap in gaps:
                self._focus.take_gap(gap)

    def hold(self, now: int, elapsed: int) -> None:
        """Freeze rows and ages as they are at `now` (µs, UTC), until `release`.

        What is folded in meanwhile is counted but not shown. `elapsed` is the same moment on the
        clock that never goes back (µs).
        """
        rows = {symbol: self.row(symbol) for symbol in self.symbols}
        writers, focus = copy.deepcopy(self.writers), copy.deepcopy(self._focus)
        gaps = copy.deepcopy(self._gaps)
        self.held = Held(now, elapsed, self.ticks, rows, writers, self.valuation, focus, gaps)

    def release(self) -> None:
        """End `hold`: show the newest rows again."""
        self.held = None
        self._changed.update(self.symbols)

    def own(self, portfolio: Portfolio | None) -> None:
        """Add the holdings in `portfolio` to the rows; `None`: remove them."""
        self.owner = None if portfolio is None else Owner(portfolio, self._bare_row)
        self.revalue()
        self._changed.update(self.symbols)

    @property
    def valuation(self) -> Valuation | None:
        """Return the value of all holdings at the last `revalue`; `None`: there are none."""
        if self.held is not None:
            return self.held.valuation
        return None if self.owner is None else self.owner.valuation

    def total_of(self, symbols: Iterable[str]) -> Total | None:
        """Return the total of the holdings among `symbols` without cash; `None`: there are none."""
        if self.owner is None:
            return None
        owned = [symbol for symbol in symbols if symbol in self.owner.portfolio.symbols]
        return self.owner.total(owned) if owned else None

    def revalue(self) -> None:
        """Value all holdings again, and mark rows whose figures changed."""
        if self.owner is None or self.held is not None:
            return
        for symbol in self.owner.revalue():
            if (state := self._symbols.get(symbol)) is not None:
                state.row = None
                self.show_again([symbol])

    @property
    def waiting(self) -> int:
        """Return how many ticks came since the board was held."""
        return 0 if self.held is None else max(0, self.ticks - self.held.ticks)

    def take_changed(self) -> set[str]:
        """Return the symbols whose rows changed since the last call; none while held."""
        if self.held is not None:
            return set()
        changed, self._changed = self._changed, set()
        return changed

    @property
    def symbols(self) -> Sequence[str]:
        """Return the symbols shown: the watched ones in their order, or all that came, by name."""
        if self.held is not None:
            return list(self.held.rows)
        if self._watched is not None:
            return list(self._watched)
        return sorted(symbol for symbol in self._symbols if symbol not in self.beside)

    @property
    def size(self) -> int:
        """Return how many symbols are shown."""
        if self._watched is not None:
            return len(self._watched)
        return len(self._symbols) - sum(symbol in self._symbols for symbol in self.beside)

    @property
    def is_filled(self) -> bool:
        """Tell whether a price or a heartbeat came."""
        return bool(self._symbols) or bool(self.writers)

    @property
    def simulated(self) -> bool:
        """Tell whether a price was invented, or a writer's source invents prices."""
        # Each frame asks this. So the writers are checked only until an invented price comes.
        return self._has_invented or any(
            map(self.writers.tell_symbols, ("exchange", "exchange-live"))
        )

    def row(self, symbol: str) -> Row:
        """Return the row of `symbol`; without a price if none came yet."""
        if self.held is not None:
            return self.held.rows.get(symbol) or Row(symbol)
        state = self._symbols.get(symbol)
        if state is None:
            return Row(symbol)
        if state.row is None:
            row = state.make_row(symbol)
            state.row = row if self.owner is None else self.owner.with_holding(row)
        return state.row

    def rows(self, sort: Sort | None = None, text: str = "") -> list[Row]:
        """Return the rows that match the filter `text`, sorted (`None`: as in `symbols`)."""
        return arrange([self.row(symbol) for symbol in self.symbols], sort, text)

    def age(
        self, row: Row, now: int, trouble: str | None = None, *, elapsed: int | None = None
    ) -> Age:
        """Return how old the row's price is at `now` (µs), and why; see `age_of`."""
        writers, gaps = self.writers, self._gaps
        if (held := self.held) is not None:
            writers, gaps, now, elapsed = held.writers, held.gaps, held.now, held.elapsed
        return age_of(row, writers, now, trouble, elapsed, gap=gaps.newest(row.symbol))

    def _known(self, symbol: str) -> SymbolState:
        """Return what is known of `symbol`; read-only."""
        return self._symbols.get(symbol, _NOTHING)

    def _state(self, symbol: str) -> SymbolState | None:
        """Return the state of `symbol`, made if it is missing; `None` if it is not wanted."""
        if self._watched is not None and symbol not in self._watched and symbol not in self.beside:
            return None
        state = self._symbols.get(symbol)
        if state is None:
            state = self._symbols[symbol] = SymbolState()
        return state

    def _fold(self, record: Tick | Quote, now: int) -> bool:
        """Fold a record in. Return False if it changes nothing."""
        state = self._state(record.symbol)
        if state is None:
            return False
        told = state.of(record.origin or "")
        if not told.take(record):
            return False
        self.ticks += isinstance(record, Tick)
        state.show(told, now)
        state.row = None
        if self._focus is not None and record.symbol == self._focus.symbol:
            if isinstance(record, Tick):
                self._focus.take(record)
            self._note_in_focus(state)
        if self.received is None or record.received > self.received:
            self.received = record.received
        self._has_invented = self._has_invented or record.simulated
        return True

    def _note_in_focus(self, state: SymbolState) -> None:
        """Add the current price of the focused symbol to its chart."""
        trade = state.shown.trade
        if self._focus is not None and trade is not None:
            self._focus.bars.take(trade.time, trade.price, trade.sequence or 0)

    def _bare_row(self, symbol: str) -> Row | None:
        """Return what is known of `symbol`, whether it has a row or not."""
        if self.held is not None and symbol in self.held.rows:
            return self.held.rows[symbol]
        state = self._symbols.get(symbol)
        return None if state is None else state.row or state.make_row(symbol)
