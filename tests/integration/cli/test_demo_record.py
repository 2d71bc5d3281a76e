"""`demo --record`: an hour of invented market in seconds."""

from __future__ import annotations

import signal

from .conftest import Program, ended, until_said


def test_with_a_seed_the_file_is_the_same_each_time(ticker: Program) -> None:
    for name in ("a", "b"):
        done = ticker("demo", "--record", f"{name}.parquet", "--for", "1m", "--seed", "7")
        assert done.returncode == 0, done.stderr
    assert "SIMULATED" in done.stderr
    assert "2026-11-23 14:30:00 to 14:30:59 · ticker replay b.parquet" in done.stderr
    first, second = ((ticker.folder / f"{name}.parquet").read_bytes() for name in "ab")
    assert first == second
    assert sorted(path.name for path in ticker.folder.glob("*.parquet*")) == [
        "a.parquet",
        "b.parquet",
    ]
    told = ticker("status", "--stream", "a.parquet")
    assert '"simulated": true' in told.stdout
    line = ticker("tail", "--stream", "a.parquet", "--count", "1")
    assert '"simulated":true' in line.stdout


def test_without_a_seed_it_ends_now_with_the_requested_symbols_and_pace(
    ticker: Program,
) -> None:
    words = ("demo", "GC=F", "aapl", "--record", "a.parquet", "--for", "1m", "--every", "10s")
    done = ticker(*words)
    assert done.returncode == 0, done.stderr
    told = ticker("tail", "--stream", "a.parquet", "-n", "100", "--format", "csv")
    rows = told.stdout.splitlines()[1:]
    assert {row.split(",")[1] for row in rows} == {"GC=F", "AAPL"}
    assert len(rows) <= 12


def test_a_market_may_be_larger_than_the_built_in_list(ticker: Program) -> None:
    done = ticker("demo", "--record", "a.parquet", "--for", "3s", "--symbols", "300")
    assert done.returncode == 0, done.stderr
    table = ticker("watch", "--stream", "a.parquet", "--once", "--format", "csv").stdout
    assert len(table.splitlines()) == 301
    listed = ticker("exchange", "--list", "--symbols", "300").stdout
    assert "Alder Aerospace, Inc." in listed
    assert len(listed.splitlines()) >= 300


def test_a_file_is_replaced_only_on_request(ticker: Program) -> None:
    path = ticker.folder / "a.parquet"
    path.write_bytes(b"mine")
    words = ("demo", "--record", "a.parquet", "--for", "2s", "--seed", "7")
    refused = ticker(*words)
    assert refused.returncode == 7
    assert "a.parquet is there already" in refused.stderr
    assert path.read_bytes() == b"mine"
    assert ticker(*words, "--force").returncode == 0
    assert path.read_bytes() != b"mine"


def test_senseless_options_are_refused(ticker: Program) -> None:
    for words, told in (
        (("--record", "a.csv"), "a recording is named like a.parquet"),
        (("--record", "a.parquet", "--keep"), "--keep is for the screen"),
        (("--force",), "--force goes with --record"),
        (("--record", "a.parquet", "--symbols", "5001"), "5000"),
    ):
        done = ticker("demo", *words)
        assert done.returncode == 2, done.stderr
        assert told in done.stderr
    done = ticker("demo", "NOPE", "--record", "a.parquet", "--for", "2s")
    assert done.returncode == 4
    assert "NOPE: the exchange knows no such symbol" in done.stderr
    assert not (ticker.folder / "a.parquet").exists()
    done = ticker("demo", "NOPE", "AAPL", "--record", "a.parquet", "--for", "2s")
    assert done.returncode == 4
    assert (ticker.folder / "a.parquet").exists()


def test_a_missing_folder_is_reported(ticker: Program) -> None:
    done = ticker("demo", "--record", "none/a.parquet", "--for", "2s")
    assert done.returncode == 7
    assert "Name a file in another folder" in done.stderr


def test_ctrl_c_leaves_nothing_behind(ticker: Program) -> None:
    started = ticker.start("demo", "--record", "a.parquet", "--for", "100h")
    until_said(started, "recording")
    code, words, _ = ended(started, signal.SIGINT)
    assert code == 130
    assert "a.parquet was not written" in words
    assert not [*ticker.folder.glob("*a.parquet*")]
