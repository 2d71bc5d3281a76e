"""All known facts of one symbol, as name and text, for its detail. Pure; all is escaped."""

from __future__ import annotations

from functools import partial

from ticker.board import Age, Row
from ticker.board.columns import BY_KEY, age_text, places_of, reason_text
from ticker.board.owner_columns import OWNED
from ticker.escape import escape
from ticker.figures import amount_text, change_text, price_text
from ticker.records import Quote, Tick
from ticker.times import Zone, clock

Fact = tuple[str, str]


def facts(row: Row, age: Age, now: int, zone: Zone) -> list[Fact]:
    """Return name → text of each known field. Unknown fields are absent."""
    price = partial(price_text, places=places_of(row))

    def span(low: float | None, high: float | None) -> str:
        return f"{price(low)} to {price(high)}" if low is not None and high is not None else ""

    def pair(bid: float | None, ask: float | None) -> str:
        return f"{price(bid) or '–'} / {price(ask) or '–'}" if bid or ask else ""  # noqa: RUF001

    def texts(*names: str) -> list[Fact]:
        return [(name, BY_KEY[name.lower().replace(" ", "_")].text(row, age)) for name in names]

    change = BY_KEY["day_change"].text(row, age), BY_KEY["day_change_percent"].text(row, age)
    why = reason_text(age)
    pairs = (
        ("Price", f"{price(row.price)} {escape(row.currency or '')}".strip()),
        ("Change", " ".join(filter(None, change))),
        *((column.title, column.text(row, age)) for column in OWNED),
        ("Age", age_text(age) + (f", {why}" if why else "")),
        ("Time", "" if row.time is None else clock(row.time, zone, now=now)),
        ("Bid / ask", pair(row.bid, row.ask)),
        *texts("Previous close", "Open"),
        ("Day", span(row.day_low, row.day_high)),
        ("52 weeks", span(row.fifty_two_week_low, row.fifty_two_week_high)),
        *texts("Volume", "Market cap", "Session", "Kind", "Exchange", "Delay", "Source", "Origin"),
    )
    return [(name, value) for name, value in pairs if value]


def quote_of(row: Row) -> Quote | None:
    """Return the fields of `row` as a quote; `None` without a price."""
    if row.price is None:
        return None
    return Quote(**{name: getattr(row, name) for name in Quote.__struct_fields__})


def tick_words(tick: Tick, places: int, now: int, zone: Zone) -> tuple[str, str, int]:
    """Return a tick's time, its price with the move, and its direction: 1, -1 or 0."""
    time = clock(tick.time, zone, now=now)
    before = tick.previous_price
    price = price_text(tick.price, places)
    if before is None or before == tick.price:
        return time, price, 0
    size = f"  ×{amount_text(tick.size)}" if tick.size is not None else ""
    moved = change_text(round(tick.price - before, 10), places)
    return time, f"{price}  {moved}{size}", 1 if tick.price > before else -1
