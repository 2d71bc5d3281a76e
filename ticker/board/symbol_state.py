"""What each origin told of one symbol, and which origin its row shows."""

from __future__ import annotations

from operator import attrgetter
from typing import Final

from ticker.board.history import History
from ticker.board.row import Row, is_change_current
from ticker.records import Quote, Tick

_FIELDS: Final = Row.__struct_fields__
_NAME, _CHANGE = _FIELDS.index("name"), _FIELDS.index("day_change")
_traded = attrgetter(*_FIELDS[1:_NAME])
"""Returns the first fields of a row after its symbol. They come from the newest tick or quote."""
_quoted = attrgetter(*_FIELDS[_NAME:_CHANGE])
"""Returns the fields that follow these in a row. They come from the newest quote."""
_UNQUOTED: Final = (None,) * (_CHANGE - _NAME)


class OriginState:
    """The newest records of one symbol from one origin."""

    __slots__ = ("quote", "sequence", "trade")

    def __init__(self) -> None:
        self.quote: Quote | None = None
        """The newest quote. Standing facts, such as the name, come from it."""
        self.trade: Quote | Tick | None = None
        """The newest tick or quote. The price, and what changes with it, come from it."""
        self.sequence = 0
        """The sequence of `trade`; 0 if it has none."""

    def take(self, record: Tick | Quote) -> bool:
        """Fold a record in. Return False if it changes nothing, such as a repeated tick."""
        if isinstance(record, Quote):
            return self._take_quote(record)
        if record.sequence <= self.sequence:
            return False
        self.sequence = record.sequence
        self.trade = record
        return True

    def _take_quote(self, quote: Quote) -> bool:
        """Return False if it equals the known quote, or is older."""
        sequence = quote.sequence or 0
        known = self.quote
        if known is not None and (sequence, quote.time, quote.received) < (
            known.sequence or 0,
            known.time,
            known.received,
        ):
            return False
        if quote == known:
            return False
        self.quote = quote
        # A quote with an older sequence than the last tick still updates the standing facts.
        if sequence >= self.sequence and (
            self.trade is None or sequence > self.sequence or quote.time >= self.trade.time
        ):
            self.sequence = sequence
            self.trade = quote
        return True


class SymbolState:
    """One symbol's state over all origins, and the row made from it."""

    __slots__ = ("before", "direction", "history", "moved", "price", "row", "shown", "told")

    def __init__(self) -> None:
        self.history = History()
        self.told: dict[str, OriginState] = {}
        self.shown = OriginState()
        """The origin with the newest price; an empty one before the first price."""
        self.price: float | None = None
        self.direction = 0
        self.moved: int | None = None
        self.before: float | None = None
        self.row: Row | None = None

    def of(self, origin: str) -> OriginState:
        """Return the state of `origin`, which is empty at first."""
        if origin not in self.told:
            self.told[origin] = OriginState()
        return self.told[origin]

    def show(self, told: OriginState, now: int) -> None:
        """Show the price of `told` at `now` (µs), unless a newer one of another origin is shown."""
        trade, shown = told.trade, self.shown.trade
        if trade is None:
            return
        if shown is not None and self.shown is not told and trade.time < shown.time:
            return
        self.shown = told
        price = trade.price
        self.history.take(trade.time, price, trade.sequence or 0)
        before = self.price if self.price is not None else trade.previous_price
        if before is not None and price != before:
            self.direction = 1 if price > before else -1
            # The first price that a reader gets is not marked: the change may be long past.
            if self.price is not None:
                self.moved, self.before = now, before
        self.price = price

    @property
    def quote(self) -> Quote | None:
        """Return the quote of the origin shown, or else of another: their standing facts agree."""
        others = (told.quote for told in self.told.values())
        return self.shown.quote or next(filter(None, others), None)

    def make_row(self, symbol: str) -> Row:
        """Return the row of `symbol` as it is now; without a price if none came yet."""
        trade, quote = self.shown.trade, self.quote
        if trade is None:
            return Row(symbol)
        facts = quote or trade
        is_moved = is_change_current(trade, quote.kind if quote else None)
        return Row(  # type: ignore[misc]  # mypy does not know how many values a star stands for
            symbol,
            *_traded(trade),
            *(_UNQUOTED if quote is None else _quoted(quote)),
            day_change=trade.day_change if is_moved else None,
            day_change_percent=trade.day_change_percent if is_moved else None,
            volume=trade.volume if trade.volume is not None else facts.volume,
            currency=trade.currency or facts.currency,
            session=trade.session or facts.session,
            direction=self.direction,
            moved=self.moved,
            before=self.before,
        )
