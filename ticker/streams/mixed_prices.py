"""Real and invented prices never share a log. One rule for all logs. Pure."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Final

from ticker.errors import MixedPrices
from ticker.records import Quote, Tick

_simulated: Final = operator.attrgetter("simulated")


def check_simulated(
    url: str, log_is_simulated: bool | None, *prices: Sequence[Tick | Quote]
) -> bool | None:
    """Return whether the log's prices are invented; `None`: it has no price yet.

    Raises `MixedPrices` unless all `prices` agree with the log, or with the first if it has none.
    """
    for some in prices:
        kinds = {*map(_simulated, some)}
        if log_is_simulated is None and kinds:
            log_is_simulated = some[0].simulated
        if not kinds <= {log_is_simulated}:
            other = next(price for price in some if price.simulated != log_is_simulated)
            raise MixedPrices(url, other.symbol, log_is_simulated=bool(log_is_simulated))
    return log_is_simulated
