"""Plain files: what is read, what is refused, and what is left out and told."""

from __future__ import annotations

import contextlib
import csv
import gzip
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.examples import examples
from ticker.errors import StreamNotWritable, UsageError
from ticker.importing import Options, Report, import_files
from ticker.streams.recording import RecordingStream

SHARED = Path(__file__).resolve().parents[4] / "shared" / "ticks" / "usdjpy-quotes.csv"


def load(*paths: Path, **said: Any) -> tuple[list[tuple[Any, ...]], Report]:
    """Symbol, time (µs), price, size and volume of each tick, and the report."""
    out = paths[0].parent / "out.parquet"
    report = import_files(paths, out, Options(**said), replace=True)
    rows = duckdb.execute(
        "SELECT symbol, epoch_us(time), price, size, volume FROM read_parquet(?)", [str(out)]
    ).fetchall()
    return rows, report


def file(folder: Path, text: str, name: str = "a.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8", newline="")
    return path


@pytest.mark.skipif(not SHARED.exists(), reason="needs the genuine quotes of USD/JPY")
def test_genuine_quotes_import_row_by_row_as_an_independent_reading_has_them(
    tmp_path: Path,
) -> None:
    expected: list[tuple[str, int, float]] = []
    with SHARED.open(newline="") as lines:
        for row in csv.DictReader(lines):
            if not expected or expected[-1][2] != float(row["price"]):
                moment = datetime.fromisoformat(row["time"]).astimezone(UTC)
                expected.append(
                    (row["symbol"], round(moment.timestamp() * 1e6), float(row["price"]))
                )
    out = tmp_path / "out.parquet"
    report = import_files([SHARED], out, Options())
    rows = duckdb.execute(
        "SELECT symbol, epoch_us(time), price FROM read_parquet(?)", [str(out)]
    ).fetchall()
    assert rows == expected
    assert (report.rows, report.bad) == (1_000, 0)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("1704153600", "1704153601"),
        ("1704153600.5", "1704153601.5"),
        ("1704153600500", "1704153601500"),
        ("1704153600500000", "1704153601500000"),
        ("1704153600500000999", "1704153601500000999"),
        ("2024-01-02T00:00:00.5Z", "2024-01-02T00:00:01.500Z"),
        ("2024-01-02 01:00:00.5+01:00", "2024-01-01 19:00:01.5-05:00"),
    ],
)
def test_a_time_tells_its_unit_or_its_zone(tmp_path: Path, first: str, second: str) -> None:
    rows, _ = load(file(tmp_path, f"time,symbol,price\n{first},A,1\n{second},A,2\n"))
    times = [row[1] for row in rows]
    assert times[1] - times[0] == 1_000_000
    assert times[0] // 1_000_000 == 1_704_153_600


def test_a_row_in_another_unit_is_a_bad_row_and_not_another_time(tmp_path: Path) -> None:
    text = "time,symbol,price\n1704153600,A,1\n1704153601000,A,2\n1704153602,A,3\n"
    rows, report = load(file(tmp_path, text))
    assert [row[2] for row in rows] == [1.0, 3.0]
    assert [(bad.line, bad.reason.partition(" (")[0]) for bad in report.shown] == [
        (3, "its time cannot be read")
    ]


@pytest.mark.parametrize(
    ("text", "said", "words"),
    [
        ("time,symbol,price\n2024-01-02 10:00:00,A,1\n", {}, "--zone"),
        ("time,symbol,price\n01/02/2024 10:00,A,1\n", {}, "--time-format"),
        ("time,symbol,price\n01/02/2024 10:00,A,1\n", {"time_format": "%d/%m/%Y %H:%M"}, "--zone"),
        ("time,symbol,price\nsoon,A,1\n", {}, "--time-format"),
        ("time,price\n1704153600,1\n", {}, "--symbol"),
        ("when,symbol,price\n1704153600,A,1\n", {}, "--column time="),
        ("time,symbol,last\n1704153600,A,1\n", {}, "--column price="),
        ("time,symbol,bid\n1704153600,A,1\n", {}, "--column price="),
        ("time,symbol,price\n1704153600,A,1\n", {"renamed": {"price": "last"}}, "no column 'last'"),
        ("time,symbol,price\n1704153600,A,1\n", {"renamed": {"cost": "price"}}, "there are time"),
        ("time,open,high,low,close\n1704153600,1,2,0,1\n", {}, "bars"),
        ("<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>\nA,5,1,1,1,1,1,1\n", {}, "bars"),
        ("time,symbol,price\n1704153600,A,1\n", {"layout": "nosuch"}, "histdata"),
        ("time,symbol,price\n1704153600,A,1\n", {"layout": "histdata"}, "does not look like"),
        ("time,time,price\n1704153600,1,1\n", {"symbol": "A"}, "twice"),
        ("", {}, "empty"),
    ],
)
def test_what_would_have_to_be_guessed_is_refused_with_the_option_that_helps(
    tmp_path: Path, text: str, said: dict[str, Any], words: str
) -> None:
    path = file(tmp_path, text)
    with pytest.raises(UsageError, match=words):
        load(path, **said)
    assert list(tmp_path.iterdir()) == [path]


def test_options_say_columns_names_zone_and_format(tmp_path: Path) -> None:
    path = file(tmp_path, "02.01.2024;10:00:00;x;1.5\n02.01.2024;10:00:01;x;1.6\n")
    rows, _ = load(
        path,
        columns=("day", "clock", "unused 2", "price"),
        renamed={"time": "day+clock"},
        time_format="%d.%m.%Y %H:%M:%S",
        zone="Europe/Berlin",
        symbol="A",
    )
    assert rows == [
        ("A", 1_704_186_000_000_000, 1.5, None, None),
        ("A", 1_704_186_001_000_000, 1.6, None, None),
    ]


def test_rows_at_the_same_price_add_to_the_volume_of_their_day(tmp_path: Path) -> None:
    lines = [
        ("2024-01-02T23:59:58Z", "1", "2"),
        ("2024-01-02T23:59:59Z", "1", "3"),
        ("2024-01-02T23:59:59Z", "2", "4"),
        ("2024-01-03T00:00:00Z", "2", "5"),
        ("2024-01-03T00:00:01Z", "3", "6"),
    ]
    text = "time,symbol,price,size\n" + "".join(f"{t},A,{p},{s}\n" for t, p, s in lines)
    rows, report = load(file(tmp_path, text))
    assert [row[2:] for row in rows] == [(1.0, 2.0, 2.0), (2.0, 4.0, 9.0), (3.0, 6.0, 11.0)]
    assert report.unmoved == 2


def test_bad_rows_are_counted_shown_and_left_out(tmp_path: Path) -> None:
    text = (
        "time,symbol,price\n1704153600,A,1\nnever,A,2\n1704153602,,3\n1704153603,A,0\n"
        "1704153604,A,NaN\n1704153605,A,\n1704153606,A\n1704153607,A,8,9\n1704153608,A,-2\n"
    )
    path = file(tmp_path, text)
    rows, report = load(path)
    assert [row[2] for row in rows] == [1.0, -2.0]
    assert report.bad == 7
    assert [bad.line for bad in report.shown] == [3, 4, 5, 6, 7]
    with pytest.raises(UsageError, match=r"a.csv:3: its time cannot be read"):
        load(path, strict=True)


def test_all_that_is_missing_is_named_at_once(tmp_path: Path) -> None:
    path = file(tmp_path, "when,what,last\n1704153600,A,1\n")
    words = (
        r"a.csv has no columns 'time' and 'price' and 'symbol'. It has: when, what, last. "
        r"Name what it has: --column time=NAME --column price=NAME \(or bid=NAME and ask=NAME\) "
        r"--symbol SYMBOL"
    )
    with pytest.raises(UsageError, match=words):
        load(path)
    with pytest.raises(UsageError, match="no columns 'pair' and 'open' and 'time'"):
        load(path, renamed={"price": "open", "symbol": "pair"})


@pytest.mark.parametrize("text", ["2,5", "1,234.50", "1.234,50", "-2,5", ",5"])
def test_a_number_with_a_comma_is_refused_and_never_guessed(tmp_path: Path, text: str) -> None:
    path = file(tmp_path, f"time;symbol;price\n1704153600;A;1.5\n1704153601;A;{text}\n")
    with pytest.raises(UsageError, match="--decimal-comma"):
        load(path)


def test_with_a_decimal_comma_a_number_with_a_point_is_bad(tmp_path: Path) -> None:
    text = "time;symbol;price;size\n1704153600;A;2,5;1,5\n1704153601;A;1.234,5;2\n"
    rows, report = load(file(tmp_path, text), decimal_comma=True)
    assert [row[2:] for row in rows] == [(2.5, 1.5, 1.5)]
    assert [bad.line for bad in report.shown] == [3]


def test_a_bad_row_is_told_with_the_line_that_an_editor_shows(tmp_path: Path) -> None:
    lines = [
        "", "time,symbol,price", "1704153600,A", "", "never,A,1", "1704153601,A,1,1",
        "1704153602,A,2", "1704153603,B C,3", "", "1704153604,A,0",
    ]  # fmt: skip
    text = "\n".join([*lines, ""])
    packed = tmp_path / "b.csv.gz"
    packed.write_bytes(gzip.compress(text.replace("\n", "\r\n").encode()))
    for path in (file(tmp_path, text), packed):
        _, report = load(path)
        assert [(bad.line, bad.reason.partition(" (")[0]) for bad in report.shown] == [
            (3, "it has too few columns"),
            (5, "its time cannot be read"),
            (6, "it has too many columns"),
            (8, "its symbol has characters that no symbol has"),
            (10, "its price is absent, zero or no number"),
        ]


def test_a_day_of_volume_is_that_of_the_time_though_rows_come_by_when_they_were_received(
    tmp_path: Path,
) -> None:
    midnight = 1_704_153_600
    lines = [
        f"{midnight - 2},{midnight},A,1,1",
        f"{midnight - 1},{midnight + 1},A,2,2",
        f"{midnight},{midnight + 2},A,3,4",
        f"{midnight - 1},{midnight + 3},A,4,8",
        f"{midnight - 1},{midnight},B,1,16",
        f"{midnight - 1},{midnight + 1},B,2,",
    ]
    rows, _ = load(file(tmp_path, "\n".join(["time,received,symbol,price,size", *lines, ""])))
    volumes = {name: [row[4] for row in rows if row[0] == name] for name in "AB"}
    # A trade of the day before that is heard after midnight counts to the new day.
    assert volumes == {"A": [1.0, 3.0, 4.0, 12.0], "B": [16.0, 16.0]}


def test_a_volume_is_absent_until_a_size_was_told(tmp_path: Path) -> None:
    lines = ["1704153600,A,1,", "1704153601,A,2,5", "1704153602,A,3,", "1704153600,B,1,"]
    rows, _ = load(file(tmp_path, "\n".join(["time,symbol,price,size", *lines, ""])))
    assert [row[4] for row in rows if row[0] == "A"] == [None, 5.0, 5.0]
    assert [row[4] for row in rows if row[0] == "B"] == [None]


def test_several_files_become_one_recording_in_order_of_time(tmp_path: Path) -> None:
    late = file(tmp_path, "time,symbol,price\n1704240000,A,2\n", "b.csv")
    early = tmp_path / "a.csv.gz"
    early.write_bytes(gzip.compress(b"time,symbol,price\n1704153600,A,1\n"))
    rows, _ = load(late, early)
    assert [row[2] for row in rows] == [1.0, 2.0]


async def test_screens_show_as_many_decimals_as_the_file_has(tmp_path: Path) -> None:
    lines = ["1704153600,EURJPY,86.84", "1704153601,EURJPY,86.845", "1704153602,BTC,64100"]
    load(file(tmp_path, "\n".join(["time,symbol,price", *lines, ""])))
    async with RecordingStream(tmp_path / "out.parquet") as tape:
        snapshot = await tape.snapshot()
        assert {q.symbol: q.price_hint for q in snapshot.quotes} == {"EURJPY": 3, "BTC": 2}


def test_a_parquet_file_is_read_by_its_columns(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    duckdb.execute(
        "COPY (SELECT TIMESTAMPTZ '2024-01-02 00:00:00.5+00' AS time, 'A' AS symbol, 1.5 AS price) "
        f"TO '{path}' (FORMAT parquet)"
    )
    assert load(path)[0] == [("A", 1_704_153_600_500_000, 1.5, None, None)]


def test_an_existing_recording_is_kept_unless_it_may_be_replaced(tmp_path: Path) -> None:
    path = file(tmp_path, "time,symbol,price\n1704153600,A,1\n")
    out = file(tmp_path, "mine", "out.parquet")
    with pytest.raises(StreamNotWritable, match="is there already"):
        import_files([path], out, Options())
    assert out.read_text() == "mine"


Row = tuple[int, str, float]


@settings(
    max_examples=examples(60),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    rows=st.lists(
        st.tuples(
            st.integers(1_600_000_000, 1_700_000_000),
            st.sampled_from(["A", "B C", "é", "A'B", 'A"B', "A,B", "GC=F"]),
            st.sampled_from([0.0, 1.25, -3.5, 1e-7, float("nan"), 7.0, float("inf")]),
        ),
        max_size=8,
    ),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    end=st.sampled_from(["\n", "\r\n"]),
    mark=st.booleans(),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    blank=st.sampled_from([0, 1, 3]),
    order=st.permutations(["time", "symbol", "price"]),
)
def test_a_file_is_read_right_however_it_is_written(
    tmp_path_factory: pytest.TempPathFactory,
    rows: Sequence[Row],
    delimiter: str,
    end: str,
    mark: bool,
    quoting: int,
    blank: int,
    order: Sequence[str],
) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "a.csv"
    with path.open("w", newline="", encoding="utf-8-sig" if mark else "utf-8") as made:
        made.write(end * blank)
        writer = csv.writer(made, delimiter=delimiter, lineterminator=end, quoting=quoting)  # type: ignore[arg-type]  # one of csv's own
        writer.writerow(order)
        for at, symbol, price in rows:
            fields = {"time": at, "symbol": symbol, "price": price}
            writer.writerow([fields[name] for name in order])
            if blank > 1:
                made.write(end)
    good = sorted(
        ((symbol, at * 1_000_000, price) for at, symbol, price in rows
         if symbol in {"A", "A'B", 'A"B', "A,B", "GC=F"} and price not in (0.0, float("inf"))
         and not math.isnan(price)),
        key=lambda row: row[1],
    )  # fmt: skip
    expected: dict[str, list[tuple[int, float]]] = {}
    for symbol, at, price in good:
        mine = expected.setdefault(symbol, [])
        if not mine or mine[-1][1] != price:
            mine.append((at, price))
    if not good:
        out = path.parent / "out.parquet"
        with contextlib.suppress(UsageError):
            assert import_files([path], out, Options()).manifest is None
        assert not out.exists()
        return
    found, report = load(path)
    told: dict[str, list[tuple[int, float]]] = {}
    for symbol, at, price, _, _ in found:
        told.setdefault(symbol, []).append((at, price))
    assert told == expected
    assert report.rows == len(rows)
