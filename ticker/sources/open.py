"""`open_source(url)`: a source's URL → the source. A source is imported when it is opened."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from ticker.errors import UsageError
from ticker.sources.protocol import SearchableSource


def open_source(
    url: str = "yahoo",
    *,
    on_answer: Callable[[Sequence[str], bytes], None] | None = None,
    shared: Path | None = None,
) -> SearchableSource:
    """Return the source at `url`: `yahoo`, `yahoo+http://HOST:PORT`, `exchange[:HOST[:PORT]]`.

    Live sources send by themselves: `yahoo-live`, `yahoo-live+ws://HOST:PORT`, `exchange-live[…]`.

        async with ticker.open_source("yahoo") as source:
            answer = await source.quotes(["AAPL", "GC=F"])

    No request is sent yet. `on_answer` is called with the symbols of each request and the unchanged
    body of its good answer. `shared` is the file in which the pollers of one user count their
    requests to Yahoo. Raises `UsageError` for any other URL.
    """
    if not isinstance(url, str):
        raise UsageError(f"source: expected a text such as 'yahoo', not {url!r:.80}")
    from ticker.sources.address import YahooAddress
    from ticker.sources.budget import Budget
    from ticker.sources.live import LiveSource
    from ticker.sources.yahoo import YahooSource

    place = YahooAddress.at(url)
    budget = Budget(place.budget, shared=shared)
    polled = YahooSource(place, on_answer=on_answer, budget=budget)
    return LiveSource(polled) if place.is_live else polled
