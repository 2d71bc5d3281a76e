"""Decodes messages of ticks to columns, and only the fields that were asked for.

A tick's identity, price and times are always read and checked, as `messages.decode` checks them; so
are the fields asked for. Other fields are not read. If one message is not as expected, all of them
are decoded one by one. Pure.
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from ticker.errors import InvalidRecord
from ticker.records import MAX_NUMBER, Tick, check_symbol
from ticker.streams.kafka.messages import are_usual, decode, have_symbols, time_limit
from ticker.streams.reader import ColumnRequest
from ticker.streams.sequence import SequenceTracker

_ALWAYS: Final = ("symbol", "origin", "sequence", "time", "received", "price")
_FIELDS: Final = {field.name: field for field in msgspec.structs.fields(Tick)}
_Column = tuple[Any, ...]


def _is_price(values: _Column) -> bool:
    return 0 not in values  # JSON numbers are finite


def _is_amount(values: _Column) -> bool:
    known = [value for value in values if value is not None]
    return not known or (min(known) >= 0 and max(known) <= MAX_NUMBER)


_CHECKS: Final[Mapping[str, Callable[[_Column], bool]]] = {
    **dict.fromkeys(("price", "previous_price", "bid", "ask"), _is_price),
    **dict.fromkeys(("volume", "size"), _is_amount),
}
"""Checks of a whole column that the types of `Tick` do not cover."""


class ColumnDecoder:
    """Decodes messages of ticks for one `request`, and drops repeats."""

    def __init__(self, request: ColumnRequest) -> None:
        self._request = request
        self._names = tuple(dict.fromkeys((*_ALWAYS, *request.fields)))
        self._decode = msgspec.json.Decoder(_row(self._names)).decode
        self._sequences = SequenceTracker()

    def chunk(self, messages: Sequence[Any]) -> Mapping[str, Sequence[Any]] | None:
        """Return the columns of the wanted `messages` (aiokafka's), or `None` if there are none."""
        columns = self._columns(messages)
        if columns is None:
            columns = _columns(decode(messages, Tick).records, self._names)
        keys = zip(columns["origin"], columns["symbol"], strict=True)
        wanted = self._sequences.fresh(keys, columns["sequence"])
        request = self._request
        if request.symbols is not None:
            chosen = map(request.symbols.__contains__, columns["symbol"])
            wanted = list(map(operator.and_, wanted, chosen))
        if request.since is not None or request.until is not None:
            since, until = request.since or 0, request.until
            inside = (since <= at and (until is None or at < until) for at in columns["received"])
            wanted = list(map(operator.and_, wanted, inside))
        if not any(wanted):
            return None
        if all(wanted):
            return {name: columns[name] for name in request.fields}
        return {name: (*itertools.compress(columns[name], wanted),) for name in request.fields}

    def _columns(self, messages: Sequence[Any]) -> dict[str, _Column] | None:
        """Return the columns of `messages`, or `None` unless each of them is a tick."""
        if not are_usual(messages):
            return None
        try:
            rows = [self._decode(message.value) for message in messages]
            columns = _columns(rows, self._names)
            for symbol in {*columns["symbol"]}:
                check_symbol(symbol)
        except (msgspec.MsgspecError, UnicodeError, RecursionError, TypeError, InvalidRecord):
            return None
        limit = time_limit(messages)
        are_well = (
            have_symbols(messages, columns["symbol"])
            and max(columns["time"]) <= limit
            and max(columns["received"]) <= limit
            and all(check(columns[name]) for name, check in _CHECKS.items() if name in columns)
        )
        return columns if are_well else None


def _columns(rows: Sequence[Any], names: Sequence[str]) -> dict[str, _Column]:
    return {name: (*map(operator.attrgetter(name), rows),) for name in names}


def _row(names: Sequence[str]) -> type[msgspec.Struct]:
    """Make a struct with these fields of a tick, of the same types, without other checks."""
    fields = [
        (name, field.type) if field.required else (name, field.type, field.default)
        for name, field in ((name, _FIELDS[name]) for name in names)
    ]
    fields.sort(key=len)  # fields with a default must come last
    return msgspec.defstruct("Row", fields, tag_field="type", tag="tick", gc=False)
