"""`open_source(url)`: a source's URL → the source. Each is imported when it is needed."""

from __future__ import annotations

from ticker.sources.protocol import Source


def open_source(url: str = "yahoo") -> Source:
    """The source at `url`: `yahoo`, `yahoo+http://HOST:PORT`, `exchange[:HOST[:PORT]]`.

    Nothing is asked yet. Raises `UsageError` for any other word.
    """
    from ticker.sources.yahoo import YahooSource

    return YahooSource.at(url)
