"""Reads the URLs of sources: where to ask, how often, and whether a socket sends. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import urlsplit

from ticker.errors import UsageError
from ticker.source_titles import EXCHANGE_PORT
from ticker.units import MINUTE, SECOND

_HTTP: Final = 80


@dataclass(frozen=True)
class YahooAddress:
    """Where to ask, and how often. Fields without a docstring are explained in `Source`."""

    url: str
    name: str = "yahoo"
    server: str | None = None
    """`HOST:PORT` that stands in for Yahoo; `None`: Yahoo itself."""
    every: int = 15 * SECOND
    every_closed: int = MINUTE
    budget: int | None = 360
    """The most requests an hour; `None`: no limit."""
    longest_refusal: float = 3_600.0
    """The longest wait before a refused symbol is requested again (s)."""

    @classmethod
    def at(cls, url: str) -> Self:
        """Read `yahoo`, `yahoo+http://HOST[:PORT]`, `exchange[:HOST[:PORT]]`, or a live source.

        Live sources are `yahoo-live`, `yahoo-live+ws://HOST[:PORT]`, `exchange-live[:HOST[:PORT]]`.
        Raises `UsageError` for any other text.
        """
        scheme, colon, rest = url.partition(":")
        match scheme:
            case "yahoo" | "yahoo-live" if not colon:
                return cls(url, scheme)
            case "yahoo+http" | "yahoo-live+ws" if rest.startswith("//"):
                server = _server(url, rest[2:].removesuffix("/"), _HTTP)
                return cls._elsewhere(url, scheme.partition("+")[0], server)
            case "exchange" | "exchange-live":
                # A number alone is a port of this machine.
                place = f"127.0.0.1:{rest}" if rest.isdecimal() else rest or "127.0.0.1"
                return cls._elsewhere(url, scheme, _server(url, place, EXCHANGE_PORT))
        raise UsageError(
            f"{url!r} is not a source: expected yahoo, yahoo-live, yahoo+http://HOST:PORT, "
            "exchange[:HOST[:PORT]] or exchange-live[:HOST[:PORT]]"
        )

    @property
    def is_live(self) -> bool:
        """Tell whether a socket sends the prices."""
        return self.name.endswith("-live")

    @classmethod
    def _elsewhere(cls, url: str, name: str, server: str) -> Self:
        return cls(url, name, server, SECOND, SECOND, budget=None, longest_refusal=60.0)


def _server(url: str, text: str, port: int) -> str:
    """Return `HOST:PORT` of `HOST[:PORT]`. Raises `UsageError` for anything else."""
    try:
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname, parts.port or port
    except ValueError:
        host = None
    if not host or parts.netloc != text or "@" in text or not host.isprintable() or " " in host:
        raise UsageError(f"{url!r} names no server: expected HOST:PORT")
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
