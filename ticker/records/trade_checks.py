"""Checks the fields that `Tick` and `Quote` share, and the other fields of a quote.

Records are made by the million and nearly all are valid. So a record first passes one fast test
(`is_…_sound`). If that fails, slow checks look for the bad field and name it. Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ticker.records.bounds import (
    INFINITY,
    MAX_NUMBER,
    MAX_TEXT,
    MAX_TIME,
    check_amount,
    check_finite,
    check_price,
    check_symbol,
    check_texts,
    check_time,
    symbols_seen,
)

if TYPE_CHECKING:
    from ticker.records.kinds import Quote, Tick


def is_trade_sound(record: Tick | Quote) -> bool:
    """Tell with one fast test whether `check_trade` would raise nothing.

    False also if the symbol was not seen before.
    """
    return (
        record.symbol in symbols_seen
        and (0.0 < record.price < INFINITY or -INFINITY < record.price < 0.0)
        and 0 <= record.time <= MAX_TIME
        and 0 <= record.received <= MAX_TIME
        and ((p := record.bid) is None or 0.0 < p < INFINITY or -INFINITY < p < 0.0)
        and ((p := record.ask) is None or 0.0 < p < INFINITY or -INFINITY < p < 0.0)
        and ((p := record.day_change) is None or -INFINITY < p < INFINITY)
        and ((p := record.day_change_percent) is None or -INFINITY < p < INFINITY)
        and ((p := record.volume) is None or 0 <= p <= MAX_NUMBER)
        and len(record.source) <= MAX_TEXT
        and ((t := record.origin) is None or len(t) <= MAX_TEXT)
        and ((t := record.currency) is None or len(t) <= MAX_TEXT)
        and ((t := record.session) is None or len(t) <= MAX_TEXT)
    )


def is_rest_sound(quote: Quote) -> bool:
    """Tell with one fast test whether the other checks of a quote would raise nothing.

    False also if a high or low is negative.
    """
    return (
        ((n := quote.sequence) is None or n >= 1)
        and ((p := quote.previous_price) is None or 0.0 < p < INFINITY or -INFINITY < p < 0.0)
        and ((p := quote.previous_close) is None or 0.0 < p < INFINITY or -INFINITY < p < 0.0)
        and ((p := quote.open) is None or 0.0 < p < INFINITY or -INFINITY < p < 0.0)
        and ((p := quote.day_high) is None or 0.0 < p < INFINITY)
        and ((p := quote.day_low) is None or 0.0 < p < INFINITY)
        and ((p := quote.fifty_two_week_high) is None or 0.0 < p < INFINITY)
        and ((p := quote.fifty_two_week_low) is None or 0.0 < p < INFINITY)
        and ((p := quote.size) is None or 0 <= p <= MAX_NUMBER)
        and ((p := quote.market_cap) is None or 0 <= p <= MAX_NUMBER)
        and ((n := quote.price_hint) is None or 0 <= n <= MAX_NUMBER)
        and ((n := quote.delay) is None or 0 <= n <= MAX_NUMBER)
        and ((t := quote.name) is None or len(t) <= MAX_TEXT)
        and ((t := quote.kind) is None or len(t) <= MAX_TEXT)
        and ((t := quote.exchange) is None or len(t) <= MAX_TEXT)
    )


def check_trade(record: Tick | Quote) -> None:
    """Raise `InvalidRecord` for the first bad field that ticks and quotes share."""
    if record.symbol not in symbols_seen:
        check_symbol(record.symbol)
    check_price("price", record.price)
    check_time("time", record.time)
    check_time("received", record.received)
    check_price("bid", record.bid)
    check_price("ask", record.ask)
    check_amount("volume", record.volume)
    check_finite("day_change", record.day_change)
    check_finite("day_change_percent", record.day_change_percent)
    check_texts(record, "source", "origin", "currency", "session")
