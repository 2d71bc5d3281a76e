"""`open_source(url)`: a source's URL → the source. Each is imported when it is needed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ticker.sources.protocol import Source


def open_source(
    url: str = "yahoo", *, on_answer: Callable[[Sequence[str], bytes], None] | None = None
) -> Source:
    """The source at `url`: `yahoo`, `yahoo+http://HOST:PORT`, `exchange[:HOST[:PORT]]`.

    Nothing is asked yet. `on_answer` is called with the symbols of each request and the body of its
    good answer, as it came. Raises `UsageError` for any other word.
    """
    from ticker.sources.yahoo import YahooSource

    return YahooSource.at(url, on_answer=on_answer)
