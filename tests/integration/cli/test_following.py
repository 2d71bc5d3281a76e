from __future__ import annotations

import csv
import fcntl
import json
import os
import re
import signal
import socketserver
import sqlite3
import struct
import subprocess
import termios
import threading
import time
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from .conftest import PATIENCE, Program, Terminal, descendants, until_said, write


@pytest.fixture
def log(ticker: Program) -> str:
    return f"sqlite:{ticker.folder / 'log.sqlite'}"


def events(text: str) -> list[int]:
    return [json.loads(line)["sequence"] for line in text.splitlines()]


def test_tail_starts_with_the_last_ten_or_a_chosen_number(ticker: Program, log: str) -> None:
    write(log, ticks=30)
    assert events(ticker("tail", "--stream", log, "--no-follow").stdout) == list(range(21, 31))
    two = ticker("tail", "--stream", log, "--no-follow", "-n", "2")
    assert events(two.stdout) == [29, 30]
    both = ticker("tail", "--stream", log, "--no-follow", "--since", "start", "-n", "2")
    assert events(both.stdout) == [29, 30]
    from_start = ticker("tail", "--stream", log, "--no-follow", "--since", "start")
    assert events(from_start.stdout) == list(range(1, 31))
    some = ticker("tail", "--stream", log, "--since", "start", "--count", "3")
    assert events(some.stdout) == [1, 2, 3]
    none = ticker("tail", "--stream", log, "--no-follow", "--until", "2020-01-01")
    assert (none.returncode, none.stdout) == (0, "")
    last = ticker("tail", "--stream", log, "--count", "3")
    assert events(last.stdout) == [28, 29, 30]
    (received,) = [json.loads(line)["received"] for line in two.stdout.splitlines()[:1]]
    until = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=received - 13)  # tick 16
    early = ticker("tail", "--stream", log, "--until", until.isoformat())
    assert events(early.stdout) == list(range(6, 16))
    few = ticker("tail", "--stream", log, "--until", until.isoformat(), "-n", "2")
    assert events(few.stdout) == [14, 15]


def test_tail_as_csv_has_one_header_and_readable_times(ticker: Program, log: str) -> None:
    write(log, ticks=3)
    done = ticker("tail", "--stream", log, "--no-follow", "--format", "csv")
    rows = list(csv.DictReader(done.stdout.splitlines()))
    assert [row["sequence"] for row in rows] == ["1", "2", "3"]
    assert rows[0]["received"].endswith("Z")


def test_tail_waits_for_a_missing_stream_and_follows_it(ticker: Program, log: str) -> None:
    waiting = ticker.start("tail", "--stream", log, "--count", "2")
    assert waiting.stderr is not None
    assert b"Waiting for it" in waiting.stderr.readline()
    write(log, ticks=2)
    out, _ = waiting.communicate(timeout=PATIENCE)
    assert events(out.decode()) == [1, 2]
    assert waiting.returncode == 0


def test_a_problem_that_is_a_question_keeps_its_question_mark(ticker: Program) -> None:
    class HangUp(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(1_000)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), HangUp) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"kafka://127.0.0.1:{server.server_address[1]}/x"
        said = until_said(ticker.start("tail", "--stream", url), "Waiting for it")
        server.shutdown()
    assert said == f"{url}: closes the connection: is it Kafka? Waiting for it\n"


def test_on_a_terminal_new_ticks_are_enough_to_end_a_silence(ticker: Program, log: str) -> None:
    write(log, ticks=1)
    terminal = ticker.on_terminal("tail", "--stream", log, "--count", "3")
    terminal.wait_for("Quiet for")
    write(log, ticks=3)
    assert terminal.end() == 0
    assert b"Ticks again" not in terminal.seen


def test_tail_ends_quietly_if_its_pipe_closes(ticker: Program, log: str) -> None:
    write(log, ticks=30)
    following = ticker.start("tail", "--stream", log)
    assert following.stdout is not None
    assert following.stderr is not None
    following.stdout.readline()
    following.stdout.close()  # as head -1 does; nothing more is written to the stream
    assert following.wait(PATIENCE) == 0
    assert b"Traceback" not in following.stderr.read()


def test_a_full_disk_ends_tail_with_7_and_a_message(ticker: Program, log: str) -> None:
    write(log, ticks=3)
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        writing = ticker.start("tail", "--stream", log, "--no-follow", stdout=full)
        _, err = writing.communicate(timeout=PATIENCE)
    finally:
        os.close(full)
    assert writing.returncode == 7
    assert b"No space left" in err
    assert b"Traceback" not in err


@pytest.mark.parametrize(
    ("command", "number", "code"),
    [
        ("tail", signal.SIGINT, 130),
        ("tail", signal.SIGTERM, 143),
        ("tail", signal.SIGHUP, 129),
        ("poll", signal.SIGHUP, 129),
        ("exchange", signal.SIGTERM, 143),
    ],
)
def test_signals_end_every_following_command_with_their_code(
    ticker: Program, log: str, exchange: str, command: str, number: signal.Signals, code: int
) -> None:
    words = {
        "tail": ["tail", "--stream", log],
        "poll": ["poll", "AAPL", "--source", exchange, "--stream", log],
        "exchange": ["exchange", "--listen", "127.0.0.1:0"],
    }[command]
    running = ticker.start(*words)
    assert running.stderr is not None
    running.stderr.readline()  # the first word: it is under way
    running.send_signal(number)
    _, err = running.communicate(timeout=PATIENCE)
    assert running.returncode == code
    assert b"Traceback" not in err


@pytest.mark.smoke
def test_poll_stops_after_a_number_of_ticks_and_tail_reads_them(
    ticker: Program, log: str, exchange: str
) -> None:
    words = ("--source", exchange, "--stream", log, "--every", "100ms", "--count", "20")
    polled = ticker("poll", "AAPL", "GC=F", *words)
    assert polled.returncode == 0, polled.stderr
    assert f"ticks kept in {log}" in polled.stderr
    lines = ticker("tail", "--stream", log, "--since", "start", "--no-follow").stdout
    for symbol in ("AAPL", "GC=F"):
        numbers = [
            tick["sequence"]
            for tick in map(json.loads, lines.splitlines())
            if tick["type"] == "tick" and tick["symbol"] == symbol  # a busy machine makes gaps too
        ]
        assert numbers == list(range(1, len(numbers) + 1))


def gone(program: Program) -> bool:
    deadline = time.monotonic() + PATIENCE
    while descendants(program):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@pytest.fixture
def running(ticker: Program, exchange: str) -> Terminal:
    terminal = ticker.on_terminal("AAPL", "GC=F", "--source", exchange, "--stream", "demo")
    terminal.wait_for("SIMULATED")
    terminal.wait_for("AAPL")
    return terminal


@pytest.mark.smoke
def test_q_ends_run_and_reports_how_many_ticks_were_stored(
    ticker: Program, running: Terminal
) -> None:
    running.wait_for("ticks")
    running.type("q")
    assert running.end() == 0
    assert b"ticks kept \xc2\xb7 ticker replay demo --since " in running.seen
    assert gone(ticker)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_signals_end_run_with_their_code_and_leave_no_process(
    ticker: Program, running: Terminal, number: signal.Signals, code: int
) -> None:
    running.kill(number)
    assert running.end() == code
    assert b"Traceback" not in running.seen
    assert gone(ticker)


def test_ctrl_c_ends_run_with_130(ticker: Program, running: Terminal) -> None:
    running.type("\x03")
    assert running.end() == 130
    assert gone(ticker)


def test_a_killed_run_leaves_no_poller_behind(ticker: Program, running: Terminal) -> None:
    running.kill(signal.SIGKILL)
    assert running.end() == -signal.SIGKILL
    assert gone(ticker)


def test_a_closed_terminal_ends_run_and_its_poller(ticker: Program, running: Terminal) -> None:
    running.close()
    assert running.end() == 129
    assert gone(ticker)


def test_a_terminal_that_vanishes_ends_run_too(ticker: Program, running: Terminal) -> None:
    # The hang-up is lost (nohup does that); what is left are writes that fail.
    os.kill(running.pid, signal.SIGSTOP)
    running.close()
    os.kill(running.pid, signal.SIGCONT)
    assert running.end() == 129
    assert gone(ticker)


def test_run_with_mixed_prices_says_so_and_ends(ticker: Program, exchange: str) -> None:
    real = f"sqlite:{ticker.folder / 'real.sqlite'}"
    write(real, ticks=3)
    terminal = ticker.on_terminal("run", "AAPL", "--source", exchange, "--stream", real)
    assert terminal.end() == 2
    assert b"Use --stream demo" in terminal.seen
    assert gone(ticker)


def test_two_demos_at_once_show_prices_and_do_not_conflict(ticker: Program) -> None:
    first = ticker.on_terminal("demo", "AAPL")
    first.wait_for("USD")
    second = ticker.on_terminal("demo", "GC=F")
    second.wait_for("Another demo, or a poller, writes there")
    second.wait_for("USD")
    for terminal in (second, first):
        terminal.type("q")
        assert terminal.end() == 0
    assert gone(ticker)
    symbols = ticker("watch", "--once", "--stream", "demo").stdout
    assert [quote["symbol"] for quote in json.loads(symbols)] == ["AAPL"]


def test_demo_starts_a_new_log_unless_it_is_kept(ticker: Program) -> None:
    def origin(*options: str) -> str:
        terminal = ticker.on_terminal("demo", "AAPL", *options)
        terminal.wait_for("USD")
        terminal.type("q")
        assert terminal.end() == 0
        (quote,) = json.loads(ticker("watch", "--once", "--stream", "demo").stdout)
        return str(quote["origin"])

    first = origin()
    assert origin("--keep") == first
    assert origin() != first


def test_demo_runs_without_a_writable_state_directory_and_says_so(ticker: Program) -> None:
    (ticker.folder / "state").write_text("a file, where a folder should be")
    terminal = ticker.on_terminal("demo", "AAPL")
    terminal.wait_for("cannot be")
    terminal.wait_for("USD")
    terminal.type("q")
    assert terminal.end() == 0


@pytest.mark.smoke
def test_watch_shows_the_prices_of_another_poller_and_ends_without_it(
    ticker: Program, log: str, exchange: str
) -> None:
    polling = ticker.start("poll", "GC=F", "--source", exchange, "--stream", log)
    watching = ticker.on_terminal("watch", "--stream", log)
    watching.wait_for("GC=F")
    watching.wait_for("SIMULATED")
    watching.type("q")
    assert watching.end() == 0
    assert polling.poll() is None
    polling.send_signal(signal.SIGINT)
    assert polling.wait(PATIENCE) == 130


def test_an_order_sent_before_the_poller_is_ready_is_followed(
    ticker: Program, log: str, exchange: str
) -> None:
    polling = subprocess.Popen(
        [*ticker.words, "poll", "AAPL", "--source", exchange, "--stream", log, "--control"],
        env=ticker.env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert polling.stdin is not None
    assert polling.stdout is not None
    polling.stdin.write(b'{"do":"add","symbols":["NVDA"]}\n')
    polling.stdin.flush()
    while not (status := json.loads(polling.stdout.readline())).get("answered"):
        pass
    assert (status["symbols"], status["answered"]) == (2, 2)
    polling.communicate(timeout=PATIENCE)
    assert polling.returncode == 0


def test_a_signal_while_the_log_is_locked_takes_effect(
    ticker: Program, log: str, exchange: str
) -> None:
    write(log, ticks=1)
    path = log.removeprefix("sqlite:")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("begin immediate")
        polling = ticker.start("poll", "GC=F", "--source", exchange, "--stream", log)
        _wait_until_open(polling.pid, path)
        polling.send_signal(signal.SIGINT)
        other.execute("commit")
    started = time.monotonic()
    assert polling.wait(PATIENCE) == 130
    assert time.monotonic() - started < 5


def remove(log: str) -> None:
    for suffix in ("", "-wal", "-shm"):
        Path(f"{log.removeprefix('sqlite:')}{suffix}").unlink(missing_ok=True)


def test_a_poller_whose_log_was_removed_continues_in_a_new_one(
    ticker: Program, log: str, exchange: str
) -> None:
    polling = ticker.start(
        "poll", "GC=F", "--source", exchange, "--stream", log, "--every", "100ms"
    )
    assert events(ticker("tail", "--stream", log, "--count", "3").stdout)
    remove(log)
    again = ticker("tail", "--stream", log, "--since", "start", "--count", "3")
    assert events(again.stdout) == [1, 2, 3]
    polling.send_signal(signal.SIGINT)
    _, err = polling.communicate(timeout=PATIENCE)
    assert polling.returncode == 130
    assert b"Going on in a new one" in err


def test_run_reports_how_many_ticks_were_lost_with_a_log(
    ticker: Program, log: str, exchange: str
) -> None:
    words = ("--source", exchange, "--stream", log, "--every", "100ms")
    terminal = ticker.on_terminal("run", "AAPL", *words)
    terminal.wait_for("USD")
    # On a busy machine, a gap may stand among the ticks.
    assert '"type":"tick"' in ticker("tail", "--stream", log, "--count", "3").stdout
    remove(log)
    again = ticker("tail", "--stream", log, "--since", "start", "--count", "3").stdout
    assert '"type":"tick"' in again
    terminal.type("q")
    assert terminal.end() == 0
    assert re.search(rb"\d+ ticks kept, \d+ of them in a file that was removed", terminal.seen)


def test_a_log_removed_before_the_end_is_not_said_to_hold_ticks(
    ticker: Program, log: str, exchange: str
) -> None:
    polling = ticker.start("poll", "GC=F", "--source", exchange, "--stream", log, "--every", "1h")
    assert events(ticker("tail", "--stream", log, "--count", "1").stdout)
    remove(log)
    polling.send_signal(signal.SIGINT)
    _, err = polling.communicate(timeout=PATIENCE)
    assert polling.returncode == 130
    assert f"1 tick kept in {log}, in a file that was removed".encode() in err
    assert not Path(log.removeprefix("sqlite:")).exists()


def test_a_demo_leaves_the_log_of_a_running_poller_alone(ticker: Program, exchange: str) -> None:
    polling = ticker.start("poll", "GC=F", "--source", exchange, "--stream", "demo")
    assert events(ticker("tail", "--stream", "demo", "--count", "1").stdout)
    demo = ticker.on_terminal("demo", "AAPL")
    demo.wait_for("a poller, writes there")
    demo.wait_for("USD")
    demo.type("q")
    assert demo.end() == 0
    assert b"ticker replay" not in demo.seen  # its own log has gone with it
    assert polling.poll() is None
    (quote,) = json.loads(ticker("watch", "--once", "--stream", "demo").stdout)
    assert quote["symbol"] == "GC=F"
    polling.send_signal(signal.SIGINT)
    assert polling.wait(PATIENCE) == 130


def test_poll_exits_quietly_with_0_when_its_parent_ends(
    ticker: Program, log: str, exchange: str
) -> None:
    polling = subprocess.Popen(
        [*ticker.words, "poll", "AAPL", "--source", exchange, "--stream", log, "--control"],
        env=ticker.env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert polling.stdout is not None
    assert json.loads(polling.stdout.readline())["say"] == "status"
    _, err = polling.communicate(timeout=PATIENCE)  # closes its standard input
    assert (polling.returncode, err) == (0, b"")


def test_tail_ends_at_its_time_while_ticks_flow(ticker: Program, log: str, exchange: str) -> None:
    words = ("--source", exchange, "--stream", log, "--every", "100ms")
    polling = ticker.start("poll", "AAPL", *words)
    assert polling.stderr is not None
    polling.stderr.readline()
    until = datetime.now(UTC) + timedelta(seconds=4)
    tailed = ticker("tail", "--stream", log, "--until", until.isoformat())
    assert tailed.returncode == 0
    assert polling.poll() is None
    lines = [json.loads(line) for line in tailed.stdout.splitlines()]
    assert lines
    assert all(line["received"] < until.timestamp() * 1e6 for line in lines)


def test_a_signal_ends_tail_at_once_even_with_a_full_pipe(ticker: Program, log: str) -> None:
    write(log, ticks=3_000)
    stuck = ticker.start("tail", "--stream", log, "--since", "start")
    assert stuck.stdout is not None
    waiting, before = bytearray(4), -1
    deadline = time.monotonic() + PATIENCE
    while (held := struct.unpack("i", waiting)[0]) < 60_000 or held != before:
        assert time.monotonic() < deadline
        before = held
        time.sleep(0.05)
        fcntl.ioctl(stuck.stdout, termios.FIONREAD, waiting)
    began = time.monotonic()
    stuck.send_signal(signal.SIGTERM)
    assert stuck.wait(PATIENCE) == 143
    assert time.monotonic() - began < 5


def _wait_until_open(pid: int, path: str) -> None:
    """Wait until the process has opened the file. Without /proc, do not wait."""
    until = time.monotonic() + PATIENCE
    descriptors = Path(f"/proc/{pid}/fd")
    while descriptors.is_dir() and time.monotonic() < until:
        for descriptor in descriptors.iterdir():
            with suppress(OSError):  # closed meanwhile
                if descriptor.resolve() == Path(path).resolve():
                    return
        time.sleep(0.02)
