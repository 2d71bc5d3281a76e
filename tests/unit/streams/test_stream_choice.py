"""Python takes the words that `--stream` takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import ticker
from ticker.cli.settings import Settings
from ticker.errors import ConfigError, UsageError
from ticker.files import state_directory
from ticker.streams import choose_stream, open_log, open_stream


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "HOME"):
        monkeypatch.setenv(variable, str(tmp_path / variable))
    for variable in ("TICKER_STREAM", "TICKER_CONFIG", "TICKER_KAFKA_SECURITY"):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "config.toml"
    file.write_text(
        "[streams]\n"
        f'work = "sqlite:{tmp_path}/work.sqlite"\n'
        'away = { url = "kafka://broker:1/mine", security = "SSL", partitions = 6 }\n'
    )
    monkeypatch.setenv("TICKER_CONFIG", str(file))
    return file


@pytest.mark.usefixtures("config")
@pytest.mark.parametrize(
    "word", ["demo", "work", "away", "sqlite:some.sqlite", "kafka://h:9/p", None]
)
def test_a_name_means_the_same_stream_in_python_and_on_the_command_line(word: str | None) -> None:
    choice = Settings().stream(word)
    assert choose_stream(word) == choice
    assert ticker.open_stream(word).url == open_stream(choice).url
    assert open_log(choice).url == open_stream(choice).url


def test_demo_is_the_log_that_a_demo_writes() -> None:
    assert ticker.open_stream("demo").url == f"sqlite:{state_directory()}/demo.sqlite"


@pytest.mark.usefixtures("config")
def test_a_configured_name_brings_its_security_and_topic_settings() -> None:
    log: Any = ticker.open_log("away")
    assert log._address.security.security == "SSL"
    assert log._plan.partitions == 6
    assert ticker.open_stream("away").url == "kafka://broker:1/mine"


def test_the_default_stream_comes_from_environment_then_file_then_local_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ticker.open_stream().url == f"sqlite:{state_directory()}/stream.sqlite"
    file = tmp_path / "config.toml"
    file.write_text('[defaults]\nstream = "work"\n[streams]\nwork = "sqlite:/srv/work.sqlite"\n')
    monkeypatch.setenv("TICKER_CONFIG", str(file))
    assert ticker.open_stream().url == "sqlite:/srv/work.sqlite"
    monkeypatch.setenv("TICKER_STREAM", "demo")
    assert ticker.open_stream().url == f"sqlite:{state_directory()}/demo.sqlite"


def test_the_environment_gives_a_url_its_security_in_python_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TICKER_KAFKA_SECURITY", "SSL")
    stream: Any = ticker.open_stream("kafka://broker:1/mine")
    assert stream._address.security.security == "SSL"


@pytest.mark.usefixtures("config")
def test_an_unknown_name_is_reported_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"No stream named 'wrok' \(known: demo, work, away\)"):
        ticker.open_stream("wrok")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("day.csv", "ticker import {path} day.parquet"),
        ("day.csv.gz", "ticker import {path} day.parquet"),
        ("DAY.ZIP", "ticker import {path} DAY.parquet"),
        ("folder", "is a folder, not a stream. Name a file in it: {path}/FILE.parquet"),
        ("folder/", "is a folder, not a stream. Name a file in it: {path}FILE.parquet"),
    ],
)
def test_a_path_that_is_no_stream_is_reported_with_the_next_step(
    tmp_path: Path, name: str, said: str
) -> None:
    (tmp_path / "folder").mkdir()
    path = f"{tmp_path}/{name}"
    if "folder" not in name:
        Path(path).touch()
    with pytest.raises(UsageError) as told:
        open_stream(path)
    assert said.format(path=path) in str(told.value)
    if not name.endswith("folder"):
        with pytest.raises(UsageError, match=r"is a folder|ticker import"):
            Settings().symbols([path], None)


@pytest.mark.parametrize("name", ["a.parquet", "a.sqlite"])
def test_a_file_given_as_a_symbol_is_refused_with_the_right_command(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / name).touch()
    url = f"{'' if name == 'a.parquet' else 'sqlite:'}{tmp_path / name}"
    with pytest.raises(UsageError, match=f"--stream {url}. To play it: ticker replay {url}"):
        Settings().symbols([str(tmp_path / name)], None)
    assert Settings().symbols(["a.parquet", "brk.b", "eur/usd"], None) == (
        "A.PARQUET",
        "BRK.B",
        "EUR/USD",
    )


@pytest.mark.parametrize("word", [Path("log.sqlite"), 7, b"demo", ["demo"]])
def test_a_stream_that_is_not_a_string_is_refused_in_words(word: Any) -> None:
    with pytest.raises(UsageError, match="stream: expected a text"):
        open_stream(word)


def test_a_url_needs_no_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TICKER_CONFIG", str(tmp_path / "missing.toml"))
    assert open_stream("sqlite:/srv/a.sqlite").url == "sqlite:/srv/a.sqlite"
    with pytest.raises(ConfigError, match=r"missing\.toml"):
        open_stream("work")


def test_a_name_with_a_colon_is_refused_because_it_would_hide_a_url(config: Path) -> None:
    config.write_text('[streams]\n"sqlite:a" = "sqlite:/srv/b.sqlite"\n')
    with pytest.raises(ConfigError, match="a name has no colon"):
        open_stream("work")
