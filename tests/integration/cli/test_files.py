"""Files as users have them: behind links, from Windows, and without a home."""

from __future__ import annotations

import codecs
import json
import subprocess
import sys

import pytest

from .conftest import PATIENCE, Program, write


def test_a_log_behind_links_is_read_and_written(ticker: Program, exchange: str) -> None:
    (ticker.folder / "disk").mkdir()
    (ticker.folder / "folder").symlink_to("disk")
    (ticker.folder / "log.sqlite").symlink_to("folder/real.sqlite")
    log = f"sqlite:{ticker.folder / 'log.sqlite'}"
    for _ in range(2):  # it makes the file behind the link, then finds it
        done = ticker("poll", "GC=F", "--source", exchange, "--stream", log, "--count", "2")
        assert done.returncode == 0, done.stderr
    (quote,) = json.loads(ticker("watch", "--once", "--stream", log).stdout)
    assert quote["symbol"] == "GC=F"
    assert (ticker.folder / "log.sqlite").is_symlink()
    assert (ticker.folder / "disk" / "real.sqlite").exists()


def test_a_link_to_a_missing_disk_is_reported_and_kept(ticker: Program, exchange: str) -> None:
    (ticker.folder / "disk").symlink_to("/not/mounted")
    log = f"sqlite:{ticker.folder / 'disk' / 'log.sqlite'}"
    done = ticker("poll", "GC=F", "--source", exchange, "--stream", log, "--for", "2s")
    assert done.returncode == 7
    assert "is a link to /not/mounted, which is not there" in done.stderr
    assert (ticker.folder / "disk").is_symlink()


def test_a_configuration_that_is_a_dead_link_is_reported_by_every_command(
    ticker: Program,
) -> None:
    path = ticker.folder / "c.toml"
    path.symlink_to("gone.toml")
    for words in (["config"], ["config", "--check"], ["config", "--init"], ["tail"]):
        done = ticker(*words, TICKER_CONFIG=str(path))
        assert (done.returncode, done.stdout) == (3, "")
        assert f"{path} is a link to gone.toml, which is not there" in done.stderr
    assert path.is_symlink()


@pytest.mark.parametrize("mark", [codecs.BOM_UTF8, codecs.BOM_UTF16_LE])
def test_a_configuration_file_from_windows_is_read(ticker: Program, mark: bytes) -> None:
    text = "[watchlists]\r\nmine = ['AAPL']\r\n"
    charset = "utf-8" if mark == codecs.BOM_UTF8 else "utf-16-le"
    path = ticker.folder / "c.toml"
    path.write_bytes(mark + text.encode(charset))
    assert "AAPL  (" in ticker("config", TICKER_CONFIG=str(path)).stdout


def test_all_mistakes_of_a_configuration_are_reported_at_once(ticker: Program) -> None:
    path = ticker.folder / "c.toml"
    path.write_text(
        "[defaults]\nevry = '5s'\nsort = '-nope'\ntz = 'Mars'\nsource = 'yahuu'\n"
        "[watchlists]\na = 'AAPL'\nb = ['AAPL', '', 3]\n"
        "[streams]\nx = 3\ny = 'ftp://there'\nz = 'sqlite:z'\n"
    )
    done = ticker("config", "--check", TICKER_CONFIG=str(path))
    assert done.returncode == 3
    lines = [line.removeprefix(f"{path}:").split(":")[0] for line in done.stderr.splitlines()]
    assert lines == ["2", "3", "4", "5", "7", "8", "8", "10", "11"]


EMPTY = "[watchlists]\nmine = []\ndefault = []\n"


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["poll", "-w", "mine"], "mine"),
        (["poll", "AAPL", "-w", "mine"], "mine"),
        (["poll"], "default"),
        (["quote", "-w", "mine"], "mine"),
        (["quote"], "default"),
        (["tail", "-w", "mine"], "mine"),
        (["tail", "--no-follow", "-w", "default"], "default"),
        (["watch", "--once", "-w", "mine"], "mine"),
    ],
)
def test_an_empty_watchlist_is_reported_by_every_command(
    ticker: Program, words: list[str], name: str
) -> None:
    path = ticker.folder / "c.toml"
    path.write_text(EMPTY)
    log = f"sqlite:{ticker.folder / 'log.sqlite'}"
    write(log, ticks=3)
    done = ticker(*words, TICKER_CONFIG=str(path), TICKER_STREAM=log)
    assert (done.returncode, done.stdout) == (3, "")
    assert f'watchlist "{name}" is empty' in done.stderr


@pytest.mark.parametrize(
    ("words", "name"), [(["run"], "default"), (["watch", "-w", "mine"], "mine")]
)
def test_an_empty_watchlist_is_reported_before_a_screen(
    ticker: Program, words: list[str], name: str
) -> None:
    path = ticker.folder / "c.toml"
    path.write_text(EMPTY)
    terminal = ticker.on_terminal(*words, TICKER_CONFIG=str(path))
    assert terminal.end() == 3
    assert f'watchlist "{name}" is empty'.encode() in terminal.seen


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["tail", "--no-follow"], 3, "Set XDG_STATE_HOME"),
        (["status"], 3, "Set XDG_STATE_HOME"),
        (["poll", "GC=F", "--source", "yahoo"], 3, "Set XDG_STATE_HOME"),
        (["tail", "--stream", "sqlite:~/log.sqlite"], 2, "there is no home directory for ~"),
        (["tail", "--no-follow", "--stream", "sqlite:/nowhere/log.sqlite"], 4, "nobody has polled"),
        (["config"], 0, "Set XDG_STATE_HOME"),
        (["config", "--init"], 3, "Set TICKER_CONFIG"),
        (
            ["quote", "--source", "exchange:127.0.0.1:1"],
            6,
            "Not running? Start it: ticker exchange",
        ),
        (["--version"], 0, "ticker "),
    ],
)
def test_without_a_home_commands_work_or_name_the_setting_that_helps(
    ticker: Program, words: list[str], code: int, told: str
) -> None:
    no_home = ("HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME")
    # As in a container with an arbitrary user id: the user table has no entry for it.
    script = (
        "import pwd\n"
        "def nobody(number): raise KeyError(number)\n"
        "pwd.getpwuid = nobody\n"
        "from ticker.cli import main\n"
        f"main({words!r})\n"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", script],
        env={name: value for name, value in ticker.env.items() if name not in no_home},
        cwd="/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert told in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
