"""Reads the URLs of live sources: where to poll and to connect. Pure."""

from __future__ import annotations

from dataclasses import replace

from ticker.errors import UsageError
from ticker.sources.yahoo import YahooAddress


def live_address(url: str) -> YahooAddress:
    """Read `yahoo-live`, `yahoo-live+ws://HOST:PORT` or `exchange-live[:HOST[:PORT]]`.

    Raises `UsageError` for any other text.
    """
    scheme, colon, rest = url.partition(":")
    match scheme:
        case "yahoo-live" if not colon:
            return YahooAddress(url, name=url)
        case "yahoo-live+ws":
            place = YahooAddress.at(f"yahoo+http:{rest}")
            return replace(place, url=url, name="yahoo-live")
        case "exchange-live":
            return replace(YahooAddress.at(f"exchange{colon}{rest}"), url=url, name=scheme)
    raise UsageError(f"{url!r} is not a live source")


def is_live(url: str) -> bool:
    """Tell whether `url` begins as the URL of a live source does."""
    return url.partition(":")[0] in ("yahoo-live", "yahoo-live+ws", "exchange-live")
