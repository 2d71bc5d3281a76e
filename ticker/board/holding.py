"""What is owned of one symbol, in figures."""

from __future__ import annotations

from decimal import Decimal

import msgspec


class Holding(msgspec.Struct, frozen=True):
    """Money is in the currency in which the symbol is quoted; what is not known is `None`."""

    quantity: Decimal
    value: Decimal | None = None
    cost: Decimal | None = None
    """Paid, with fees; at today's rate where that was another currency."""
    day_gain: Decimal | None = None
    gain: Decimal | None = None
    gain_percent: Decimal | None = None
    """Of the cost."""
    weight: Decimal | None = None
    """In per cent of all that is owned, cash too."""
