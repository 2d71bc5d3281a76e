"""What the user owns of one symbol, in figures."""

from __future__ import annotations

from decimal import Decimal

import msgspec


class Holding(msgspec.Struct, frozen=True):
    """One holding. Money is in the currency of the symbol's price. `None`: unknown."""

    quantity: Decimal
    value: Decimal | None = None
    cost: Decimal | None = None
    """What was paid, with fees. Another currency is converted at today's rate."""
    day_gain: Decimal | None = None
    gain: Decimal | None = None
    gain_percent: Decimal | None = None
    """The gain in per cent of the cost."""
    weight: Decimal | None = None
    """Its share of everything owned, with cash, in per cent."""
