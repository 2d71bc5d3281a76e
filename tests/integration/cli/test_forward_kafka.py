"""A poller's local log first, then a real Kafka: what is away, killed, moved and deleted.

The oracle is none of our code: sqlite3 reads the local log, confluent-kafka the topic, json their
values. Per (origin, symbol) the topic holds 1, 2, 3 … n, those of the local log.
"""

from __future__ import annotations

import json
import random
import signal
import socket
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import (
    Consumer,
    KafkaException,
    Producer,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, ConfigResource  # type: ignore[attr-defined]  # it is public

from tests.kafka_broker import Broker
from tests.serving import serving
from ticker.exchange import Exchange, Market, companies

from .conftest import (
    PATIENCE,
    Program,
    count,
    descendants,
    ended,
    local_logs,
    rows,
    until,
    until_said,
    write,
)

SYMBOLS = ("AAPL", "GC=F", "BTC-USD")
Sequences = dict[tuple[str, str], list[tuple[int, float]]]


@pytest.fixture
def stream(server: str) -> str:
    """A stream of its own."""
    return f"kafka://{server}/p{time.time_ns()}"


def on_topic(url: str) -> Sequences:
    """Return (origin, symbol) → sequences with prices, in the order of the topic."""
    server, _, topic = url.removeprefix("kafka://").partition("/")
    consumer = Consumer(
        {"bootstrap.servers": server, "group.id": "oracle", "enable.auto.commit": False}
    )
    found: Sequences = defaultdict(list)
    try:
        known = consumer.list_topics(topic, timeout=PATIENCE).topics[topic].partitions
        left = {}
        for number in known:
            where = TopicPartition(topic, number, 0)
            first, end = consumer.get_watermark_offsets(where, timeout=PATIENCE)
            if first < end:
                left[number] = end
        consumer.assign([TopicPartition(topic, number, 0) for number in left])
        deadline = time.monotonic() + PATIENCE
        while left:
            assert time.monotonic() < deadline
            message = consumer.poll(0.5)
            if message is None:
                continue
            assert message.error() is None
            tick = json.loads(message.value() or b"")
            found[tick["origin"], tick["symbol"]].append((tick["sequence"], tick["price"]))
            if (message.offset() or 0) + 1 >= left.get(message.partition(), 0):
                left.pop(message.partition(), None)
    finally:
        consumer.close()
    return dict(found)


def in_file(path: Path) -> Sequences:
    """The same of a SQLite log."""
    found: Sequences = defaultdict(list)
    for symbol, _, origin, sequence, _, _, price, *_ in rows(path):
        found[origin, symbol].append((sequence, price))
    return dict(found)


def assert_arrived(url: str, local: Path) -> int:
    """All that the local log keeps lies on the topic, in order, without a hole; how many ticks.

    A relay killed between the acknowledgement and its note may send again: a repeat that lies
    behind its first is no harm, and readers drop it.
    """
    kept, there = in_file(local), on_topic(url)
    for name, found in kept.items():
        assert [number for number, _ in found] == list(range(1, len(found) + 1)), name
    assert {name: list(dict.fromkeys(found)) for name, found in there.items()} == kept
    return sum(map(len, kept.values()))


def seen_by(ticker: Program, url: str) -> Sequences:
    """Return what `tail` prints from the start."""
    done = ticker("tail", "--stream", url, "--since", "start", "--no-follow")
    assert done.returncode == 0, done.stderr
    return printed(done.stdout)


def printed(text: str) -> Sequences:
    found: Sequences = defaultdict(list)
    for line in text.splitlines():
        event = json.loads(line)
        if event["type"] == "tick":
            found[event["origin"], event["symbol"]].append((event["sequence"], event["price"]))
    return dict(found)


def poll_words(exchange: str, url: str, *symbols: str) -> tuple[str, ...]:
    named = symbols or SYMBOLS
    return ("poll", *named, "--source", exchange, "--every", "100ms", "--stream", url)


def status(ticker: Program, url: str) -> tuple[int, dict[str, Any]]:
    done = ticker("status", "--stream", url, "--format", "json")
    return done.returncode, {"undelivered": 0, **json.loads(done.stdout)}


def test_status_shows_two_pollers_and_three_readers_on_one_kafka(
    ticker: Program, exchange: str, stream: str
) -> None:
    with (ticker.folder / "tail.jsonl").open("wb") as out:
        tail = ticker.start("tail", "--stream", stream, stdout=out.fileno())
        until_said(tail, "Waiting for it")
        pollers = [ticker.start(*poll_words(exchange, stream, *SYMBOLS[:2]))]
        until_said(pollers[0], "following")
        pollers.append(ticker.start(*poll_words(exchange, stream, SYMBOLS[2])))
        until_said(pollers[1], "another relay")
        boards = [ticker.on_terminal("watch", "--stream", stream) for _ in range(3)]
        for board in boards:
            for text in (*SYMBOLS, "SIMULATED", " ticks"):
                board.wait_for(text)
        deadline = time.monotonic() + PATIENCE  # ticks of this moment may wait for the relay
        while (found := status(ticker, stream))[0] != 0:
            assert time.monotonic() < deadline, found
        told = found[1]
        assert told["verdict"] == "healthy"
        assert told["symbols"] == len(SYMBOLS)
        assert sorted(beat["asked"] for beat in told["heartbeats"]) == [1, 2]
        assert all(each["sending"] for each in told["waiting"])
        # Killed, the dashboards are no trouble to anybody; ended in order, nothing is left.
        for board in boards:
            board.type("q")
            assert board.end() == 0
        assert ended(pollers[0], signal.SIGTERM)[0] == 143
        until_said(pollers[1], "following")
        code, err, took = ended(pollers[1], signal.SIGINT)
        assert (code, took < 10) == (130, True)
        assert "undelivered: 0" in err
        (local,) = local_logs(ticker)
        assert assert_arrived(stream, local) > 0
        until(lambda: printed(Path(out.name).read_text()) == in_file(local))
        assert ended(tail, signal.SIGTERM)[0] == 143
    code, told = status(ticker, stream)
    assert (code, told["undelivered"], told["waiting"]) == (4, 0, [])
    assert told["ticks"] == sum(map(len, in_file(local).values()))
    assert seen_by(ticker, stream) == in_file(local)
    assert descendants(ticker) == []


def test_forward_from_and_to_and_between_kafkas_each_gives_a_proof(
    ticker: Program, stream: str
) -> None:
    begin, back = ticker.folder / "a.sqlite", ticker.folder / "b.sqlite"
    write(f"sqlite:{begin}", ticks=7_000)
    for source, destination in (
        (f"sqlite:{begin}", stream),
        (stream, f"{stream}.copy"),
        (f"{stream}.copy", f"sqlite:{back}"),
    ):
        done = ticker("forward", source, destination, "--no-follow")
        assert done.returncode == 0, done.stderr
        assert "complete: 7,000 ticks of 1 symbol are the same in both" in done.stderr
        assert "undelivered: 0" in done.stderr
        again = ticker("forward", source, destination, "--no-follow")
        assert again.returncode == 0, again.stderr
        assert " 0 ticks sent" in again.stderr
    assert on_topic(f"{stream}.copy") == on_topic(stream) == in_file(begin) == in_file(back)
    following = ticker.start("forward", stream, f"{stream}.copy")
    until_said(following, "following")
    write(f"sqlite:{ticker.folder / 'more.sqlite'}", ticks=5)
    ticker("forward", f"sqlite:{ticker.folder / 'more.sqlite'}", stream, "--no-follow")
    until(lambda: len(on_topic(f"{stream}.copy")) == 2)
    code, err, took = ended(following, signal.SIGINT)
    assert (code, took < 10) == (130, True)
    assert "5 ticks sent" in err
    assert "undelivered: 0" in err
    assert on_topic(f"{stream}.copy") == on_topic(stream)


@pytest.fixture
def busy() -> Iterator[str]:
    """The source URL of an exchange whose 200 stocks move ten times a second."""
    with serving(Exchange(Market(7, listings=companies(200), every=100_000), port=0)) as (
        host,
        port,
    ):
        yield f"exchange:{host}:{port}"


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_pollers_killed_while_the_broker_is_away_and_back_lose_nothing(
    ticker: Program, busy: str, broker: Broker, stream: str, kills: int
) -> None:
    chance = random.Random(6)  # noqa: S311 - moments, not secrets
    words = poll_words(busy, stream, *(listing.symbol for listing in companies(200)))
    first = ticker.start(*words)
    until_said(first, "following")
    (local,) = local_logs(ticker)
    until(lambda: status(ticker, stream)[1].get("ticks"))
    printing = [ticker.folder / f"tail{n}.jsonl" for n in range(2)]
    tails = []
    for path in printing:
        with path.open("wb") as out:
            follow = ("tail", "--stream", stream, "--since", "start")
            tails.append(ticker.start(*follow, stdout=out.fileno()))
    first.kill()
    for kill in range(kills):
        if kill % 4 == 0:
            broker.kill()
        if kill % 4 == 2:
            broker.start()
        poller = ticker.start(*words)
        before = count(local)
        until(lambda n=before: count(local) > n)
        time.sleep(chance.uniform(0.0, 0.8))  # the moment of the kill is chance's
        poller.kill()
        poller.wait()
        if kill % 4 == 1:  # the broker was away the whole time
            code, told = status(ticker, stream)
            assert (code, told["undelivered"] > 0) == (6, True)
    if broker.process is None:
        broker.start()
    poller = ticker.start(*words)
    until_said(poller, "following")
    before = count(local)
    until(lambda: count(local) >= before + 1_000)
    code, err, took = ended(poller, signal.SIGTERM)
    assert (code, took < 10) == (143, True), err
    assert "undelivered: 0" in err
    arrived = assert_arrived(stream, local)
    assert arrived > 200 * kills
    for tail, path in zip(tails, printing, strict=True):
        until(lambda where=path: where.read_bytes().count(b'"type":"tick"') >= arrived)
        assert printed(path.read_text()) == in_file(local)
        assert ended(tail, signal.SIGTERM)[0] == 143
    assert seen_by(ticker, stream) == in_file(local)


def test_a_broker_that_was_away_from_the_start_gets_everything(
    ticker: Program, exchange: str, broker: Broker, stream: str
) -> None:
    broker.kill()
    poller = ticker.start(*poll_words(exchange, stream))
    until_said(poller, "does not answer: connection refused")
    until(lambda: status(ticker, stream)[1]["waiting"])  # once there is a tick
    code, told = status(ticker, stream)
    assert code == 6
    (waits,) = told["waiting"]
    tail = ticker.start("tail", "--stream", stream, "--count", "3")
    until_said(tail, "connection refused. Waiting for it")
    board = ticker.on_terminal("watch", "--stream", stream)
    board.wait_for("connection refused")
    for words in (("tail", "--no-follow"), ("watch", "--once")):
        done = ticker(*words, "--stream", stream)
        assert (done.returncode, "connection refused" in done.stderr) == (6, True)
    (local,) = local_logs(ticker)
    assert (waits["log"], waits["destination"]) == (f"sqlite:{local}", stream)
    assert (waits["sending"], waits["ticks"]) == (True, told["undelivered"])
    broker.start()
    until_said(poller, "following")
    assert tail.communicate(timeout=PATIENCE)[0].count(b"\n") == 3
    board.wait_for("answered")
    board.type("q")
    assert board.end() == 0
    assert "undelivered: 0" in ended(poller, signal.SIGINT)[1]
    assert_arrived(stream, local)


def test_a_message_that_is_no_record_is_reported_and_not_counted(
    ticker: Program, exchange: str, stream: str, server: str
) -> None:
    assert ticker(*poll_words(exchange, stream), "--count", "9").returncode == 0
    held = sum(map(len, on_topic(stream).values()))
    producer = Producer({"bootstrap.servers": server})
    for n in range(5):
        producer.produce(stream.rpartition("/")[2], f"junk {n}", "AAPL")
    assert producer.flush(PATIENCE) == 0
    done = ticker("tail", "--stream", stream, "--since", "start", "--no-follow")
    assert done.stderr == "Skipped 5 unreadable records (damaged, or not written by ticker)\n"
    assert len(printed(done.stdout)) == len(SYMBOLS)
    told = status(ticker, stream)[1]
    assert (told["ticks"], told["broken"]) == (held, 5)
    assert "skipped" in ticker("status", "--stream", stream, "--format", "table").stdout


def test_a_stream_is_not_forwarded_into_itself_under_another_name(
    ticker: Program, stream: str
) -> None:
    write(stream, ticks=5)
    held = on_topic(stream)
    names = (stream.replace("127.0.0.1", "localhost"), stream.replace("//", "//LOCALHOST:1,"))
    for other in names:
        done = ticker("forward", stream, other, "--for", "5s")
        assert (done.returncode, "into itself" in done.stderr) == (2, True), done.stderr
        assert "undelivered" not in done.stderr
    assert on_topic(stream) == held


def test_an_impossible_record_does_not_stop_forwarding(
    ticker: Program, stream: str, server: str
) -> None:
    write(stream, ticks=300)
    producer = Producer({"bootstrap.servers": server, "message.max.bytes": 1_000_000})
    now = time.time_ns() // 1_000
    tick = {"type": "tick", "symbol": "Z", "source": "me", "origin": "mine", "sequence": 1}
    tick |= {"time": now, "received": now, "price": 1.5}
    for more in ({"session": "x" * 950_000}, {"volume": 10**40}):
        producer.produce(stream.rpartition("/")[2], json.dumps(tick | more), "Z")
    assert producer.flush(PATIENCE) == 0
    for destination in (f"{stream}.copy", f"sqlite:{ticker.folder / 'copy.sqlite'}"):
        done = ticker("forward", stream, destination, "--no-follow")
        assert done.returncode == 0, done.stderr
        assert "complete: 300 ticks" in done.stderr
    done = ticker("tail", "--stream", stream, "--since", "start", "--no-follow")
    assert done.stderr.startswith("Skipped 2 unreadable records")


def test_topics_are_created_as_the_streams_table_says(
    ticker: Program, exchange: str, stream: str, server: str
) -> None:
    path = ticker.folder / "config.toml"
    table = f'url = "{stream}", partitions = 2, replication = 1, keep_for = "3h"'
    path.write_text(f"[streams]\nmine = {{ {table} }}\n")
    words = poll_words(exchange, "mine")
    assert ticker(*words, "--count", "9", TICKER_CONFIG=str(path)).returncode == 0
    topic = stream.rpartition("/")[2]
    admin = AdminClient({"bootstrap.servers": server})
    topics = admin.list_topics(timeout=PATIENCE).topics
    assert [len(topics[topic + each].partitions) for each in ("", ".quotes", ".gaps")] == [2, 2, 1]
    asked = ConfigResource(ConfigResource.Type.TOPIC, topic)
    kept = admin.describe_configs([asked])[asked].result(PATIENCE)["retention.ms"]
    assert kept.value == str(3 * 3_600_000)


def test_delivered_or_abandoned_ticks_are_not_shown_as_waiting(
    ticker: Program, exchange: str, stream: str
) -> None:
    assert ticker(*poll_words(exchange, stream), "--count", "9").returncode == 0
    (local,) = local_logs(ticker)
    done = ticker("forward", f"sqlite:{local}", stream, "--forget")
    assert done.returncode == 0, done.stderr
    assert status(ticker, stream)[1]["waiting"] == []


def test_a_source_whose_topics_are_gone_can_be_given_up(
    ticker: Program, exchange: str, stream: str, server: str
) -> None:
    assert ticker(*poll_words(exchange, stream), "--count", "9").returncode == 0
    copy = f"sqlite:{ticker.folder / 'copy.sqlite'}"
    assert ticker("forward", stream, copy, "--no-follow").returncode == 0
    assert ticker("forward", stream, copy, "--forget").returncode == 4  # a copy leaves no claim
    relay = ticker.start("forward", stream, copy)
    until_said(relay, "following")
    ended(relay, signal.SIGINT)
    name = stream.rpartition("/")[2]
    endings = ("", ".gaps", ".quotes", ".heartbeats")
    admin = AdminClient({"bootstrap.servers": server})
    for each in admin.delete_topics([name + ending for ending in endings]).values():
        each.result(PATIENCE)
    done = ticker("forward", stream, copy, "--forget")
    assert (done.returncode, "Gave up" in done.stderr) == (0, True), done.stderr
    assert ticker("forward", stream, copy, "--forget").returncode == 4


def test_recreated_topics_get_everything_in_the_local_log(
    ticker: Program, exchange: str, stream: str, server: str
) -> None:
    assert ticker(*poll_words(exchange, stream), "--count", "9").returncode == 0
    name = stream.rpartition("/")[2]
    admin = AdminClient({"bootstrap.servers": server})
    endings = ("", ".gaps", ".quotes", ".heartbeats")
    for each in admin.delete_topics([name + ending for ending in endings]).values():
        each.result(PATIENCE)
    until(lambda: name not in admin.list_topics(timeout=PATIENCE).topics)
    # Until then `status` shows what will be sent again, and by which command.
    (local,) = local_logs(ticker)
    held = count(local)
    code, told = status(ticker, stream)
    assert (code, told["state"], told["undelivered"]) == (4, "missing", held)
    (waits,) = told["waiting"]
    assert (waits["log"], waits["ticks"]) == (f"sqlite:{local}", held)
    assert (waits["sending"], waits["again"]) == (False, True)
    assert told["verdict"] == (
        f"The stream is empty, but {held} ticks wait here. "
        f"To send them: ticker poll --source {exchange} --stream {stream}"
    )
    table = ticker("status", "--stream", stream, "--format", "table").stdout
    assert "sent before to a log that no longer exists. No relay sends them: ticker poll" in table
    assert ticker(*poll_words(exchange, stream), "--count", "9").returncode == 0
    assert assert_arrived(stream, local) >= 18
    assert status(ticker, stream)[1]["waiting"] == []


def test_losses_in_a_replaced_log_are_reported_while_others_write(
    ticker: Program, exchange: str, stream: str
) -> None:
    assert ticker(*poll_words(exchange, stream), "--count", "9").returncode == 0
    (local,) = local_logs(ticker)
    assert status(ticker, stream)[1]["waiting"] == []
    (met,) = local.parent.glob(f".{local.name}.*.destination")
    met.write_text(met.read_text().replace(met.read_text().split()[0], "another1"))
    code, told = status(ticker, stream)
    (waits,) = told["waiting"]
    assert (code, waits["ticks"], waits["again"]) == (4, count(local), True)


def test_a_moved_broker_gets_the_backlog_of_its_old_address(
    ticker: Program, exchange: str, stream: str
) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        old = f"kafka://127.0.0.1:{nobody.getsockname()[1]}/{stream.rpartition('/')[2]}"
        done = ticker(*poll_words(exchange, old), "--count", "9")
        assert done.returncode == 0, done.stderr
        (local,) = local_logs(ticker)
        advice = f"ticker forward sqlite:{local} {old} (or its new address)"
        new = ticker(*poll_words(exchange, stream), "--count", "9")
        assert new.returncode == 0, new.stderr
        assert f"{count(local)} ticks wait here for {old}, and no relay sends them." in new.stderr
        told = ticker("status", "--stream", stream, "--format", "table").stdout
        assert advice in " ".join(told.split())
        done = ticker("forward", f"sqlite:{local}", stream, "--no-follow")
        assert done.returncode == 0, done.stderr
        done = ticker("forward", f"sqlite:{local}", old, "--forget")
        assert done.returncode == 0, done.stderr
    assert "wait here" not in ticker(*poll_words(exchange, stream), "--count", "1").stderr
    assert status(ticker, stream)[1]["waiting"] == []
    (other,) = set(local_logs(ticker)) - {local}
    assert on_topic(stream) == in_file(local) | in_file(other)


def test_a_backlog_is_reported_only_for_its_own_destination(
    ticker: Program, exchange: str, stream: str
) -> None:
    ticker(*poll_words(exchange, stream), "--count", "9")
    (local,) = local_logs(ticker)
    copy = f"sqlite:{ticker.folder / 'copy.sqlite'}"
    relay = ticker.start("forward", f"sqlite:{local}", copy)
    until_said(relay, "following")
    ended(relay, signal.SIGINT)
    assert "undelivered: 0" in ticker(*poll_words(exchange, stream), "--count", "9").stderr
    _, told = status(ticker, stream)
    assert told["undelivered"] == 0
    assert [each["destination"] for each in told["waiting"]] == [f"{copy}"]


def test_topics_deleted_under_a_relay_are_recreated_with_the_whole_local_log(
    ticker: Program, exchange: str, server: str, stream: str
) -> None:
    poller = ticker.start(*poll_words(exchange, stream))
    until_said(poller, "following")
    until(lambda: len(on_topic(stream)) == len(SYMBOLS))
    (local,) = local_logs(ticker)
    prefix = stream.rpartition("/")[2]
    admin = AdminClient({"bootstrap.servers": server})
    names = [prefix + ending for ending in ("", ".gaps", ".quotes", ".heartbeats")]

    def topic_id() -> str:
        found = admin.describe_topics(TopicCollection([prefix]))[prefix].result(PATIENCE)
        return str(found.topic_id)

    before = topic_id()
    for done in admin.delete_topics(names).values():
        done.result(PATIENCE)
    # What is under way into a topic that is deleted is given up after 30 s, sooner as a rule.

    def is_anew() -> bool:
        try:
            return topic_id() != before and len(on_topic(stream)) == len(SYMBOLS)
        except KafkaException:  # an election, or the deletion is still under way
            return False

    until(is_anew, 90)
    code, err, took = ended(poller, signal.SIGTERM)
    assert (code, took < 10) == (143, True)
    assert "undelivered: 0" in err
    assert_arrived(stream, local)


@pytest.mark.parametrize(
    ("how", "number"),
    [
        ("kill", signal.SIGTERM),
        pytest.param("kill", signal.SIGINT, marks=pytest.mark.slow),
        pytest.param("freeze", signal.SIGTERM, marks=pytest.mark.slow),
        pytest.param("freeze", signal.SIGINT, marks=pytest.mark.slow),
    ],
)
def test_an_end_takes_seconds_and_reports_what_is_undelivered(
    ticker: Program, exchange: str, broker: Broker, stream: str, how: str, number: signal.Signals
) -> None:
    words = ("AAPL", "--source", exchange, "--every", "100ms", "--stream", stream)
    poller = ticker.start("poll", *words)
    until_said(poller, "following")
    (local,) = local_logs(ticker)
    copying = ticker.start("forward", f"sqlite:{local}", f"{stream}.copy")
    until_said(copying, "following")
    terminal = ticker.on_terminal("run", *words)
    terminal.wait_for("USD")
    getattr(broker, how)()
    try:
        before = count(local)
        until(lambda: count(local) >= before + 20)
        began = time.monotonic()
        code, told = status(ticker, stream)
        assert code == 6
        assert told["undelivered"] > 0
        assert time.monotonic() - began < 15
        terminal.kill(number)
        assert terminal.end() == 128 + number
        assert "undelivered: " in terminal.seen.decode() or "another process" in (
            terminal.seen.decode()
        )
        for process in (copying, poller):
            code, err, took = ended(process, number)
            assert code == 128 + number, err
            assert took < 10
            assert "undelivered: " in err
            assert "undelivered: 0" not in err
        code, told = status(ticker, stream)
        (waits,) = [w for w in told["waiting"] if w["destination"] == stream]
        assert (code, waits["sending"], waits["log"]) == (6, False, f"sqlite:{local}")
        assert f"undelivered: {waits['ticks']:,} " in err
    finally:
        if how == "freeze":
            broker.thaw()
        else:
            broker.start()
    assert descendants(ticker) == []
    done = ticker("forward", f"sqlite:{local}", stream, "--no-follow")
    assert done.returncode == 0, done.stderr
    assert_arrived(stream, local)
