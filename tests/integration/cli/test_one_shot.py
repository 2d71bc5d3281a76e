from __future__ import annotations

import csv
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import PATIENCE, Program, write

INSTALLED = str(Path(sys.executable).parent / "ticker")
INTERRUPTED = str(Path(__file__).parent / "interrupted")
SHARED = Path(__file__).parents[3] / ".." / "shared" / "yahoo"
HEAVY = ("pandas", "yfinance", "textual", "duckdb", "aiohttp", "curl_cffi", "apsw", "numpy")


@pytest.mark.parametrize(
    "command", ["", "run", "poll", "forward", "watch", "tail", "quote", "exchange", "compare"]
)
def test_help_loads_no_heavy_library(ticker: Program, command: str) -> None:
    script = (
        "import sys\n"
        "from ticker.cli import main\n"
        "try:\n"
        f"    main([{command!r}, '--help'] if {command!r} else ['--help'])\n"
        "except SystemExit as leaving:\n"
        "    assert not leaving.code, leaving.code\n"
        f"heavy = [name for name in {HEAVY!r} if name in sys.modules]\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env=ticker.env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_screen_of_the_demo_loads_no_recorder() -> None:
    script = "import sys, ticker.cli.demo; sys.exit(bool({'duckdb', 'numpy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


@pytest.mark.parametrize(
    "command",
    [
        "run",
        "demo",
        "watch",
        "quote",
        "poll",
        "tail",
        "forward",
        "status",
        "config",
        "exchange",
        "compare",
    ],
)
def test_every_command_has_help_with_an_example(ticker: Program, command: str) -> None:
    done = ticker(command, "--help")
    assert done.returncode == 0
    assert f"Example: ticker {command}" in done.stdout


@pytest.mark.parametrize("words", [["--help"], ["tail", "--help"]])
def test_help_into_a_closed_pipe_is_a_quiet_end(ticker: Program, words: list[str]) -> None:
    out, into = os.pipe()
    os.close(out)
    asked = ticker.start(*words, stdout=into)
    os.close(into)
    assert asked.communicate(timeout=PATIENCE)[1] == b""
    assert asked.returncode == 0


@pytest.mark.parametrize("program", [[sys.executable, "-P", "-m", "ticker"], [INSTALLED]])
@pytest.mark.parametrize("module", ["ticker.cli", "msgspec", "ticker.cli.status", "apsw"])
def test_ctrl_c_during_imports_ends_silently(
    ticker: Program, program: list[str], module: str
) -> None:
    ticker.words = program
    pressed = ticker.run("status", PYTHONPATH=INTERRUPTED, INTERRUPTED=module)
    assert (pressed.returncode, pressed.stdout, pressed.stderr) == (130, "", "")


@pytest.mark.smoke
def test_python_dash_m_prints_the_version(ticker: Program) -> None:
    assert ticker.run("--version").stdout.startswith("ticker ")


def test_without_arguments_and_terminal_ticker_prints_help_and_exits_with_2(
    ticker: Program,
) -> None:
    done = ticker()
    assert done.returncode == 2
    assert "Usage" in done.stdout


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["wacth"], 2, 'No command "wacth". Did you mean "watch"?'),
        (["tail", "--sinec", "x"], 2, "No such option"),
        (["tail", "--since", "soon"], 2, "'soon' is not a time"),
        (["tail", "--tz", "Mars"], 2, "'Mars' is not a time zone"),
        (["tail", "--stream", "nowhere"], 2, "No stream named 'nowhere'"),
        (["tail", "--stream", "ftp://x"], 2, "is not a stream"),
        (["tail", "-w", "none"], 2, "No watchlist 'none'"),
        (["poll", "--every", "0s"], 2, "'0s' is not a duration"),
        (["poll", "AAPL", "--source", "exchange"], 2, "the local log is for real ones"),
        (["poll", "A B"], 2, "Not a symbol"),
        (["poll", ""], 2, "The symbol is empty"),
        (["tail", "-n", "99999999999999999999"], 2, "Invalid value"),
        (["quote", "\x1b]0;x\x07"], 2, "Not a symbol"),
        (["quote", "--source", "bloomberg"], 2, "'bloomberg' is not a source"),
        (
            ["quote", "--source", "exchange:127.0.0.1:1"],
            6,
            "Not running? Start it: ticker exchange",
        ),
        (["exchange", "--listen", "8790"], 2, "is not an address"),
        (["exchange", "--answers", "nowhere"], 2, "nowhere"),
        (["run"], 2, "run needs a terminal"),
        (["AAPL"], 2, "run needs a terminal"),
        (["watch"], 2, "watch needs a terminal"),
        (["demo"], 2, "demo needs a terminal"),
        (["watch", "--once"], 4, "nobody has polled yet"),
        (["tail", "--no-follow"], 4, "nobody has polled yet"),
    ],
)
def test_wrong_arguments_are_reported_in_a_line_with_their_code(
    ticker: Program, words: list[str], code: int, told: str
) -> None:
    done = ticker(*words)
    assert (done.returncode, told in done.stderr) == (code, True), done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    assert "\x1b" not in done.stderr
    assert not done.stdout


@pytest.mark.parametrize("words", [["--help"], ["tail", "--help"], ["config"], ["quote"]])
def test_a_closed_or_full_standard_output_exits_with_7_and_a_message(
    ticker: Program, exchange: str, words: list[str]
) -> None:
    line = shlex.join([*ticker.words, *words])
    for end in ("> /dev/full",) if "--help" in words else (">&-", "> /dev/full"):
        done = subprocess.run(
            ["bash", "-c", f"{line} {end}"],
            env={**ticker.env, "TICKER_SOURCE": exchange},
            cwd=ticker.folder,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 7, done.stderr
        assert "Cannot write" in done.stderr
        assert "Traceback" not in done.stderr


def test_a_mistake_in_the_configuration_is_reported_with_its_line(ticker: Program) -> None:
    path = ticker.folder / "c.toml"
    path.write_text("[defaults]\nevry = '5s'\n")
    for command in ("quote", "tail", "config"):
        done = ticker(command, TICKER_CONFIG=str(path))
        assert done.returncode == 3
        assert f'{path}:2: defaults: unknown key "evry". Did you mean "every"?' in done.stderr


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("sort = '-nope'", "cannot sort by 'nope'"),
        ("stream = 'nonsense'", "No stream named 'nonsense'"),
        ("source = 'yahuu'", "'yahuu' is not a source"),
    ],
)
def test_an_unusable_value_is_reported_as_a_mistake_of_the_file(
    ticker: Program, line: str, told: str
) -> None:
    path = ticker.folder / "c.toml"
    path.write_text(f"[defaults]\n{line}\n")
    done = ticker("config", "--check", TICKER_CONFIG=str(path))
    assert done.returncode == 3
    assert f"{path}:2: defaults.{line.split(maxsplit=1)[0]}: {told}" in done.stderr


def test_config_writes_and_checks_the_file_and_shows_origins_of_values(
    ticker: Program,
) -> None:
    path = ticker.folder / "config" / "ticker" / "config.toml"
    assert ticker("config", "--init").stdout == f"{path}: written\n"
    assert ticker("config", "--init").returncode == 3
    assert ticker("config", "--check").stdout == f"{path}: good\n"
    shown = ticker("config", TICKER_SOURCE="exchange").stdout
    assert "exchange  (TICKER_SOURCE)" in shown
    assert "15 s for Yahoo, 1 s otherwise  (default)" in shown
    assert "dark  (default)" in shown
    assert f"({path}:12)" in shown


@pytest.mark.skipif(not SHARED.exists(), reason="the genuine answers lie beside the checkout only")
def test_saved_answers_are_quoted_exactly_and_missing_symbols_are_named(ticker: Program) -> None:
    expected = json.loads((SHARED / "expected.json").read_text())["quotes"]
    serving = ticker.start(
        "exchange", "--answers", str(SHARED / "quotes"), "--listen", "127.0.0.1:0"
    )
    assert serving.stderr is not None
    address = serving.stderr.readline().decode().strip().removeprefix("SIMULATED prices at http://")
    try:
        done = ticker(
            *("quote", *expected, "ADH", "SIX", "NOPE", "--format", "json"),
            *("--source", f"yahoo+http://{address}"),
        )
    finally:
        serving.kill()
        serving.wait()
    quotes = {quote["symbol"]: quote for quote in json.loads(done.stdout)}
    assert quotes.keys() == expected.keys()
    for symbol, fields in expected.items():
        assert {name: quotes[symbol].get(name) for name in fields} == fields
        absent = {"bid", "ask"} - fields.keys()
        assert not absent & quotes[symbol].keys()
        assert quotes[symbol]["simulated"] is True
    assert done.returncode == 4
    for symbol in ("ADH", "SIX", "NOPE"):
        assert f"{symbol}: " in done.stderr


def test_saved_raw_answers_can_be_served_again(ticker: Program, exchange: str) -> None:
    done = ticker("quote", "AAPL", "GC=F", "--source", exchange, "--raw", "saved")
    assert done.returncode == 0, done.stderr
    (path,) = (ticker.folder / "saved").iterdir()
    assert path.name == "AAPL-GC=F.json"
    serving = ticker.start("exchange", "--answers", "saved", "--listen", "127.0.0.1:0")
    assert serving.stderr is not None
    address = serving.stderr.readline().decode().strip().removeprefix("SIMULATED prices at http://")
    try:
        again = ticker("quote", "AAPL", "GC=F", "--source", f"exchange:{address}")
    finally:
        serving.kill()
        serving.wait()

    def prices(text: str) -> list[float]:
        return [quote["price"] for quote in json.loads(text)]

    assert prices(again.stdout) == prices(done.stdout)


def test_quotes_are_printed_as_csv_and_as_a_table_that_says_simulated(
    ticker: Program, exchange: str
) -> None:
    rows = csv.DictReader(
        ticker("quote", "GC=F", "--source", exchange, "--format", "csv").stdout.splitlines()
    )
    (row,) = rows
    assert row["symbol"] == "GC=F"
    assert row["time"].endswith("Z")
    table = ticker("quote", "GC=F", "--source", exchange, "--format", "table").stdout
    assert "SIMULATED" in table
    assert "\x1b" not in table


@pytest.mark.smoke
def test_an_unknown_symbol_is_reported_with_a_suggestion(ticker: Program, exchange: str) -> None:
    done = ticker("quote", "EURUSD", "--source", exchange)
    assert done.returncode == 4
    assert "Did you mean EURUSD=X?" in done.stderr


def test_a_log_of_real_prices_refuses_invented_ones(ticker: Program, exchange: str) -> None:
    url = f"sqlite:{ticker.folder / 'real.sqlite'}"
    write(url, ticks=3)
    done = ticker("poll", "AAPL", "--source", exchange, "--stream", url, "--count", "1")
    assert done.returncode == 2
    assert "Use --stream demo" in done.stderr


def test_an_unwritable_state_directory_exits_with_7_and_names_the_option(
    ticker: Program, exchange: str
) -> None:
    (ticker.folder / "state").write_text("a file, where a folder should be")
    done = ticker("poll", "AAPL", "--source", exchange, "--count", "1")
    assert done.returncode == 7
    assert "--stream sqlite:PATH" in done.stderr


def test_status_shows_a_monitor_which_of_two_writers_is_gone(ticker: Program) -> None:
    url = f"sqlite:{ticker.folder / 'log.sqlite'}"
    write(url, ticks=3, writer="here", symbols=("GC=F",))
    write(url, age=60_000_000, writer="gone", symbols=("MSFT", "GC=F"))
    done = ticker("status", "--stream", url, "--format", "json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["healthy"]) == (4, False)
    alive = {beat["writer"]: beat["alive"] for beat in told["heartbeats"]}
    assert alive == {"here": True, "gone": False}
    assert "No sign of the poller of MSFT since" in told["verdict"]


@pytest.mark.smoke
def test_status_distinguishes_healthy_and_stale_and_empty(ticker: Program) -> None:
    empty = ticker("status")
    assert (empty.returncode, "nobody has polled yet" in empty.stdout) == (4, True)
    url = f"sqlite:{ticker.folder / 'log.sqlite'}"
    write(url, ticks=3)
    healthy = ticker("status", "--stream", url)
    assert healthy.returncode == 0
    assert json.loads(healthy.stdout)["ticks"] == 3
    write(url, state="stopped")
    stale = ticker("status", "--stream", url, "--format", "table")
    assert stale.returncode == 4
    assert "stale: The poller stopped" in stale.stdout


@pytest.mark.parametrize(
    "name", ["\x1b]0;x\x07", "[bold red]", "\u202egold", "G" * 1_000, "a\x00b", "\x9b31m"]
)
def test_hostile_names_are_shown_escaped(ticker: Program, name: str) -> None:
    url = f"sqlite:{ticker.folder / 'log.sqlite'}"
    write(url, ticks=1, name=name)
    for words in (
        ["watch", "--once", "--format", "table"],
        ["watch", "--once", "--format", "json"],
        ["tail", "--all", "--no-follow", "--format", "text"],
        ["tail", "--all", "--no-follow", "--format", "json"],
        ["status", "--format", "table"],
    ):
        done = ticker(*words, "--stream", url)
        assert done.returncode == 0, done.stderr
        for dangerous in "\x1b\x07\x00\u202e\x9b":
            assert dangerous not in done.stdout + done.stderr
        if "json" not in words:
            assert max(map(len, done.stdout.splitlines())) < 1_000
            if name == "[bold red]" and "table" in words and "watch" in words:
                assert name in done.stdout


def test_symbols_missing_from_a_stream_are_named(ticker: Program, tmp_path: Path) -> None:
    url = f"sqlite:{tmp_path / 'held.sqlite'}"
    write(url, ticks=2)
    done = ticker("tail", "GC=F", "ZZZZ", "--stream", url, "--no-follow")
    assert (done.returncode, len(done.stdout.splitlines())) == (4, 2)
    assert "ZZZZ: not in" in done.stderr
    assert "GC=F" not in done.stderr
    assert ticker("tail", "GC=F", "--stream", url, "--no-follow").returncode == 0


ADVICE = (
    (("status", "--format", "table"), "ticker poll AAPL"),
    (("tail", "--no-follow"), "ticker poll AAPL"),
    (("watch", "--once"), "ticker poll AAPL"),
    (("watch",), "ticker watch --once"),
    (("run", "AAPL"), "ticker poll"),
)


@pytest.mark.parametrize(("words", "advice"), ADVICE)
def test_advice_names_the_stream_as_its_user_did(
    ticker: Program, words: tuple[str, ...], advice: str
) -> None:
    config = ticker.folder / "config" / "ticker" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text("[streams]\nmine = 'sqlite:mine.sqlite'\n")
    for stream, named in (
        ("demo", " --stream demo"),
        ("mine", " --stream mine"),
        ("sqlite:my log", " --stream 'sqlite:my log'"),
    ):
        done = ticker(*words, "--stream", stream)
        wanted = f"{advice}{named}"
        if wanted == "ticker poll AAPL --stream demo":  # no poller of real prices may write to it
            wanted = "ticker demo"
        assert wanted in " ".join((done.stdout + done.stderr).split())
    config.write_text("[defaults]\nstream = 'sqlite:mine.sqlite'\n")
    for _ in range(2):
        done = ticker(*words)
        assert advice in done.stdout + done.stderr
        assert "--stream" not in done.stdout + done.stderr
        config.unlink(missing_ok=True)


def test_advice_about_a_streams_content_names_the_same_stream(ticker: Program) -> None:
    write("sqlite:" + str(ticker.folder / "held.sqlite"), ticks=2)
    done = ticker("tail", "ZZZZ", "--stream", "sqlite:held.sqlite", "--no-follow")
    assert done.stderr.endswith("ticker status --stream sqlite:held.sqlite\n")


def test_forward_advises_only_options_that_it_has(ticker: Program) -> None:
    missing = ticker("forward", "sqlite:none.sqlite", "sqlite:to.sqlite", "--no-follow")
    assert missing.returncode == 4
    assert missing.stderr.endswith("ticker poll AAPL --stream sqlite:none.sqlite\n")
    for name, invented in (("real", False), ("invented", True)):
        write(f"sqlite:{ticker.folder / name}", ticks=1, simulated=invented)
    for source, destination in (("real", "invented"), ("invented", "real")):
        mixed = ticker("forward", f"sqlite:{source}", f"sqlite:{destination}", "--no-follow")
        assert (mixed.returncode, "--stream" in mixed.stderr) == (2, False)
        assert "Name a log of its own as TO" in mixed.stderr
    nowhere = ticker("forward", "sqlite:real", "sqlite:/proc/no.sqlite", "--no-follow")
    assert (nowhere.returncode, "--stream" in nowhere.stderr) == (7, False)
    assert "Name another place as TO" in nowhere.stderr


def test_help_shows_the_optional_parts_of_a_kafka_address(ticker: Program) -> None:
    for command in ("run", "watch", "poll", "tail", "status", "forward"):
        told = " ".join(ticker(command, "--help", COLUMNS="400").stdout.split())
        assert "kafka://HOST:PORT/PREFIX (without /PREFIX: ticks; commas between several" in told
