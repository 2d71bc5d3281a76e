"""Kafka's security from the configuration or the environment, to every command; and no secret out.

Each test ends by looking for the password wherever something was written.
"""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.kafka_secure import PASSWORD, USER, SecureKafka

from .conftest import PATIENCE, Program, Terminal, descendants, until_said, write

WRONG: Final = "wrong-" + PASSWORD[::-1]


class Outputs:
    """Return all output of the test's commands, and the command lines of their processes."""

    def __init__(self, ticker: Program) -> None:
        self._ticker = ticker
        self.texts: list[str] = []

    def run(self, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run one command with `-v` to its end."""
        begin = time.monotonic()
        done = self._ticker(*words, **env)
        self.texts += [done.stdout, done.stderr]
        if done.returncode:  # it fails within 10 s; the rest is for a busy machine
            assert time.monotonic() - begin < 20
        assert "Traceback" not in done.stderr
        return done

    def look_at_processes(self) -> None:
        """Note the command lines of all processes of this test."""
        found = descendants(self._ticker)
        assert found
        for pid in found:
            self.texts.append(Path(f"/proc/{pid}/cmdline").read_text())

    def all(self) -> str:
        """… and the logs of diagnostics."""
        logs = list(self._ticker.state.glob("ticker.log*"))
        return "\n".join([*self.texts, *(path.read_text() for path in logs)])


@pytest.fixture
def outputs(ticker: Program) -> Iterator[Outputs]:
    found = Outputs(ticker)
    yield found
    told = found.all()
    assert PASSWORD not in told
    assert WRONG not in told


def configure(ticker: Program, **streams: dict[str, str]) -> Path:
    """A configuration with these tables under [streams]."""
    path = ticker.folder / "config" / "ticker" / "config.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ["[streams]"]
    for name, said in streams.items():
        pairs = ", ".join(f"{key} = {json.dumps(value)}" for key, value in said.items())
        lines.append(f"{name} = {{ {pairs} }}")
    path.write_text("\n".join(lines) + "\n")
    return path


def table(kafka: SecureKafka, listener: str, prefix: str, **other: str) -> dict[str, str]:
    """The table that gets in at that listener; `other` replaces."""
    security = kafka.security(listener)
    said = {name: getattr(security, name) for name in security.__struct_fields__}
    said = {name: value for name, value in said.items() if value is not None}
    return {"url": kafka.url(listener, prefix), **said, **other}


def prefix() -> str:
    """Return a prefix of topics for this test only."""
    return f"cli.{time.time_ns()}"


def end(process: subprocess.Popen[bytes]) -> str:
    """Stop it; what it wrote."""
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE)
    return out.decode() + err.decode()


def test_a_poller_and_every_command_use_the_configured_security(
    ticker: Program, outputs: Outputs, secure_kafka: SecureKafka, exchange: str
) -> None:
    name = prefix()
    configure(
        ticker,
        safe=table(secure_kafka, "SASL_SSL", name),
        tls=table(secure_kafka, "SSL", f"{name}.copy"),
    )
    polled = outputs.run(
        *("poll", "AAPL", "GC=F", "--source", exchange, "--stream", "safe", "--count", "4", "-v")
    )
    assert polled.returncode == 0
    assert "undelivered: 0" in polled.stderr
    told = outputs.run("tail", "--stream", "safe", "--since", "start", "--no-follow", "-v")
    assert (told.returncode, len(told.stdout.splitlines()) >= 4) == (0, True)
    board = outputs.run("watch", "--stream", "safe", "--once", "-v")
    assert (board.returncode, "AAPL" in board.stdout) == (0, True)
    assert '"state": "ok"' in outputs.run("status", "--stream", "safe", "-v").stdout
    copied = outputs.run("forward", "safe", "sqlite:copy.sqlite", "--no-follow", "-v")
    assert (copied.returncode, "complete: " in copied.stderr) == (0, True)
    onward = outputs.run("forward", "sqlite:copy.sqlite", "tls", "--no-follow", "-v")
    assert (onward.returncode, "complete: " in onward.stderr) == (0, True)
    both = outputs.run("forward", "tls", "safe", "--no-follow", "-v")
    assert (both.returncode, "complete: " in both.stderr) == (0, True)


def test_the_environment_alone_secures_a_url(
    ticker: Program, outputs: Outputs, secure_kafka: SecureKafka
) -> None:
    url = secure_kafka.url("SASL_SSL", prefix())
    write("sqlite:" + str(ticker.folder / "log.sqlite"), ticks=3)
    env = {
        "TICKER_KAFKA_SECURITY": "SASL_SSL",
        "TICKER_KAFKA_MECHANISM": "SCRAM-SHA-512",
        "TICKER_KAFKA_USER": USER,
        "TICKER_KAFKA_PASSWORD_FILE": secure_kafka.password_file,
        "TICKER_KAFKA_CA": secure_kafka.ca,
    }
    done = outputs.run("forward", "sqlite:log.sqlite", url, "--no-follow", "-v", **env)
    assert (done.returncode, "complete: 3" in done.stderr) == (0, True)
    env = {**env, "TICKER_KAFKA_PASSWORD_FILE": "/none", "TICKER_KAFKA_PASSWORD": PASSWORD}
    read = outputs.run("tail", "--stream", url, "--no-follow", "-v", **env)
    assert (read.returncode, len(read.stdout.splitlines())) == (0, 3)
    shown = outputs.run("config", **env)
    assert "TICKER_KAFKA_PASSWORD" in shown.stdout
    refused = outputs.run(
        "tail", "--stream", url, "--no-follow", "-v", **{**env, "TICKER_KAFKA_PASSWORD": WRONG}
    )
    assert refused.returncode == 6


def test_a_password_sent_in_the_clear_is_warned_of_and_never_stored(
    ticker: Program, outputs: Outputs, secure_kafka: SecureKafka
) -> None:
    env = {
        "TICKER_KAFKA_SECURITY": "SASL_PLAINTEXT",
        "TICKER_KAFKA_MECHANISM": "PLAIN",
        "TICKER_KAFKA_USER": USER,
        "TICKER_KAFKA_PASSWORD": PASSWORD,
    }
    url = secure_kafka.url("SASL_PLAINTEXT", prefix())
    write("sqlite:" + str(ticker.folder / "log.sqlite"), ticks=3)
    here = outputs.run("forward", "sqlite:log.sqlite", url, "--no-follow", "-v", **env)
    assert (here.returncode, "unencrypted" in here.stderr) == (0, False)
    log = (ticker.state / "ticker.log").read_text()
    assert f"aiokafka.conn: Authenticated as {USER} via PLAIN" in log
    away = outputs.run("status", "--stream", "kafka://broker.invalid:9092/t", "-v", **env)
    assert away.returncode == 6
    [line] = away.stderr.splitlines()
    assert "kafka://broker.invalid:9092/t: the password is sent unencrypted" in line


@pytest.mark.parametrize(
    "words",
    [
        ("status", "--stream", "safe"),
        ("watch", "--stream", "safe", "--once"),
        ("tail", "--stream", "safe", "--no-follow"),
        ("forward", "safe", "sqlite:copy.sqlite", "--no-follow"),
        ("forward", "sqlite:log.sqlite", "safe", "--no-follow"),
    ],
)
def test_a_wrong_password_ends_a_one_shot_command_with_6(
    ticker: Program, outputs: Outputs, secure_kafka: SecureKafka, words: tuple[str, ...]
) -> None:
    configure(ticker, safe=table(secure_kafka, "SASL_SSL", prefix()))
    write("sqlite:" + str(ticker.folder / "log.sqlite"), ticks=3)
    done = outputs.run(*words, "-v", TICKER_KAFKA_PASSWORD=WRONG)
    assert done.returncode == 6
    told = done.stderr + done.stdout
    assert f"refuses the user {USER}, or the password. Look at user and password_file" in told


def test_tail_names_the_problem_and_keeps_trying(
    ticker: Program, outputs: Outputs, secure_kafka: SecureKafka
) -> None:
    ticker.env["TICKER_KAFKA_PASSWORD"] = WRONG
    configure(ticker, safe=table(secure_kafka, "SASL_SSL", prefix()))
    following = ticker.start("tail", "--stream", "safe", "-v")
    outputs.texts.append(until_said(following, "Waiting for it"))
    outputs.look_at_processes()
    outputs.texts.append(end(following))
    assert f"refuses the user {USER}" in outputs.all()


def test_watch_shows_the_problem_and_keeps_trying(
    ticker: Program, outputs: Outputs, secure_kafka: SecureKafka
) -> None:
    name = prefix()
    configure(ticker, safe=table(secure_kafka, "SASL_SSL", name, ca=secure_kafka.other_ca))
    terminal: Terminal = ticker.on_terminal("watch", "--stream", "safe", columns=200)
    terminal.wait_for("shows a certificate whose signer")
    outputs.look_at_processes()
    terminal.type("q")
    assert terminal.end() == 0
    outputs.texts.append(terminal.seen.decode(errors="replace"))


def test_a_poller_keeps_its_ticks_until_the_password_is_right_and_then_sends_them(
    ticker: Program, outputs: Outputs, secure_kafka: SecureKafka, exchange: str
) -> None:
    password = ticker.folder / "password"
    password.touch(0o600)
    password.write_text(WRONG)
    said = table(secure_kafka, "SASL_SSL", prefix(), password_file="../../password")
    configure(ticker, safe=said)
    polling = ticker.start("poll", "AAPL", "--source", exchange, "--stream", "safe", "-v")
    outputs.texts.append(until_said(polling, f"{said['url']} (refuses the user {USER}, or"))
    outputs.look_at_processes()
    password.write_text(PASSWORD + "\n")
    outputs.texts.append(until_said(polling, ": following · "))
    outputs.texts.append(end(polling))
    assert "undelivered: 0" in outputs.texts[-1]


def test_run_starts_its_poller_without_a_secret_on_the_command_line(
    ticker: Program, outputs: Outputs, secure_kafka: SecureKafka, exchange: str
) -> None:
    ticker.env["TICKER_KAFKA_PASSWORD"] = PASSWORD
    configure(ticker, safe=table(secure_kafka, "SASL_SSL", prefix()))
    terminal = ticker.on_terminal("run", "AAPL", "--source", exchange, "--stream", "safe")
    terminal.wait_for("USD")  # a price has come through the broker
    outputs.look_at_processes()
    assert any("poll" in text and "safe" in text for text in outputs.texts)
    terminal.type("q")
    assert terminal.end() == 0
    outputs.texts.append(terminal.seen.decode(errors="replace"))
    assert "ticker replay safe --since" in outputs.texts[-1]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"ca": "none.pem"}, "none.pem: ca: cannot be read: No such file or directory"),
        ({"password_file": "none"}, "none: password_file: cannot be read: No such file"),
        ({"certificate": "no.pem", "key": "no.pem"}, "no.pem: certificate: cannot be read"),
    ],
)
@pytest.mark.parametrize("words_of", [("tail",), ("poll", "AAPL"), ("config", "--check")])
def test_a_missing_file_ends_each_command_with_3_and_its_path(
    ticker: Program,
    outputs: Outputs,
    secure_kafka: SecureKafka,
    words_of: tuple[str, ...],
    said: dict[str, str],
    words: str,
) -> None:
    path = configure(ticker, safe=table(secure_kafka, "SASL_SSL", "never", **said))
    options = () if "--check" in words_of else ("--stream", "safe", "-v")
    done = outputs.run(*words_of, *options)
    assert done.returncode == 3
    assert f"{path.parent}/{words}" in done.stderr
    assert "Another one: " in done.stderr


def test_config_shows_streams_without_secrets_and_check_passes_without_the_password(
    ticker: Program, outputs: Outputs, secure_kafka: SecureKafka
) -> None:
    said = table(secure_kafka, "SASL_SSL", "never")
    del said["password_file"]
    path = configure(ticker, safe=said)
    shown = outputs.run("config", TICKER_KAFKA_PASSWORD=PASSWORD)
    assert shown.returncode == 0
    assert "SASL_SSL, SCRAM-SHA-256, user ann" in " ".join(shown.stdout.split())
    assert "set, and not shown" in shown.stdout
    checked = outputs.run("config", "--check")
    assert (checked.returncode, checked.stdout) == (0, f"{path}: good\n")
    no_password = outputs.run("status", "--stream", "safe")
    assert no_password.returncode == 3
    assert "no password for the user ann: put it into a file" in no_password.stderr


@pytest.mark.parametrize(
    "words", [("tail",), ("poll", "AAPL"), ("status",), ("watch", "--once"), ("config",)]
)
def test_a_password_in_a_url_is_refused_and_shown_nowhere(
    outputs: Outputs, words: tuple[str, ...]
) -> None:
    env = {"TICKER_STREAM": f"kafka://{USER}:{PASSWORD}@127.0.0.1:1/ticks"}
    done = outputs.run(*words, *(() if words == ("config",) else ("-v",)), **env)
    assert done.returncode == (0 if words == ("config",) else 2)
