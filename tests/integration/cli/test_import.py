"""`import` on the command line: what it says, what it writes, and how it ends."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest

from .conftest import Program, ended, until

SHARED = Path(__file__).resolve().parents[4] / "shared" / "ticks" / "usdjpy-quotes.csv"


@pytest.mark.smoke
def test_an_import_reports_its_layout_and_makes_a_readable_recording(
    ticker: Program,
) -> None:
    (ticker.folder / "a.csv").write_text(
        "time,symbol,price\n1704153600,A,1\n1704153601,A,1\n1704153602,A,2.5\nnever,A,3\n"
    )
    done = ticker("import", "a.csv", "a.parquet")
    assert done.returncode == 0, done.stderr
    assert "a.csv: plain columns, times in s" in done.stderr
    assert "a.csv:5: left out, because its time cannot be read" in done.stderr
    words = "2 ticks from 4 rows, 1 without a new price, 1 left out · ticker replay a.parquet"
    assert words in done.stderr
    shown = ticker("tail", "--stream", "a.parquet", "--since", "start", "--no-follow")
    assert [line.count('"price"') for line in shown.stdout.splitlines()] == [1, 1]
    again = ticker("import", "a.csv", "a.parquet")
    assert (again.returncode, "--force" in again.stderr) == (7, True)


@pytest.mark.skipif(not SHARED.exists(), reason="needs the genuine quotes of USD/JPY")
def test_genuine_quotes_replay_complete_into_another_stream(ticker: Program) -> None:
    assert ticker("import", str(SHARED), "jpy.parquet").returncode == 0
    done = ticker("replay", "jpy.parquet", "--to", "sqlite:copy.sqlite", "--speed", "max")
    assert done.returncode == 0, done.stderr
    assert "complete: 976 ticks" in done.stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("nosuch.csv", "a.parquet"), 4, "nosuch.csv: there is no such file"),
        (("bad.csv", "sqlite:a.sqlite"), 2, "like a.parquet"),
        (("bad.csv",), 2, "Name the files, then the recording"),
        (("bad.csv", "a.parquet", "--zone", "Mars/Base"), 2, "not a time zone"),
        (("bad.csv", "a.parquet", "--column", "price"), 2, "expected FIELD=NAME"),
        (("bad.csv", "a.parquet"), 2, "--decimal-comma"),
        (("zero.csv", "a.parquet"), 4, "0 ticks from 1 row, 1 left out. Nothing was written"),
    ],
)
def test_a_refused_import_is_explained_in_one_sentence_and_writes_nothing(
    ticker: Program, words: tuple[str, ...], code: int, said: str
) -> None:
    (ticker.folder / "bad.csv").write_text('time;symbol;price\n1704153600;A;"2,5"\n')
    (ticker.folder / "zero.csv").write_text("time,symbol,price\n1704153600,A,0\n")
    done = ticker("import", *words)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert not (ticker.folder / "a.parquet").exists()


def test_a_mistyped_stream_is_not_taken_for_a_symbol(ticker: Program) -> None:
    done = ticker("replay", "demoo", "--to", "sqlite:a.sqlite")
    assert done.returncode == 2
    assert 'Did you mean "demo"?' in done.stderr


def test_a_decimal_comma_is_read_with_its_option(ticker: Program) -> None:
    (ticker.folder / "a.csv").write_text("time;symbol;price\n1704153600;A;2,5\n1704153601;A;3.5\n")
    done = ticker("import", "a.csv", "a.parquet", "--decimal-comma")
    assert done.returncode == 0, done.stderr
    assert "a.csv:3: left out, because its price is absent, zero or not a number" in done.stderr
    shown = ticker("tail", "--stream", "a.parquet", "--no-follow")
    assert [line.count('"price":2.5') for line in shown.stdout.splitlines()] == [1]


def test_import_shows_progress_only_on_a_terminal(ticker: Program) -> None:
    with (ticker.folder / "a.csv").open("w") as file:
        file.write("time,symbol,price\n")
        file.writelines(f"{1704153600 + n},A,{n % 7 + 1}\n" for n in range(500_000))
    done = ticker("import", "a.csv", "a.parquet")
    assert done.returncode == 0, done.stderr
    assert "reading" not in done.stderr
    paths = (str(ticker.folder / name) for name in ("a.csv", "a.parquet"))
    terminal = ticker.on_terminal("import", *paths, "--force")
    terminal.wait_for("500,000 ticks from 500,000 rows · ticker replay")
    assert terminal.end() == 0
    # Which of them is on when it is shown depends on the machine.
    assert re.search(rb"(reading a\.csv|sorting|writing) \d+%", terminal.seen)


def test_ctrl_c_leaves_nothing_behind(ticker: Program) -> None:
    with (ticker.folder / "a.csv").open("w") as file:
        file.write("time,symbol,price\n")
        file.writelines(f"{1704153600 + n},A,{n % 7 + 1}\n" for n in range(500_000))
    started = ticker.start("import", "a.csv", "a.parquet")
    until(lambda: [*ticker.folder.glob(".a.parquet.unfinished-*")])
    code, words, _ = ended(started, signal.SIGINT)
    assert (code, words.count("Traceback")) == (130, 0)
    assert not [*ticker.folder.glob("*a.parquet*")]


def test_a_full_disk_is_reported_in_plain_words(ticker: Program) -> None:
    with (ticker.folder / "a.csv").open("w") as file:
        file.write("time,symbol,price\n")
        file.writelines(f"{1704153600 + n},A,{n % 977 + 1}\n" for n in range(50_000))
    limited = ["bash", "-c", 'ulimit -f 8; exec "$@"', "bash"]
    ticker.words = [*limited, *ticker.words]
    done = ticker.run("import", "a.csv", "a.parquet")
    assert done.returncode == 7, done.stderr
    assert "a.parquet: cannot be written: file too large. Name another place" in done.stderr
    assert not [*ticker.folder.glob("*a.parquet*")]
    (ticker.folder / "a.parquet").write_text("mine")
    again = ticker.run("import", "a.csv", "a.parquet", "--force")
    assert (again.returncode, "--force" in again.stderr) == (7, False), again.stderr
    assert (ticker.folder / "a.parquet").read_text() == "mine"
