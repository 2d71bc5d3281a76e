"""Names of sources in sentences, and the advice for a source that cannot be reached.

Data and options say `yahoo` and `exchange`. Sentences say Yahoo and the exchange.
"""

from __future__ import annotations

from typing import Final

from ticker.escape import escape

EXCHANGE_PORT: Final = 8790
"""The default port of an exchange, on loopback."""
_NAMED: Final = 40
"""The most characters shown of a name from outside."""

_LOOPBACK: Final = "127.0.0.1"

_LABELS: Final = {"yahoo": "Yahoo", "yahoo-live": "Yahoo live", "exchange-live": "exchange live"}


def source_label(name: str) -> str:
    """Return a source's name for a list or before a colon: `Yahoo`, `exchange`. Escaped."""
    return _LABELS.get(name) or escape(name, _NAMED)


def source_title(name: str, *, first: bool = False) -> str:
    """Return a source's name for a sentence: `the exchange`. `first`: as its first word."""
    spoken = name.removesuffix("-live")
    if spoken == "exchange":
        return "The exchange" if first else "the exchange"
    return source_label(spoken)


def cannot_reach(name: str, problem: str, address: str | None = None) -> str:
    """Say that a source did not answer, with the next step. `address` is as for `to_reach`."""
    return f"Cannot reach {source_title(name)} ({problem}). {to_reach(name, address)}"


def to_reach(name: str, address: str | None) -> str:
    """Say what to do about an unreachable source. `address` is its URL or HOST:PORT, if known."""
    if name.startswith("exchange"):
        host, _, port = (address or "").removeprefix(f"{name}:").rpartition(":")
        is_other = port.isdecimal() and port != str(EXCHANGE_PORT) and host in ("", _LOOPBACK)
        option = f" --listen {_LOOPBACK}:{port}" if is_other else ""
        return f"Not running? Start it: ticker exchange{option}"
    return "Check your connection, or try `ticker demo`, which works offline."
