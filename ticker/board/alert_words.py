"""The words about an alert that was met. Pure. They are escaped."""

from __future__ import annotations

from ticker.board.alert_rules import Told
from ticker.escape import escape
from ticker.figures import amount_text, decimals, percent_text, price_text
from ticker.health.gaps import gap_words, of_missing_ticks, reason_words
from ticker.records import Gap
from ticker.times import Zone, clock


def told_words(told: Told, now: int, zone: Zone) -> str:
    """Return the alert and what met it, with the gap before it, or its time if it is late."""
    words = f"{escape(told.alert.text)}: {_value(told)}"
    if told.record.simulated:
        words += " (SIMULATED)"
    if told.gap is not None:
        words += f", seen after {_gap(told.gap)}"
    elif told.is_late:
        words += f", at {clock(told.record.time, zone, now=now)}, before alerts were checked"
    return words


def _value(told: Told) -> str:
    record = told.record
    # At least as many decimals as the threshold has.
    written = max(0, -int(told.alert.level.as_tuple().exponent)) if told.move is None else 0
    price = price_text(record.price, max(decimals(record.price), written))
    if told.move is not None:
        return f"{percent_text(float(told.move))} to {price}"
    match told.alert.field:
        case "day_change_percent":
            return f"{percent_text(told.value)} at {price}"
        case "volume":
            return amount_text(told.value)
        case _:
            return price_text(told.value, max(decimals(told.value), written))


def _gap(gap: Gap) -> str:
    if gap.from_ is None or gap.until is None:
        return f"a gap ({of_missing_ticks(gap)})"
    return f"a {gap_words(gap.until - gap.from_)} ({reason_words(gap)})"
