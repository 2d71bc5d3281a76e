from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ticker.cli.kept_ticks import Kept, kept_words, way_back
from ticker.records import Batch, Tick
from ticker.streams import StreamChoice, open_log, retained


def at(day: int, hour: int, minute: int, second: int = 0) -> int:
    return int(datetime(2026, 11, day, hour, minute, second, tzinfo=UTC).timestamp()) * 1_000_000


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[defaults]\ntz = "UTC"\n')
    monkeypatch.setenv("TICKER_CONFIG", str(config))


@pytest.fixture
def log(tmp_path: Path) -> StreamChoice:
    return StreamChoice(f"sqlite:{tmp_path / 'my log.sqlite'}", named=True)


async def keep(choice: StreamChoice, *received: int) -> None:
    async with retained(open_log(choice)) as log:
        await log.append(
            Batch(
                ticks=[
                    Tick("A", "x", log.origin, n, at, at, 1.0 + n)
                    for n, at in enumerate(received, 1)
                ]
            )
        )


async def test_the_replay_command_names_the_stream_and_the_minute(log: StreamChoice) -> None:
    began = at(23, 14, 2, 31)
    await keep(log, at(23, 14, 1, 59), began + 1)
    words = await way_back(log, began, at(23, 15, 0))
    assert words == f" · ticker replay '{log.url}' --since 14:02"


async def test_the_replay_command_names_the_second_if_the_minute_has_earlier_ticks(
    log: StreamChoice,
) -> None:
    began = at(23, 14, 2, 31)
    await keep(log, at(23, 14, 2, 1), began + 1)
    assert (await way_back(log, began, at(23, 15, 0))).endswith(" --since 14:02:31")


async def test_the_replay_command_names_the_day_once_it_is_over(log: StreamChoice) -> None:
    began = at(23, 23, 58)
    await keep(log, began)
    words = await way_back(log, began, at(24, 0, 1))
    assert words.endswith(" --since 2026-11-23T23:58")


async def test_the_local_log_needs_no_name_and_a_deleted_one_no_command(
    log: StreamChoice,
) -> None:
    began = at(23, 14, 2)
    await keep(log, began)
    default = StreamChoice(log.url, named=False, default=True)
    assert await way_back(default, began, began) == " · ticker replay --since 14:02"
    gone = StreamChoice(log.url, named=True, temporary=True)
    assert not await way_back(gone, began, began)


async def test_a_kafka_stream_is_not_asked_and_gets_the_second() -> None:
    work = StreamChoice("kafka://127.0.0.1:1/ticks", named=True, name="work")
    began = at(23, 14, 2, 31)
    words = await way_back(work, began, began)
    assert words == " · ticker replay work --since 14:02:31"


def test_the_markets_moves_are_known_once_its_exchange_reports_them() -> None:
    kept = Kept()
    told = [kept.moved]
    kept.take({"say": "status", "state": "ok", "ticks": 9})
    kept.take({"say": "market", "moved": 12})
    assert [*told, kept.moved, kept.ticks] == [None, 12, 9]


@pytest.mark.parametrize(
    ("news", "words"),
    [
        ((), "0 ticks kept: the poller had not started yet"),
        ([("starting", None)], "0 ticks kept: no answer from Yahoo"),
        (
            [("unreachable", "host not found")],
            "0 ticks kept: no answer from Yahoo (host not found)",
        ),
        ([("rate-limited", "too many requests")], "0 ticks kept: Yahoo: too many requests"),
        ([("no-prices", None)], "0 ticks kept: Yahoo: no usable prices"),
        ([("ok", None)], "0 ticks kept"),
    ],
)
def test_a_run_that_stored_nothing_says_why(
    news: Sequence[tuple[str, str | None]], words: str
) -> None:
    kept = Kept()
    for state, problem in (*news, *([("stopped", None)] if news else [])):
        kept.take({"say": "status", "state": state, "source": "yahoo", "problem": problem})
    assert kept_words(kept.ticks, kept.gone, why_none=kept.why_none) == words
