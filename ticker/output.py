r"""Records as JSON, CSV and lines of text.

JSON lines and CSV lines are returned as UTF-8, the rest as text. The owner of standard output
writes them. Names and reasons come from outside, so lines for people show them escaped. JSON writes
invisible characters as `\uXXXX`, which every reader decodes. Knows no stream, terminal or clock.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import groupby
from typing import Any, Final

import msgspec

from ticker import wire
from ticker.escape import escape
from ticker.figures import and_more, change_text, decimals, percent_text, price_text
from ticker.health.gaps import of_gap
from ticker.records import TICK_FIELDS, Gap, Heartbeat, Quote, Record, Tick
from ticker.times import Zone, iso, to_datetime
from ticker.units import SECOND

_TIMES: Final = ("time", "received", "from", "until", "retry_at", "last_good", "tape_time")
_NAMED: Final = 5
"""The most symbols named in a line; the rest is counted."""
_PRIVATE: Final = re.compile(r"[^ -~]")


def _names(kinds: Iterable[type[msgspec.Struct]]) -> tuple[str, ...]:
    names = [name for kind in kinds for name in kind.__struct_encode_fields__]
    return ("type", *dict.fromkeys(names))


EVENT_COLUMNS: Final = _names((Tick, Gap))
"""The columns of ticks and gaps as CSV, in order."""
ALL_COLUMNS: Final = _names((Tick, Gap, Quote, Heartbeat))
QUOTE_COLUMNS: Final = _names((Quote,))


def json_lines(records: Sequence[Record], *, iso_times: bool = False) -> bytes:
    """Return one line of JSON for each record. Invisible characters are escaped."""
    data = wire.encode_lines(map(_plain, records) if iso_times else records)
    if data.isascii() and b"\x7f" not in data:  # JSON itself escapes the other invisible ones
        return data
    return "\n".join(map(_visible, data.decode().split("\n"))).encode()


def json_array(rows: Sequence[object]) -> str:
    """Return a JSON array of `rows`, indented, with a line end."""
    return "\n".join(map(_visible, indented_json(list(rows)).split("\n")))


def indented_json(told: object) -> str:
    """Return `told` as indented JSON, with a line end."""
    return msgspec.json.format(msgspec.json.encode(told), indent=2).decode() + "\n"


def _visible(line: str) -> str:
    return line if line.isprintable() else _PRIVATE.sub(_escaped, line)


def _escaped(match: re.Match[str]) -> str:
    character = match[0]
    if character.isprintable():
        return character
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i] << 8 | units[i + 1]:04x}" for i in range(0, len(units), 2))


def _plain(row: object) -> dict[str, Any]:
    """Return name → value of a record or another row, with times as ISO 8601."""
    plain: dict[str, Any] = msgspec.to_builtins(row)
    for name in _TIMES:
        if isinstance(plain.get(name), int):
            plain[name] = iso(plain[name])
    return plain


def csv_header(columns: Sequence[str]) -> bytes:
    """Return the header line of a CSV file with these columns."""
    return ",".join(columns).encode() + b"\n"


def csv_file(rows: Iterable[object], columns: Sequence[str], *, visible: bool) -> str:
    """Return a CSV file: the header, and a line per row, written as `csv_lines` writes records."""
    return (csv_header(columns) + _csv_of_any(rows, columns, visible=visible)).decode()


def csv_lines(records: Iterable[Record], columns: Sequence[str], *, visible: bool) -> bytes:
    """Return one line per record. Times are ISO 8601 with `Z`, unknown values empty.

    A list is joined by spaces. If there are ticks, `columns` must be `EVENT_COLUMNS` or
    `ALL_COLUMNS`. `visible` escapes texts for terminals; otherwise they are unchanged.
    """
    pieces = []
    for kind, run in groupby(records, key=type):
        alike: list[Any] = list(run)
        quick = _csv_of_ticks(alike, len(columns)) if kind is Tick and not visible else None
        pieces.append(quick or _csv_of_any(alike, columns, visible=visible))
    return b"".join(pieces)


def _csv_of_any(rows: Iterable[object], columns: Sequence[str], *, visible: bool) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for row in rows:
        plain = _plain(row)
        writer.writerow(_cell(plain.get(name), visible=visible) for name in columns)
    return out.getvalue().encode()


def _csv_of_ticks(ticks: Sequence[Tick], columns: int) -> bytes | None:
    """Make CSV of ticks from their JSON, whose encoder writes numbers many times faster.

    Without its brackets and quotes, a JSON array is a line of CSV. Returns `None` if a text has a
    character that CSV quotes or JSON escapes: then this is not true.
    """
    rest = "," * (columns - 1 - len(TICK_FIELDS))
    simulated = f"true{rest}"
    moments = _Moments()
    data = wire.encode_lines(
        [
            (
                "tick",
                tick.symbol,
                tick.source,
                tick.origin,
                tick.sequence,
                moments[tick.time],
                moments[tick.received],
                tick.price,
                "" if tick.previous_price is None else tick.previous_price,
                "" if tick.day_change is None else tick.day_change,
                "" if tick.day_change_percent is None else tick.day_change_percent,
                "" if tick.volume is None else tick.volume,
                "" if tick.bid is None else tick.bid,
                "" if tick.ask is None else tick.ask,
                tick.currency or "",
                tick.session or "",
                "" if tick.size is None else tick.size,
                simulated if tick.simulated else rest,
            )
            for tick in ticks
        ]
    )
    lines = data.translate(None, b'"[]')
    is_plain = (
        b"\\" not in data
        and len(data) - len(lines) == data.count(b'"') + 2 * len(ticks)  # no text has a bracket
        and lines.count(b",") == (columns - 1) * len(ticks)
    )
    return lines if is_plain else None


class _Moments(dict[int, str]):
    """A cache of µs since 1970 → ISO 8601 (`iso`): all ticks of an answer have one `received`."""

    def __missing__(self, time: int) -> str:
        seconds, micros = divmod(time, SECOND)
        text = self[time] = f"{_second(seconds)}{micros:06d}Z"
        return text


@lru_cache(maxsize=64)
def _second(seconds: int) -> str:
    return iso(seconds * SECOND).removesuffix("000000Z")


def _cell(value: Any, *, visible: bool) -> Any:
    match value:
        case bool():
            return "true" if value else ""
        case list():
            return " ".join(value)
        case dict():
            return msgspec.json.encode(value).decode()
        case str() if visible:
            return escape(value)
        case _:
            return value


def text_line(record: Record, zone: Zone, hints: Mapping[str, int | None]) -> str:
    """Return one record as a line of text for people. `hints`: symbol → decimals, if known."""
    at = to_datetime(record.received, zone).strftime("%H:%M:%S.%f")[:-3]
    match record:
        case Tick() | Quote():
            words = _trade_words(record, hints.get(record.symbol))
        case Gap():
            words = of_gap(record, record.received, zone)
        case Heartbeat():
            words = (
                f"heartbeat {escape(record.writer)} {escape(record.state)}: "
                f"{record.answered} of {record.asked} answered"
            )
            if record.refused:
                words += ", refused " + and_more([*map(escape, record.refused)], _NAMED)
    return f"{at}  {words}\n"


def _trade_words(record: Tick | Quote, hint: int | None) -> str:
    places = decimals(record.price, hint)
    previous = record.previous_price if isinstance(record, Tick) else None
    step = None if previous is None else record.price - previous
    arrow = "·" if not step else "▲" if step > 0 else "▼"
    words = [
        f"{escape(record.symbol):<10} {price_text(record.price, places):>12} {arrow}",
        f"{change_text(step, places):>9}" if isinstance(record, Tick) else "    quote",
        f"{percent_text(record.day_change_percent):>8} today",
        escape(record.currency or ""),
        escape(record.session or ""),
        "SIMULATED" if record.simulated else "",
    ]
    return "  ".join(words).rstrip()
