"""Messy tick files: each is read right, or refused in one sentence. Never a wrong price."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import duckdb
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from tests.examples import examples
from ticker.errors import UsageError
from ticker.importing import Options, import_files

SECOND = 1_000_000
PRICES: dict[str, float | None] = {
    "1.5": 1.5, "-2": -2.0, "1e-3": 0.001, "+3": 3.0, " 4 ": 4.0, "7": 7.0, "0.07": 0.07,
    "1,5": None, "1.234,5": None, "1,234.5": None, "0": None, "-0.0": None, "": None, "nan": None,
    "inf": None, "abc": None, "1 000": None, "1.5.2": None, "$5": None, "--5": None, "1/2": None,
    "0x10": None, "5d": None, "1e400": None, "\u0663": None, "NULL": None,
    "1_000": 1000.0,
    "5%": None, "1'000": None, "true": None,
}  # fmt: skip
"""How a price is written → what it is; `None`: nothing that may be taken for a price."""
LEFT = {
    "1": 1.0, "1.": 1.0, "1.234": 1.234, " 4": 4.0, "5": 5.0, "1e40": 1e40, "1e4": 1e4,
    "1_00": 100.0, "1_0": 10.0,
}  # fmt: skip
"""The same of what is left of a price that is cut, or parted at its comma."""
UNITS = ((10**11, SECOND), (10**14, 1_000), (10**17, 1))
"""The magnitude below which a number is in a unit, and its length (µs). Beyond: ns."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

GOOD = sorted(text for text, price in PRICES.items() if price is not None)


class Row(NamedTuple):
    """One row that is written, and what it means."""

    time: int
    """µs, UTC."""
    style: str
    price: str
    change: int
    """How many fields too many (or too few) it has."""

    def written_time(self) -> str:
        moment = EPOCH + timedelta(microseconds=self.time)
        match self.style:
            case "iso":
                return moment.isoformat()
            case "zoned":
                return moment.astimezone(tz=None).isoformat()
            case "naive":
                return moment.replace(tzinfo=None).isoformat(" ")
            case "s":
                return str(self.time // SECOND)
            case "fraction":
                return f"{self.time // SECOND}.{self.time % SECOND:06d}"
            case "ms":
                return str(self.time // 1_000)
            case "ns":
                return f"{self.time}123"
            case "us":
                return str(self.time)
        return self.style  # none at all


def said_time(text: str) -> int | None:
    """The time (µs) in `text`: a number in the unit of its magnitude, or ISO 8601.

    A number with an exponent is none: a spreadsheet wrote it, and dropped digits.
    """
    if "e" in text:
        return None
    try:
        number = Decimal(text)
    except ArithmeticError:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            return None
        return (moment - EPOCH) // timedelta(microseconds=1) if moment.tzinfo else None
    length = next((length for below, length in UNITS if number < below), Decimal("0.001"))
    return int(number * length) if number >= 0 else None


ROWS = st.builds(
    Row,
    time=st.integers(1_500_000_000 * SECOND, 1_800_000_000 * SECOND),
    style=st.sampled_from(
        ["iso", "zoned", "naive", "s", "fraction", "ms", "us", "ns", "", "soon", "-1", "1e9"]
    ),
    price=st.one_of(st.sampled_from(GOOD), st.sampled_from(GOOD), st.sampled_from(sorted(PRICES))),
    change=st.sampled_from([0] * 8 + [1, -1]),
)
ALIKE = st.sampled_from(["iso", "s", "fraction", "ms", "us", "ns"]).flatmap(
    lambda style: st.lists(st.builds(Row._replace, ROWS, style=st.just(style)), max_size=6)
)

MIXED = st.lists(
    st.builds(
        Row._replace,
        ROWS,
        style=st.sampled_from(["s", "ms", "us"]),
        price=st.sampled_from(GOOD),
        change=st.just(0),
    ),
    max_size=6,
)


@settings(
    max_examples=examples(100),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    rows=st.one_of(ALIKE, MIXED, st.lists(ROWS, max_size=6)),
    columns=st.one_of(
        st.permutations(["time", "symbol", "price"]),
        st.permutations(["time", "symbol", "price", "size", "other"]),
        st.lists(st.sampled_from(["time", "symbol", "price", "size"]), unique=True, min_size=1),
    ),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    end=st.sampled_from(["\n", "\n", "\r\n", "\r"]),
    quote=st.sampled_from(["", '"', '"', "unbalanced"]),
    mark=st.sampled_from([b"", b"", b"", b"\xef\xbb\xbf", b"\xff\xfe", b"\x00"]),
    is_cut=st.booleans(),
)
def test_a_messy_file_is_read_correctly_or_refused_in_one_sentence(
    tmp_path_factory: pytest.TempPathFactory,
    rows: Sequence[Row],
    columns: Sequence[str],
    delimiter: str,
    end: str,
    quote: str,
    mark: bytes,
    is_cut: bool,
) -> None:
    lines = [delimiter.join(columns)]
    for number, row in enumerate(rows):
        told = {"time": row.written_time(), "symbol": "A", "price": row.price}
        fields = [told.get(name, "1") for name in columns]
        fields = fields[: row.change] if row.change < 0 else fields + ["9"] * row.change
        sign = '"' if quote else ""
        line = delimiter.join(f"{sign}{field}{sign}" for field in fields)
        lines.append(line[:-1] if quote == "unbalanced" and number == 1 else line)
    text = end.join([*lines, ""]).encode()
    folder = tmp_path_factory.mktemp("messy")
    path, out = folder / "a.csv", folder / "out.parquet"
    if is_cut:
        text = text[:-3]
    path.write_bytes(mark + text)
    refusal = ""
    try:
        report = import_files([path], out, Options())
    except UsageError as error:
        refusal = str(error)
    event("refused" if refusal else "read")
    if refusal:
        assert "\n" not in refusal
        assert len(refusal) < 500
        assert not out.exists()
        return
    # Of a file that was cut, the last line says what is left of it.
    truth = set()
    for line in text.decode(errors="replace").split(end)[1:]:
        said = next(csv.reader([line], delimiter=delimiter), [])
        if len(said) == len(columns):
            told = dict(zip(columns, said, strict=True))
            truth.add((said_time(told["time"]), (PRICES | LEFT).get(told["price"])))
    assert out.exists() == (report.manifest is not None)
    found = _held(out) if report.manifest else []
    event(f"{min(len(found), 2)} ticks or more")
    assert set(found) <= truth
    assert report.bad + report.unmoved + (report.manifest.ticks if report.manifest else 0) == (
        report.rows
    )


def _held(path: Path) -> list[tuple[int, float]]:
    return duckdb.execute(
        "SELECT epoch_us(time), price FROM read_parquet(?)", [str(path)]
    ).fetchall()
