from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from ticker import wire
from ticker.errors import InvalidRecord
from ticker.records import Gap, Heartbeat, Quote, Record, Tick

# What each kind looks like to other programs: a change here breaks them.
GOLDEN: list[tuple[Record, str]] = [
    (
        Tick(
            symbol="GC=F",
            source="yahoo",
            origin="k3v9xq2m",
            sequence=42,
            time=1795447805120000,
            received=1795447805640000,
            price=4101.3,
            previous_price=4101.1,
            day_change=12.4,
            day_change_percent=0.303,
            volume=120431,
            bid=4101.2,
            ask=4101.4,
            currency="USD",
            session="regular",
        ),
        '{"type":"tick","symbol":"GC=F","source":"yahoo","origin":"k3v9xq2m","sequence":42,'
        '"time":1795447805120000,"received":1795447805640000,"price":4101.3,'
        '"previous_price":4101.1,"day_change":12.4,"day_change_percent":0.303,"volume":120431,'
        '"bid":4101.2,"ask":4101.4,"currency":"USD","session":"regular"}',
    ),
    (
        Quote(
            symbol="OCDO.L",
            source="exchange",
            time=1739788724000000,
            received=1739788725000000,
            price=308.8,
            origin="k3v9xq2m",
            sequence=7,
            day_change=-6.4,
            volume=113925,
            currency="GBp",
            session="regular",
            simulated=True,
            name="OCADO GROUP PLC ORD 2P",
            kind="equity",
            exchange="LSE",
            previous_close=315.2,
            price_hint=2,
            delay=900000000,
        ),
        '{"type":"quote","symbol":"OCDO.L","source":"exchange","time":1739788724000000,'
        '"received":1739788725000000,"price":308.8,"origin":"k3v9xq2m","sequence":7,'
        '"day_change":-6.4,"volume":113925,"currency":"GBp","session":"regular","simulated":true,'
        '"name":"OCADO GROUP PLC ORD 2P","kind":"equity","exchange":"LSE","previous_close":315.2,'
        '"price_hint":2,"delay":900000000}',
    ),
    (
        Gap(
            source="yahoo",
            origin="k3v9xq2m",
            writer="host-1",
            received=30,
            reason="poller stopped",
            symbols=("AAPL", "GC=F"),
            from_=10,
            until=20,
        ),
        '{"type":"gap","source":"yahoo","origin":"k3v9xq2m","writer":"host-1","received":30,'
        '"reason":"poller stopped","symbols":["AAPL","GC=F"],"from":10,"until":20}',
    ),
    (
        Gap(
            source="yahoo",
            origin="k3v9xq2m",
            writer="host-1",
            received=30,
            reason="retention",
            symbol="AAPL",
            first_sequence=3,
            last_sequence=9,
        ),
        '{"type":"gap","source":"yahoo","origin":"k3v9xq2m","writer":"host-1","received":30,'
        '"reason":"retention","symbol":"AAPL","first_sequence":3,"last_sequence":9}',
    ),
    (
        Heartbeat(
            origin="k3v9xq2m",
            writer="host-1",
            source="yahoo",
            time=10,
            received=11,
            interval=15000000,
            state="rate-limited",
            asked=2,
            answered=1,
            refused={"NOPE": "no such symbol"},
            retry_at=99,
        ),
        '{"type":"heartbeat","origin":"k3v9xq2m","writer":"host-1","source":"yahoo","time":10,'
        '"received":11,"interval":15000000,"state":"rate-limited","asked":2,"answered":1,'
        '"refused":{"NOPE":"no such symbol"},"retry_at":99}',
    ),
    (
        Heartbeat(
            origin="k3v9xq2m",
            writer="host-1",
            source="yahoo",
            time=10,
            received=11,
            interval=15000000,
            state="ok",
            asked=2,
            answered=2,
            symbols=("AAPL", "GC=F"),
        ),
        '{"type":"heartbeat","origin":"k3v9xq2m","writer":"host-1","source":"yahoo","time":10,'
        '"received":11,"interval":15000000,"state":"ok","asked":2,"answered":2,'
        '"symbols":["AAPL","GC=F"]}',
    ),
]
KINDS = pytest.mark.parametrize(("record", "line"), GOLDEN)
LINES = pytest.mark.parametrize("line", [line for _, line in GOLDEN])


@KINDS
def test_the_json_of_each_kind_is_unchanged(record: Record, line: str) -> None:
    assert wire.encode(record).decode() == line


@KINDS
def test_records_are_decoded_as_they_were_encoded(record: Record, line: str) -> None:
    assert wire.decode(line.encode()) == record


@KINDS
def test_fields_of_a_newer_version_are_ignored(record: Record, line: str) -> None:
    newer = line[:-1] + ',"mood":"bullish","legs":[{"type":"tick"}]}'
    assert wire.decode(newer.encode()) == record


def test_records_of_an_older_version_with_fewer_fields_are_read() -> None:
    older = b'{"type":"tick","symbol":"A","source":"s","origin":"o","sequence":1,"time":1,'
    older += b'"received":2,"price":3}'
    assert wire.decode(older) == Tick("A", "s", "o", 1, 1, 2, 3.0)


@LINES
def test_sent_records_fit_the_schema(line: str) -> None:
    jsonschema.validate(json.loads(line), wire.schema())


@LINES
def test_the_schema_refuses_a_record_without_a_required_field(line: str) -> None:
    broken = json.loads(line)
    del broken["source"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, wire.schema())


def test_the_shipped_schema_is_up_to_date() -> None:
    shipped = Path(wire.__file__).with_name("events.schema.json")
    assert json.loads(shipped.read_text()) == wire.schema()


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"x",
        b"\xff\xfe",
        b"null",
        b"[]",
        b"{}",
        b'{"type":"trade"}',
        b'{"type":7}',
        GOLDEN[0][1].replace("4101.3", "0").encode(),
        GOLDEN[0][1].replace("4101.3", "1e999").encode(),
        GOLDEN[0][1].replace("4101.3", '"4101.3"').encode(),
        GOLDEN[0][1].replace("GC=F", "\\u0000").encode(),
        GOLDEN[0][1].replace("GC=F", "\\ud800").encode(),
        GOLDEN[0][1].replace(":42,", ":99999999999999999999,").encode(),
        GOLDEN[0][1].replace(":42,", ":" + "9" * 5_000 + ",").encode(),
        GOLDEN[0][1].replace("4101.3", "9" * 5_000).encode(),
        b'{"type":' + b"9" * 5_000 + b"}",
        GOLDEN[0][1].encode()[:-1],
        b'{"a":' * 10_000,
    ],
)
def test_other_bytes_are_refused_with_one_kind_of_error(line: bytes) -> None:
    with pytest.raises(InvalidRecord):
        wire.decode(line)


def test_each_line_ends_with_a_line_break() -> None:
    lines = wire.encode_lines([record for record, _ in GOLDEN])
    assert [line.decode() for line in lines.splitlines()] == [line for _, line in GOLDEN]
    assert lines.endswith(b"\n")
