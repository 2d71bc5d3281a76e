"""`quote --columns`: prints chosen fields of quotes and of the holdings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import msgspec

from ticker.board import Age, Board
from ticker.board.columns import BY_KEY, Align
from ticker.board.holdings import Portfolio, Total
from ticker.board.owner_columns import CENTS, OWNED, gain_text, money_text
from ticker.cli.options import Format
from ticker.cli.printing import rows_text
from ticker.errors import UsageError
from ticker.figures import percent_text
from ticker.health.reasons import Reason
from ticker.records import Batch, Position, Quote
from ticker.sources import Answer
from ticker.sources.protocol import Source
from ticker.suggestion import did_you_mean

if TYPE_CHECKING:
    from ticker.tables import Table

_OWNED: Final = tuple(column.key for column in OWNED)
_PERCENT: Final = 4
"""The decimals of `weight` and `gain_percent`."""
_ROUNDS: Final = 4
"""The most requests for currency pairs: direct, inverse, then both for the legs of a cross rate.
The request before them asks for symbols."""
_FRESH: Final = Age(None, Reason.FRESH)


def parse_columns(text: str) -> tuple[str, ...]:
    """Read `symbol,value,gain` as names of columns, each once. Raises `UsageError`."""
    from ticker.output import QUOTE_COLUMNS

    known = (*QUOTE_COLUMNS, *_OWNED)
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in known:
            raise UsageError(f'No column "{name}". {did_you_mean(name, known)}')
    if not names:
        raise UsageError("--columns needs names, like symbol,value,gain")
    return tuple(dict.fromkeys(names))


def are_owned(columns: Iterable[str]) -> bool:
    """Tell whether one of `columns` is about holdings."""
    return any(name in _OWNED for name in columns)


class Owned:
    """The board of an answer, with the values of the holdings."""

    def __init__(self, portfolio: Portfolio | None) -> None:
        self.board = Board()
        self.board.own(portfolio)

    @property
    def total(self) -> Total | None:
        """Return the value of everything owned; `None`: nothing is owned."""
        return None if self.board.valuation is None else self.board.valuation.total

    def take(self, quotes: Sequence[Quote]) -> None:
        """Add `quotes` to the board, and value the holdings again."""
        self.board.fold(Batch(Position(""), quotes=quotes), 0)
        self.board.revalue()

    async def ask(self, source: Source, answer: Answer) -> None:
        """Ask for the other symbols owned, and for the currency pairs that totals need."""
        self.take(answer.quotes)
        owner = self.board.owner
        if owner is None:
            return
        tried = {quote.symbol for quote in answer.quotes} | answer.refused.keys()
        missing = [symbol for symbol in owner.portfolio.symbols if symbol not in tried]
        refused = set(answer.refused)
        for _ in range(_ROUNDS + 1):
            pairs = owner.pairs(refused.__contains__)
            wanted = [*missing, *(pair for pair in pairs if pair not in tried)]
            if not wanted:
                return
            found = await source.quotes(wanted)
            self.take(found.quotes)
            tried.update(wanted)
            refused.update(found.refused)
            missing = []


def printed(
    quotes: Sequence[Quote], columns: Sequence[str], owned: Owned, how: Format, *, with_total: bool
) -> str:
    """Return the `columns` of `quotes` as text. `with_total`: a table ends with the total."""
    rows = [_values(quote, columns, owned, how) for quote in quotes]
    text = rows_text(rows, columns, how, lambda: _table(quotes, columns, owned))
    has_total = with_total and how in (Format.table, Format.text)
    return text + _total_line(owned) if has_total else text


def _total_line(owned: Owned) -> str:
    """Return the total of all holdings, with a line end, or the reason why there is none."""
    if owned.board.valuation is None:
        return ""
    total, currency = owned.board.valuation.total, owned.board.valuation.currency
    if total.value is None:
        return f"no total in {currency}: {', '.join(map(str, total.problems))}\n"
    parts = [f"total {money_text(total.value)} {currency}"]
    parts += [f"day {gain_text(total.day_gain)}"] if total.day_gain is not None else []
    if total.gain is not None:
        percent = total.gain_percent
        share = "" if percent is None else f" ({percent_text(float(percent))})"
        without = f", without {', '.join(total.without)}: cost not known" if total.without else ""
        parts.append(f"gain {gain_text(total.gain)}{share}{without}")
    return " · ".join([*parts, *map(str, total.problems)]) + "\n"


def _values(quote: Quote, columns: Sequence[str], owned: Owned, how: Format) -> dict[str, Any]:
    """Return name → value. Leaves out columns without one."""
    plain = msgspec.to_builtins(quote)
    holding = owned.board.row(quote.symbol).holding
    for name in _OWNED:
        figure = getattr(holding, name, None)
        if figure is not None:
            plain[name] = _rounded(name, figure, how)
    return {name: plain[name] for name in columns if plain.get(name) is not None}


def _rounded(name: str, figure: Decimal, how: Format) -> int | float | str:
    if name != "quantity":
        figure = round(figure, _PERCENT if name in ("weight", "gain_percent") else CENTS)
    if how is Format.csv:  # a float could lose digits, or have an exponent
        return f"{figure:f}"
    return int(figure) if name == "quantity" and figure == int(figure) else float(figure)


def _table(quotes: Sequence[Quote], columns: Sequence[str], owned: Owned) -> Table:
    from ticker import tables

    headings = [BY_KEY[name].title if name in BY_KEY else name for name in columns]
    right = [
        at for at, name in enumerate(columns) if name in BY_KEY and BY_KEY[name].align != Align.LEFT
    ]
    return tables.words_table(
        headings,
        (list(_cells(quote, columns, owned)) for quote in quotes),
        right=right,
        is_simulated=any(quote.simulated for quote in quotes),
    )


def _cells(quote: Quote, columns: Sequence[str], owned: Owned) -> Iterator[str]:
    row = owned.board.row(quote.symbol)
    plain = msgspec.to_builtins(quote)
    for name in columns:
        column = BY_KEY.get(name)
        drawn = column is None or column.is_drawn
        yield str(plain.get(name, "")) if drawn or column is None else column.text(row, _FRESH)
