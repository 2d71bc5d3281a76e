"""Converts records to JSON bytes and back, and makes the JSON Schema of them.

The same bytes travel everywhere: in Kafka values, in `ticker tail`, between processes. One record
is one JSON object with a `type`. An unknown value is left out. Unknown fields are ignored, and a
missing optional field means unknown. So older and newer versions can read each other. Nothing here
does input or output.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from ticker.errors import InvalidRecord
from ticker.records import Gap, Heartbeat, Quote, Record, Tick

VERSION: Final = 1
"""The schema's version. It is raised when a field changes its meaning, not when one is added."""

_encoder: Final = msgspec.json.Encoder()
_decoder: Final[msgspec.json.Decoder[Record]] = msgspec.json.Decoder(Record)

encode: Final = _encoder.encode
"""Encode one record as UTF-8 JSON, without a line end."""


def encode_lines(records: Iterable[Any]) -> bytes:
    """Encode records, or plain values, as UTF-8 JSON. Each is one line with a line end."""
    return _encoder.encode_lines(records)


def decode(line: bytes | str) -> Record:
    """Decode the record in `line`. Unknown fields are ignored.

    Raises `InvalidRecord` for bytes that are not JSON, an object of another shape, a kind that this
    version does not know, or values that no record accepts.
    """
    try:
        return _decoder.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRecord("record", str(error)) from error


def schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of the four kinds, as in `ticker/events.schema.json`."""
    kinds = (Tick, Quote, Gap, Heartbeat)
    references, definitions = msgspec.json.schema_components(kinds, ref_template="#/$defs/{name}")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Events of a ticker stream",
        "version": VERSION,
        "oneOf": list(references),
        "$defs": definitions,
    }
