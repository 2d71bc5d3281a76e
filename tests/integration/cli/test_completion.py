"""Completion as the shells ask for it, and help as people read it."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess

import pytest
import typer

from ticker.cli.application import make_command

from .conftest import PATIENCE, Program

COMMANDS = make_command().commands

CONFIG = """
[watchlists]
metals = ["GC=F", "SI=F"]
[streams]
work = "sqlite:/tmp/work.sqlite"
"""
LINES: list[tuple[str, set[str]]] = [
    ("ticker wat", {"watch"}),
    ("ticker tail --stream w", {"work"}),
    ("ticker tail --stream d", {"demo"}),
    ("ticker poll --source exchange-", {"exchange-live"}),
    ("ticker quote -w m", {"metals"}),
    ("ticker tail --tz Europe/Berl", {"Europe/Berlin"}),
    ("ticker quote si", {"si=f"}),
    ("ticker quote GC=", {"GC=F"}),
    ("ticker tail --stream sqlite:lo", {"sqlite:log.sqlite"}),
]


@pytest.fixture
def configured(ticker: Program) -> Program:
    path = ticker.folder / "config" / "ticker" / "config.toml"
    path.parent.mkdir(parents=True)
    path.write_text(CONFIG)
    (ticker.folder / "log.sqlite").touch()
    shim = ticker.folder / "bin" / "ticker"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\nexec {shlex.join(ticker.words)} "$@"\n')
    shim.chmod(0o755)
    ticker.env["PATH"] = f"{shim.parent}:{ticker.env['PATH']}"
    ticker.env["HOME"] = str(ticker.folder)
    return ticker


def asked(program: Program, *words: str) -> str:
    done = subprocess.run(
        words,
        env=program.env,
        cwd=program.folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    return done.stdout


@pytest.mark.skipif(shutil.which("fish") is None, reason="needs fish")
def test_fish_completes_commands_and_the_values_of_options(configured: Program) -> None:
    assert configured("--install-completion", "fish").returncode == 0
    for line, found in LINES:
        told = asked(configured, "fish", "-c", f"complete -C {shlex.quote(line)}")
        assert {each.partition("\t")[0] for each in told.splitlines()} == found, line


def test_bash_completes_commands_and_the_values_of_options(configured: Program) -> None:
    assert configured("--install-completion", "bash").returncode == 0
    for line, found in LINES:
        # Bash takes a word apart at = and :, and wants the last part only.
        words = [each for each in re.split(r"([:=])|\s+", line) if each]
        words += [""] if line.endswith(" ") else []
        script = (
            "source ~/.bashrc\n"
            f"COMP_WORDS=({shlex.join(words)}) COMP_CWORD={len(words) - 1}\n"
            f"COMP_LINE={shlex.quote(line)} COMP_POINT={len(line)}\n"
            "_ticker_completion ticker\n"
            'printf "%s\\n" "${COMPREPLY[@]}"\n'
        )
        told = asked(configured, "bash", "-c", script)
        last = re.split(r"[\s]", line)[-1]
        done = last[: max(last.rfind(":"), last.rfind("=")) + 1]
        assert {done + each for each in told.split()} == found, line


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_named_shell_gets_its_own_script(configured: Program, shell: str) -> None:
    shown = configured("--show-completion", shell)
    assert shown.returncode == 0
    assert f"complete_{shell}" in shown.stdout


def test_an_unknown_shell_is_refused(ticker: Program) -> None:
    done = ticker("--install-completion", "tcsh")
    assert done.returncode == 2
    assert "takes bash, zsh or fish" in done.stderr


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_the_example_of_a_command_works_as_printed(ticker: Program, name: str) -> None:
    told = ticker(name, "--help", COLUMNS="300").stdout
    assert not re.search(r"<bool>|<list|\]\.\.\.\]", told)
    printed = re.search(r"Example: (ticker .+)", told)
    assert printed is not None
    for example in re.split(r"\s+and then\s+", printed[1].strip()):
        _, command, *words = shlex.split(example)
        context = typer.Context(COMMANDS[command])
        COMMANDS[command].make_context(command, words, parent=context)


@pytest.mark.parametrize("words", [["help"], ["-h"]])
def test_help_is_a_command_too(ticker: Program, words: list[str]) -> None:
    assert ticker(*words).returncode == 0
    assert ticker(*words).stdout == ticker("--help").stdout
    assert ticker("help", "tail").stdout == ticker("tail", "--help").stdout
    assert ticker("-V").stdout == ticker("--version").stdout


@pytest.mark.parametrize("words", [["run"], ["demo"], ["watch"], ["aapl"], ["replay"], []])
def test_a_dumb_terminal_gets_advice_instead_of_a_screen(ticker: Program, words: list[str]) -> None:
    terminal = ticker.on_terminal(*words, TERM="dumb")
    assert terminal.end() == 2
    assert b"TERM is dumb. Use ticker " in terminal.seen
    assert b"\x1b" not in terminal.seen


def test_a_lower_case_symbol_is_run(ticker: Program) -> None:
    assert "run needs a terminal" in ticker("aapl").stderr
