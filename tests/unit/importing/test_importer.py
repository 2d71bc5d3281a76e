"""Plain files: what is read, what is refused, and what is left out and reported."""

from __future__ import annotations

import contextlib
import csv
import gzip
import math
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.examples import examples
from ticker.errors import StreamNotWritable, UsageError
from ticker.importing import Options, Report, import_files, query
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
def test_imported_genuine_quotes_equal_an_independent_reading(
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
def test_a_time_shows_its_unit_or_its_zone(tmp_path: Path, first: str, second: str) -> None:
    rows, _ = load(file(tmp_path, f"time,symbol,price\n{first},A,1\n{second},A,2\n"))
    times = [row[1] for row in rows]
    assert times[1] - times[0] == 1_000_000
    assert times[0] // 1_000_000 == 1_704_153_600


def test_a_row_in_another_unit_is_a_bad_row_and_not_another_time(tmp_path: Path) -> None:
    text = "time,symbol,price\n1704153600,A,1\n1704153601000,A,2\n1704153602,A,3\n"
    rows, report = load(file(tmp_path, text))
    assert [row[2] for row in rows] == [1.0, 3.0]
    assert [(bad.line, bad.reason.partition(" (")[0]) for bad in report.shown] == [
        (3, "its time is not in s, unlike that of the first row")
    ]


@pytest.mark.parametrize("rounded", ["1.704153601E+09", "1e9"])
def test_a_number_rounded_by_a_spreadsheet_is_not_read_as_a_time(
    tmp_path: Path, rounded: str
) -> None:
    text = f"time,symbol,price\n1704153600,A,1\n{rounded},A,2\n1704153602,A,3\n"
    rows, report = load(file(tmp_path, text))
    assert [row[2] for row in rows] == [1.0, 3.0]
    assert [bad.reason.partition(" (")[0] for bad in report.shown] == ["its time cannot be read"]


@pytest.mark.parametrize(
    ("zone", "good", "bad"),
    [
        (
            "Europe/Berlin",
            ["03-31 01:59:59.9", "03-31 03:00:00", "10-27 01:59:59.9", "10-27 03:00:00"],
            {
                "03-31 02:30:00.123": "not exist",
                "10-27 02:30:00": "twice",
                "10-27 02:00:00": "twice",
            },
        ),
        (
            "America/New_York",
            ["03-10 01:59:59", "03-10 03:00:00", "11-03 00:59:59", "11-03 02:00:00"],
            {"03-10 02:00:00": "not exist", "11-03 01:59:59.999999": "twice"},
        ),
        (
            "Australia/Lord_Howe",
            ["04-07 01:29:59", "04-07 02:00:00", "10-06 01:59:59", "10-06 02:30:00"],
            {"04-07 01:30:00": "twice", "10-06 02:10:00": "not exist"},
        ),
    ],
)
@pytest.mark.parametrize("form", [None, "%Y-%m-%d %H:%M:%S.%f"])
def test_a_local_time_that_never_or_twice_exists_is_a_bad_row(
    tmp_path: Path, zone: str, good: list[str], bad: dict[str, str], form: str | None
) -> None:
    times = [f"2024-{time}" for time in (*good, *bad)]
    if form is not None:
        times = [time if "." in time else f"{time}.0" for time in times]
    lines = [f"{time},A,{n}\n" for n, time in enumerate(times, 1)]
    path = file(tmp_path, "time,symbol,price\n" + "".join(lines))
    rows, report = load(path, zone=zone, time_format=form)
    moments = [datetime.fromisoformat(time) for time in times[: len(good)]]
    expected = [round(m.replace(tzinfo=ZoneInfo(zone)).timestamp() * 1e6) for m in moments]
    assert [row[1] for row in rows] == expected
    assert report.bad == len(bad)
    for row, reason in zip(report.shown, bad.values(), strict=True):
        assert reason in row.reason
        assert zone in row.reason


def test_a_day_that_a_zone_skipped_is_a_bad_row(tmp_path: Path) -> None:
    text = "time,symbol,price\n2011-12-29 12:00:00,A,1\n2011-12-30 12:00:00,A,2\n"
    _, report = load(file(tmp_path, text), zone="Pacific/Apia")
    assert [row.line for row in report.shown] == [3]
    assert "not exist" in report.shown[0].reason


def test_a_received_time_that_exists_twice_is_a_bad_row_too(tmp_path: Path) -> None:
    text = (
        "time,received,symbol,price\n2024-10-27 01:59:59,2024-10-27 02:00:01,A,1\n"
        "2024-10-27 03:00:00,2024-10-27 03:00:01,A,2\n"
    )
    rows, report = load(file(tmp_path, text), zone="Europe/Berlin")
    assert [row[2] for row in rows] == [2.0]
    assert "twice" in report.shown[0].reason


def test_a_row_whose_bid_is_above_its_ask_has_no_price(tmp_path: Path) -> None:
    text = "time,symbol,bid,ask\n1704153600,A,1.3069,1.30677\n1704153601,A,1.3066,1.3067\n"
    rows, report = load(file(tmp_path, text))
    assert [row[2] for row in rows] == [1.30665]
    assert (report.bad, report.shown[0].line) == (1, 2)
    assert report.shown[0].reason.startswith("its bid is above its ask")


def test_a_separate_price_is_kept_beside_a_crossed_quote(tmp_path: Path) -> None:
    rows, report = load(file(tmp_path, "time,symbol,price,bid,ask\n1704153600,A,5,2,1\n"))
    assert ([row[2] for row in rows], report.bad) == ([5.0], 0)


@pytest.mark.parametrize("name", ["cut.parquet", "cut.csv.gz"])
def test_a_truncated_parquet_file_is_refused_in_a_sentence(tmp_path: Path, name: str) -> None:
    whole = tmp_path / "whole.parquet"
    duckdb.execute("COPY (SELECT range AS time, 1.0 AS price FROM range(999)) TO ?", [str(whole)])
    cut = tmp_path / name
    cut.write_bytes(whole.read_bytes()[:-100])
    with pytest.raises(UsageError, match=f"^{name} cannot be read: .*cut off"):
        load(cut, symbol="A")


@pytest.mark.parametrize(
    ("text", "said", "words"),
    [
        ("time,symbol,price\n2024-01-02 10:00:00,A,1\n", {}, "--zone"),
        ("time,symbol,price\n01/02/2024 10:00,A,1\n", {}, "--time-format '%d/%m/%Y %H:%M'"),
        ("time,symbol,price\n1-2-24 10:00:00.5,A,1\n", {}, "'%m-%d-%y %H:%M:%S.%f'"),
        ("time,symbol,price\n01/02/2024 10:00,A,1\n", {"time_format": "%d/%m/%Y %H:%M"}, "--zone"),
        ("time,symbol,price\nsoon,A,1\n", {}, "--time-format"),
        ("time,price\n1704153600,1\n", {}, "--symbol"),
        ("when,symbol,price\n1704153600,A,1\n", {}, "--column time="),
        ("time,symbol,last\n1704153600,A,1\n", {}, "--column price="),
        ("time,symbol,bid\n1704153600,A,1\n", {}, "--column price="),
        ("time,symbol,price\n1704153600,A,1\n", {"renamed": {"price": "last"}}, "no column 'last'"),
        ("time,symbol,price\n1704153600,A,1\n", {"renamed": {"cost": "price"}}, "one of time"),
        ("time,open,high,low,close\n1704153600,1,2,0,1\n", {}, "bars"),
        ("<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>\nA,5,1,1,1,1,1,1\n", {}, "bars"),
        ("time,symbol,price\n1704153600,A,1\n", {"layout": "nosuch"}, "histdata"),
        ("time,symbol,price\n1704153600,A,1\n", {"layout": "histdata"}, "does not look like"),
        ("time,time,price\n1704153600,1,1\n", {"symbol": "A"}, "twice"),
        ("", {}, "empty"),
    ],
)
def test_ambiguous_input_is_refused_with_the_option_that_settles_it(
    tmp_path: Path, text: str, said: dict[str, Any], words: str
) -> None:
    path = file(tmp_path, text)
    with pytest.raises(UsageError, match=words):
        load(path, **said)
    assert list(tmp_path.iterdir()) == [path]


def test_options_set_columns_and_names_and_zone_and_format(tmp_path: Path) -> None:
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


def test_all_missing_columns_are_named_at_once(tmp_path: Path) -> None:
    path = file(tmp_path, "when,what,last\n1704153600,A,1\n")
    words = (
        r"a.csv has no columns 'time', 'price' and 'symbol'. It has: when, what, last. "
        r"Name them: --column time=NAME --column price=NAME \(or bid=NAME and ask=NAME\) "
        r"--symbol SYMBOL"
    )
    with pytest.raises(UsageError, match=words):
        load(path)
    with pytest.raises(UsageError, match="no columns 'pair', 'open' and 'time'"):
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


def test_a_bad_row_is_reported_with_its_line_number_in_an_editor(tmp_path: Path) -> None:
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
            (10, "its price is absent, zero or not a number"),
        ]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_line_break_in_quotes_does_not_shift_the_lines_of_bad_rows(
    tmp_path: Path, end: str
) -> None:
    lines = [
        "time,symbol,price,note", '1704153600,A,1,"a', 'note"', "", "never,A,2,x", "1704153601,A",
        '1704153602,B C,3,"two', 'more"', "1704153603,A,0,y",
    ]  # fmt: skip
    _, report = load(file(tmp_path, end.join([*lines, ""])))
    assert [bad.line for bad in report.shown] == [5, 6, 7, 9]
    assert report.shown[2].reason.endswith("""('1704153602,B C,3,"two\\nmore"')""")


def test_a_bad_row_is_shown_as_in_the_file(tmp_path: Path) -> None:
    text = (
        'time,x,price,size\n1704153600,"a",NaN,-1\n1704153601,b,2,-1\n1704153602,c\n'
        "1704153603,d,1,1\n"
    )
    _, report = load(file(tmp_path, text), symbol="A")
    assert [bad.reason for bad in report.shown] == [
        "its price is absent, zero or not a number, and its size is negative "
        "('1704153600,\"a\",NaN,-1')",
        "its size is negative ('1704153601,b,2,-1')",
        "it has too few columns ('1704153602,c')",
    ]


def test_a_known_layout_under_another_name_asks_for_the_symbol(tmp_path: Path) -> None:
    path = file(tmp_path, "1,42000.5,0.1,4.2,1704153600000,True,True\n", "mydata.csv")
    with pytest.raises(UsageError, match=r"^mydata.csv looks like Binance trades .*--symbol"):
        load(path)
    rows, _ = load(path, symbol="BTCUSDT")
    assert [(row[0], row[2]) for row in rows] == [("BTCUSDT", 42000.5)]


def test_the_day_of_a_volume_follows_the_event_time(
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


def test_a_volume_is_absent_until_the_first_size(tmp_path: Path) -> None:
    lines = ["1704153600,A,1,", "1704153601,A,2,5", "1704153602,A,3,", "1704153600,B,1,"]
    rows, _ = load(file(tmp_path, "\n".join(["time,symbol,price,size", *lines, ""])))
    assert [row[4] for row in rows if row[0] == "A"] == [None, 5.0, 5.0]
    assert [row[4] for row in rows if row[0] == "B"] == [None]


def test_several_files_become_one_recording_ordered_by_time(tmp_path: Path) -> None:
    late = file(tmp_path, "time,symbol,price\n1704240000,A,2\n", "b.csv")
    early = tmp_path / "a.csv.gz"
    early.write_bytes(gzip.compress(b"time,symbol,price\n1704153600,A,1\n"))
    rows, _ = load(late, early)
    assert [row[2] for row in rows] == [1.0, 2.0]


def test_a_file_that_is_named_twice_is_refused(tmp_path: Path) -> None:
    path = file(tmp_path, "time,symbol,price\n2024-01-02T10:00:00Z,A,1\n")
    with pytest.raises(UsageError, match="is named twice"):
        load(path, tmp_path / "." / "a.csv")


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


@pytest.mark.parametrize("packed", [False, True])
def test_no_row_is_lost_if_line_ends_are_mixed(tmp_path: Path, *, packed: bool) -> None:
    ends = ["\r\n", "\r\n", "\n", "\n", "\n", "\r\n", "\n"]
    rows = ["time,symbol,price,note", *(f'{n},A,{n}.5,"q"' for n in range(1, 7))]
    data = "".join(map(str.__add__, rows, ends)).encode()
    path = tmp_path / ("a.csv.gz" if packed else "a.csv")
    path.write_bytes(gzip.compress(data) if packed else data)
    assert [row[2] for row in load(path)[0]] == [1.5, 2.5, 3.5, 4.5, 5.5, 6.5]


def test_a_column_of_texts_may_be_empty(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    row = "TIMESTAMPTZ '2024-01-02 00:00:00+00' AS time, 'A' AS symbol, 1.5 AS price"
    duckdb.execute(f"COPY (SELECT {row}, NULL::VARCHAR AS currency) TO '{path}' (FORMAT parquet)")
    assert load(path)[0] == [("A", 1_704_153_600_000_000, 1.5, None, None)]


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
def test_a_file_is_read_correctly_in_any_dialect(
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


def test_files_with_equal_names_in_zips_are_all_read(tmp_path: Path) -> None:
    packed = tmp_path / "a.zip"
    again = tmp_path / "again" / "a.zip"
    again.parent.mkdir()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("jan/ticks.csv", "time,symbol,price\n1704153600,A,1\n")
        archive.writestr("feb/ticks.csv", "time,symbol,price\n1706832000,A,2\n")
    with zipfile.ZipFile(again, "w") as archive:
        archive.writestr("ticks.csv", "time,symbol,price\n1709337600,A,3\n")
    rows, _ = load(packed, again)
    assert [row[2] for row in rows] == [1.0, 2.0, 3.0]


def test_packed_files_with_equal_names_are_all_read(tmp_path: Path) -> None:
    paths = []
    for number in (1, 2):
        path = tmp_path / str(number) / "ticks"
        path.parent.mkdir()
        path.write_bytes(
            gzip.compress(f"time,symbol,price\n170415360{number},A,{number}\n".encode())
        )
        paths.append(path)
    assert [row[2] for row in load(*paths)[0]] == [1.0, 2.0]


@pytest.mark.parametrize(("name", "other"), [("h[1]", "h1"), ("h*", "h2"), ("h?", "h3")])
def test_a_file_name_is_not_read_as_a_pattern(tmp_path: Path, name: str, other: str) -> None:
    one = file(tmp_path, "time,symbol,price\n1704153600,A,1\n", f"{name}.csv")
    file(tmp_path, "time,symbol,price\n1704153600,A,2\n", f"{other}.csv")
    assert [row[2] for row in load(one)[0]] == [1.0]
    for price, stem in ((1, name), (2, other)):
        made = tmp_path / "made.parquet"
        duckdb.execute(f"COPY (SELECT 1 AS time, 'A' AS symbol, {price} AS price) TO '{made}'")
        made.rename(tmp_path / f"{stem}.parquet")
    assert [row[2] for row in load(tmp_path / f"{name}.parquet")[0]] == [1.0]


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("20240102", "%Y%m%d"),
        ("202401020930", "%Y%m%d%H%M"),
        ("20240102093015", "%Y%m%d%H%M%S"),
    ],
)
def test_a_date_without_separators_is_not_read_as_a_number(
    tmp_path: Path, text: str, form: str
) -> None:
    path = file(tmp_path, f"time,symbol,price\n{text},A,1\n")
    with pytest.raises(UsageError, match=f"--time-format '{form}'"):
        load(path)
    rows, _ = load(path, time_format=form, zone="UTC")
    moment = datetime.strptime(text, form).replace(tzinfo=UTC)
    assert rows[0][1] == round(moment.timestamp() * 1e6)


def test_the_symbol_option_wins_over_a_column(tmp_path: Path) -> None:
    one = file(tmp_path, "time,symbol,price\n1704153600,a,1\n1704153601,A,2\n1704153602,,3\n")
    rows, report = load(one, symbol="BTC-USD")
    assert ([row[0] for row in rows], report.bad) == (["BTC-USD"] * 3, 0)
    several = file(tmp_path, "time,symbol,price\n1704153600,A,1\n1704153601,B,2\n", "b.csv")
    with pytest.raises(UsageError, match=r"several symbols \(A, B\).*Leave out --symbol"):
        load(several, symbol="BTC-USD")


def test_an_offset_counts_in_every_row(tmp_path: Path) -> None:
    local = "2024-01-02T10:00:00,A,1\n" * 60
    text = f"time,symbol,price\n{local}2024-01-02T10:00:00Z,A,2\n2024-01-02T12:00:00,A,3\n"
    rows, report = load(file(tmp_path, text), zone="Europe/Berlin")
    began = rows[0][1]
    hour = 3_600_000_000
    assert [(row[1] - began, row[2]) for row in rows] == [(0, 1.0), (hour, 2.0), (2 * hour, 3.0)]
    assert report.bad == 0


def test_the_day_of_a_date_is_not_read_as_an_offset(tmp_path: Path) -> None:
    path = file(
        tmp_path, "time,symbol,price\n" + "2024-01-02T10:00:00Z,A,1\n" * 60 + "2024-01-03,A,2\n"
    )
    assert load(path)[1].bad == 1


@pytest.mark.parametrize(
    ("zone", "end", "form"),
    [("UTC", "", ""), ("Europe/Berlin", "", ""), (None, " +0100", " %z")],
)
def test_nanoseconds_of_a_format_are_cut_and_reported(
    tmp_path: Path, zone: str | None, end: str, form: str
) -> None:
    path = file(tmp_path, f"time,symbol,price\n02/01/2024 10:00:00.123456789{end},A,1\n")
    words: list[str] = []
    said = Options(time_format="%d/%m/%Y %H:%M:%S.%n" + form, zone=zone)
    out = tmp_path / "out.parquet"
    import_files([path], out, said, on_words=words.append)
    ((when,),) = duckdb.execute("SELECT epoch_us(time) FROM read_parquet(?)", [str(out)]).fetchall()
    hour = 10 if zone == "UTC" else 9
    assert datetime.fromtimestamp(when // 1_000_000, UTC).hour == hour
    assert when % 1_000_000 == 123_456
    assert "nanoseconds are cut" in words[0]


@pytest.mark.parametrize("name", ["ticks.csv", "TICKS.csv", "xbtusd.csv", "EURUSD.csv"])
def test_three_numbers_without_a_header_are_not_guessed(tmp_path: Path, name: str) -> None:
    path = file(tmp_path, "1381095255,122.0,122.5\n1381179030,123.61,123.7\n", name)
    with pytest.raises(UsageError, match=r"--layout kraken .*--columns"):
        load(path, symbol="XBTUSD")
    assert load(path, symbol="XBTUSD", layout="kraken")[0][0][2] == 122.0
    quotes, _ = load(path, symbol="XBTUSD", columns=("time", "bid", "ask"))
    assert quotes[0][2] == 122.25


@pytest.mark.parametrize("step", ["ROWS", "ORDERED"])
def test_a_full_disk_for_temporary_rows_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    lines = "".join(f"{1704153600 - n},A,{n}.5\n" for n in range(1, 60_000))  # to be sorted
    path = file(tmp_path, f"time,symbol,price\n{lines}")
    none = "SET max_temp_directory_size = '0MB'; SET memory_limit = '1MB';"
    monkeypatch.setattr(query, step, none + getattr(query, step))
    with pytest.raises(StreamNotWritable, match=r"out\.parquet: cannot be written: "):
        load(path)
    assert list(tmp_path.iterdir()) == [path]


def test_equal_imports_have_the_same_origin_and_others_not(tmp_path: Path) -> None:
    def origin(path: Path, **said: Any) -> Any:
        load(path, **said)
        out = str(tmp_path / "out.parquet")
        return duckdb.execute("SELECT origin FROM read_parquet(?)", [out]).fetchall()[0][0]

    lines = [f"2024-01-02 00:00:0{n},A,{n}" for n in range(1, 9)]
    path = file(tmp_path, "\n".join(["time,symbol,price", *lines, ""]))
    first = origin(path, zone="UTC")
    assert origin(path, zone="UTC", strict=True) == first
    assert origin(path, zone="Europe/Berlin") != first
    file(tmp_path, "\n".join(["time,symbol,price", *lines, ""]).replace(",8", ",9"))
    assert origin(path, zone="UTC") != first


def test_a_report_beside_the_ticks_in_a_zip_is_left_out(tmp_path: Path) -> None:
    packed = tmp_path / "a.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("ticks.txt", "Gaps of this file: none\n")
        archive.writestr("ticks.csv", "time,symbol,price\n1704153600,A,1\n")
    assert [row[2] for row in load(packed)[0]] == [1.0]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", b"\x01\0\xff" * 99, "a.csv is not text. Import takes CSV"),
        ("a.json", b'{"type": "tick"}\n', "a.json is JSON. Import takes CSV"),
        ("a.csv", b"<!DOCTYPE html><html></html>", "a.csv is a web page. Import takes CSV"),
        ("a.csv.gz", b"\x1f\x8b\xff\xff", "not a whole gz file. Is it cut off"),
        ("a.csv.gz", b"time,symbol,price\n", "not a whole gz file. Is it cut off"),
        ("a.zip", b"PK\x03\x04 and no more", "not a whole zip file. Is it cut off"),
        ("a.zip", b"PK\x05\x06" + bytes(18), "a.zip is an empty zip file"),
    ],
)
def test_a_file_that_is_neither_csv_nor_parquet_is_refused_in_a_sentence(
    tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UsageError, match=words):
        load(path)


@pytest.mark.parametrize(
    ("member", "words"),
    [
        ("a.bin", r"holds no CSV file \(.csv or .txt\), but a.bin. If this holds the ticks"),
        ("a.csv", "^a.csv is not text. Import takes CSV"),
    ],
)
def test_a_zip_without_text_is_refused_in_a_sentence(
    tmp_path: Path, member: str, words: str
) -> None:
    packed = tmp_path / "a.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(member, b"\0\1\2" * 99)
    with pytest.raises(UsageError, match=words):
        load(packed)


def test_invented_prices_are_not_imported_as_real_ones(tmp_path: Path) -> None:
    lines = "time,symbol,price,simulated\n2024-01-02T10:00:00Z,AAPL,1,\n"
    invented = file(tmp_path, lines + "2024-01-02T10:00:01Z,AAPL,2,true\n")
    recording = tmp_path / "a.parquet"
    duckdb.execute(
        "COPY (SELECT TIMESTAMPTZ '2024-01-02 10:00:00+00' AS time, 'AAPL' AS symbol, "
        f"1.0 AS price, true AS simulated) TO '{recording}'"
    )
    for path in (invented, recording):
        with pytest.raises(UsageError, match="invented"):
            load(path)
    assert not (tmp_path / "out.parquet").exists()
    rows, _ = load(file(tmp_path, lines + "2024-01-02T10:00:01Z,AAPL,2,false\n", "real.csv"))
    assert len(rows) == 2
