"""The result of the full comparison, in tables and sentences. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median
from typing import Final

from ticker.compare.full import Cell, Full, with_hanging
from ticker.figures import count_text

Table = tuple[str, tuple[str, ...], list[tuple[str, ...]]]
"""Title, headings, rows."""

CLAIM_HEADERS: Final = 500
CLAIM_LATENCY: Final = 3
"""Lubbers and Greco, HTML5 Web Sockets: A Quantum Leap in Scalability for the Web (2010)."""

_ONE: Final = "request"
_OPEN: Final = "WebSocket"

_MEASURES: Final[tuple[tuple[str, Callable[[Cell], Sequence[float]], bool], ...]] = (
    ("events/s", lambda cell: cell.speed, True),
    ("CPU", lambda cell: cell.cpu, False),
    ("p50", lambda cell: cell.p50, False),
    ("p99", lambda cell: cell.p99, False),
    ("bytes as fast as it goes", lambda cell: [cell.fast_bytes], False),
    ("bytes on schedule", lambda cell: [cell.bytes], False),
)
"""Name, values, whether more is better."""


def tables(full: Full) -> list[Table]:
    """Return all measurements as text: medians, with the spread in brackets."""
    made: list[Table] = []
    effort = full.effort
    if full.methods:
        made += [
            (
                f"As fast as it goes, from when all are connected ({effort.runs} runs)",
                ("Method", "Subscribers", "Events/s", "Bytes/event", "CPU µs/event"),
                [
                    (
                        *(cell.method, str(cell.subscribers), spread(cell.speed)),
                        *(_bytes(cell.fast_bytes), spread(cell.cpu)),
                    )
                    for cell in full.methods
                    if cell.speed
                ],
            ),
            (
                f"{effort.rate:g} events/s on schedule, {effort.seconds:g} s ({effort.runs} runs)",
                ("Method", "Subs", "p50 ms", "p99 ms", "Bytes/event", "Connections", "Missed"),
                [
                    (
                        *(cell.method, str(cell.subscribers), spread(cell.p50), spread(cell.p99)),
                        *(_bytes(cell.bytes), f"{cell.connections:,}" if cell.bytes else "-"),
                        f"{cell.missed:.0%}",
                    )
                    for cell in full.methods
                ],
            ),
        ]
    if full.sender:
        made.append(
            (
                "The sender's pace (events/s), and how late it is",
                ("Method", "Subscribers", "Hanging", "Wanted", "Sent", "p50 ms", "p99 ms"),
                [
                    (
                        *(each.method, str(each.subscribers), str(each.hanging)),
                        *(_figure(each.wanted), spread(each.pace)),
                        *(spread(each.p50), spread(each.p99)),
                    )
                    for each in full.sender
                ],
            )
        )
    return made


def sentences(full: Full) -> list[str]:
    """Describe the machine, and say what the measurements mean."""
    return [where(full), *findings(full)]


def where(full: Full) -> str:
    """Describe the machine, and how to read the figures."""
    machine = full.machine
    told = f"{machine.cpus} CPUs ({machine.system}, Python {machine.python})"
    return f"Measured on {told}, over loopback. Medians; in brackets the least and the most."


def findings(full: Full) -> list[str]:
    """Say what the measurements mean."""
    lines: list[str] = []
    counts = list(dict.fromkeys(cell.subscribers for cell in full.methods))
    cells = {(cell.method, cell.subscribers): cell for cell in full.methods}
    for count in counts:
        one, opened = cells[_ONE, count], cells[_OPEN, count]
        lines.append(
            f"{count_text(count, 'subscriber')}: the open connection (WebSocket, one event a "
            f"message) brought {_ratio(opened.speed, one.speed)} as many events/s as a request for "
            f"each event. A request took {_ratio(one.cpu, opened.cpu)} the CPU."
        )
    if counts:
        lines += [_claim(cells[_ONE, counts[0]], cells[_OPEN, counts[0]])]
        lines += [_long_polling(cells, counts), _unchanged(cells, counts)]
        if any(cell.method in {"SQLite", "Kafka"} for cell in full.methods):
            lines.append(
                "Bytes are not counted for logs: SQLite is a file, and Kafka has its own sockets."
            )
    lines += [_pace(method, full) for method in dict.fromkeys(each.method for each in full.sender)]
    lines += [
        f"{each.subscribers} subscribers were cut off at once and connected again: "
        f"{each.missed} events missed, the longest took {spread(each.longest)} ms; the sender was "
        f"{spread(each.late)} ms late (p99)."
        for each in full.storm
    ]
    return lines


def _pace(method: str, full: Full) -> str:
    own = [each for each in full.sender if each.method == method]
    told = ", ".join(
        f"{_figure(median(each.pace))} with {with_hanging(each.subscribers, each.hanging)}"
        for each in own
    )
    return f"{method}: of {own[0].wanted:g} events/s the sender sent {told}."


def _claim(one: Cell, opened: Cell) -> str:
    asked, sent = (cell.fast_bytes - cell.payload for cell in (one, opened))
    headers = asked / max(sent, 0.1)
    latency = median(one.p50) / max(median(opened.p50), 1e-3)
    return (
        f"In 2010 WebSocket was said to save headers {CLAIM_HEADERS} to 1 and latency "
        f"{CLAIM_LATENCY} to 1 against polling. Here, against a request for each event: headers "
        f"{headers:.0f} to 1 ({asked:.0f} bytes against {sent:.1f}; browsers send longer ones), "
        f"latency {latency:.1f} to 1 (p50, without a network)."
    )


def _long_polling(cells: dict[tuple[str, int], Cell], counts: Sequence[int]) -> str:
    """Say where every long poll run beat every WebSocket run (one event a message)."""
    found = []
    for count in counts:
        mine, others = cells["long poll", count], cells[_OPEN, count]
        names = [
            name for name, values, more in _MEASURES if _better(values(mine), values(others), more)
        ]
        if names:
            found.append(f"{', '.join(names)} with {count_text(count, 'subscriber')}")
    if not found:
        return "No measure was better with long polling than with WebSocket (one event a message)."
    return (
        f"Long polling was better than WebSocket (one event a message) in {'; '.join(found)}: "
        "an answer carries all that is there, up to 100 events."
    )


def _better(mine: Sequence[float], others: Sequence[float], more: bool) -> bool:
    return min(mine) > max(others) if more else max(mine) < min(others)


def _unchanged(cells: dict[tuple[str, int], Cell], counts: Sequence[int]) -> str:
    """Compare the bytes and missed events of polls with the open connection's."""
    often, slow, opened = (cells[name, counts[0]] for name in ("poll", "poll each second", _OPEN))
    share = often.unchanged / max(often.requests, 1)
    wins = [each for each in (often, slow) if each.happened_bytes < opened.happened_bytes]
    return (
        f"A poll as often as events come got {share:.0%} answers without news (304), missed "
        f"{often.missed:.0%} of the events, and moved {often.happened_bytes:.0f} bytes for each "
        f"event that happened; a poll each second missed {slow.missed:.0%} and moved "
        f"{slow.happened_bytes:.0f}; the open connection missed {opened.missed:.0%} and moved "
        f"{opened.happened_bytes:.0f}. "
        + (
            f"Where only the newest price counts, the {wins[-1].method} moves the least."
            if wins
            else "Polling does not win here."
        )
    )


def _ratio(more: Sequence[float], less: Sequence[float]) -> str:
    """Return `18 times (16 to 21)`: the ratio of the medians, and of the extremes."""
    low, high = min(more) / max(less), max(more) / min(less)
    times = _figure(median(more) / median(less))
    return f"{times} times ({_figure(low)} to {_figure(high)})"


def spread(values: Sequence[float]) -> str:
    """Return the median, and the least and the greatest in brackets."""
    if len(values) == 1:
        return _figure(values[0])
    return f"{_figure(median(values))} ({_figure(min(values))}-{_figure(max(values))})"


def _figure(value: float) -> str:
    """Write at least two digits: `0.84`, `8.4`, `84`, `8,400`."""
    places = 2 if value < 1 else 1 if value < 10 else 0  # noqa: PLR2004
    return f"{value:,.{places}f}"


def _bytes(value: float) -> str:
    return f"{value:,.0f}" if value else "-"
