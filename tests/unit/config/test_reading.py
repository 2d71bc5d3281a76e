from __future__ import annotations

from pathlib import Path

import pytest

from ticker.cli.config import TEMPLATE
from ticker.config import reading as config
from ticker.config import streams as named_streams
from ticker.errors import ConfigError, UsageError
from ticker.security import Security
from ticker.units import DAY

PATH = Path("config.toml")


def test_the_configuration_template_is_valid() -> None:
    parsed = config.parse(TEMPLATE, PATH)
    assert parsed.watchlist("default") == config.DEFAULT_WATCHLIST


def test_the_template_is_valid_with_its_examples_uncommented() -> None:
    text = "\n".join(
        line.removeprefix("# ") if " = " in line or line.startswith(("# [", "# ]")) else line
        for line in TEMPLATE.splitlines()
    )
    parsed = config.parse(text, PATH)
    assert parsed.defaults["every"] == "15s"
    assert parsed.defaults.keys() == set(config.DEFAULTS)
    assert parsed.streams["work"].url.startswith("sqlite:")
    assert parsed.holdings.symbols == ("AAPL", "ENI.MI", "VOD.L")
    assert [alert.when for alert in parsed.alerts] == ["AAPL > 250", "BTC-USD moves 1% in 5m"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[defaults]\nevery = 15\n", "config.toml:2: defaults.every: expected a text"),
        (
            "[defaults]\n\nevery = 'soon'\n",
            "config.toml:3: defaults.every: 'soon' is not a duration",
        ),
        ("[defaults]\ntz = 'Mars/Base'\n", "config.toml:2: defaults.tz: 'Mars/Base' is not a time"),
        ("[defaults]\ntz = '../../etc/passwd'\n", "is not a time zone"),
        ("[default]\n", 'config.toml:1: unknown key "default". Did you mean "defaults"?'),
        ("[defaults]\nevry = '5s'\n", 'defaults: unknown key "evry". Did you mean "every"?'),
        ("[watchlists]\na = 'AAPL'\n", "config.toml:2: watchlists.a: expected a list"),
        ('[watchlists]\na = [\n  "AAPL",\n  "",\n]\n', "config.toml:4: watchlists.a[1]: empty"),
        ("[watchlists]\na = [1]\n", "watchlists.a[0]: not a text"),
        ("watchlists = 3\n", "config.toml:1: watchlists: expected a table"),
        ("[streams]\nwork = 3\n", "config.toml:2: streams.work: expected a URL"),
        ("[streams]\ndemo = 'sqlite:x'\n", "config.toml:2: streams.demo: the name demo is taken"),
        ("[streams]\n\na = {}\n", "config.toml:3: streams.a: expected a URL"),
        ("[streams]\na = { url = 3 }\n", "config.toml:2: streams.a.url: expected a URL"),
        ("columns = 3\n", "config.toml:1: columns: expected a table"),
        ("[columns]\na = 'price'\n", "config.toml:2: columns.a: expected a list"),
        ("[columns]\na = [3]\n", "config.toml:2: columns.a[0]: expected a text"),
        ("[defaults\n", "config.toml:1: "),
        ("a = 1\nb = \n", "config.toml:2: Invalid value"),
        (
            "[defaults]\ncurrency = 'euro'\n",
            "config.toml:2: defaults.currency: 'euro' is not a curr",
        ),
        ("a = 1\na = 2\n", "config.toml:2: Cannot overwrite a value"),
        (f"a = {'9' * 5_000}\n", "config.toml:1: Exceeds the limit"),
    ],
)
def test_a_mistake_is_reported_with_line_and_key(text: str, words: str) -> None:
    with pytest.raises(ConfigError) as mistake:
        config.parse(text, PATH)
    assert words in str(mistake.value)


def test_an_option_beats_the_environment_which_beats_the_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    parsed = config.parse("[defaults]\nsource = 'from-file'\n", PATH)
    monkeypatch.setenv("TICKER_SOURCE", "from-environment")
    assert parsed.setting("source", "from-option").value == "from-option"
    assert parsed.setting("source") == config.Setting("from-environment", "TICKER_SOURCE")
    monkeypatch.delenv("TICKER_SOURCE")
    assert parsed.setting("source") == config.Setting("from-file", config.FROM_FILE)
    assert config.parse("", PATH).setting("source") == config.Setting("yahoo", "default")


def test_symbols_of_a_watchlist_become_upper_case_and_unique() -> None:
    parsed = config.parse("[watchlists]\na = ['aapl', 'AAPL', 'GC=F']\n", PATH)
    assert parsed.watchlist("a") == ("AAPL", "GC=F")


def test_an_unknown_watchlist_names_the_known_ones() -> None:
    with pytest.raises(UsageError, match="There are: default, a"):
        config.parse("[watchlists]\na = ['AAPL']\n", PATH).watchlist("b")


def test_a_missing_file_counts_as_an_empty_one(tmp_path: Path) -> None:
    loaded = config.load(tmp_path / "none.toml")
    assert not loaded.found
    assert loaded.watchlist("default") == config.DEFAULT_WATCHLIST


def test_a_file_named_by_the_environment_must_exist(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TICKER_CONFIG", str(tmp_path / "none.toml"))
    with pytest.raises(ConfigError, match="TICKER_CONFIG names it"):
        config.load()


def test_a_file_that_is_not_text_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(b"[defaults]\n\xff")
    with pytest.raises(ConfigError, match=r"config.toml:2: is not UTF-8"):
        config.load(path)


SAFE = """
[streams]
plain = "kafka://a:9092"
safe = { url = "kafka://b:9093/t", security = "SASL_SSL", mechanism = "PLAIN", user = "ann" }

[streams.long]
url = "kafka://c"
security = "SASL_SSL"
mechanism = "SCRAM-SHA-256"
user = "bob"
password_file = "secrets/bob"
ca = "~/ca.pem"
certificate = "/etc/c.pem"
key = "/etc/c.key"
"""


@pytest.fixture
def no_variables(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for variable in named_streams.KAFKA_VARIABLES.values():
        monkeypatch.delenv(variable, raising=False)
    return monkeypatch


@pytest.mark.usefixtures("no_variables")
def test_a_stream_is_a_url_or_a_table_with_its_security() -> None:
    parsed = config.parse(SAFE, Path("/etc/ticker/config.toml"))
    assert [stream.url for stream in parsed.streams.values()] == [
        *("kafka://a:9092", "kafka://b:9093/t", "kafka://c")
    ]
    assert parsed.security("plain") is None
    assert parsed.security("safe") == Security(security="SASL_SSL", mechanism="PLAIN", user="ann")
    assert parsed.security("long") == Security(
        security="SASL_SSL",
        mechanism="SCRAM-SHA-256",
        user="bob",
        password_file="/etc/ticker/secrets/bob",
        ca="~/ca.pem",
        certificate="/etc/c.pem",
        key="/etc/c.key",
    )


def test_the_environment_beats_the_table_and_serves_urls(
    no_variables: pytest.MonkeyPatch,
) -> None:
    parsed = config.parse(SAFE, PATH)
    no_variables.setenv("TICKER_KAFKA_PASSWORD", "hunter2")
    safe = parsed.security("safe")
    assert safe is not None
    assert (safe.user, safe.password) == ("ann", "hunter2")
    no_variables.setenv("TICKER_KAFKA_SECURITY", "SASL_PLAINTEXT")
    no_variables.setenv("TICKER_KAFKA_MECHANISM", "SCRAM-SHA-512")
    no_variables.setenv("TICKER_KAFKA_USER", "eve")
    wanted = Security(
        security="SASL_PLAINTEXT", mechanism="SCRAM-SHA-512", user="eve", password="hunter2"
    )
    assert (
        named_streams.security_with_environment({})
        == parsed.security("plain")
        == parsed.security("safe")
        == wanted
    )


def test_a_mistake_in_the_environment_names_the_variable(
    no_variables: pytest.MonkeyPatch,
) -> None:
    parsed = config.parse(SAFE, PATH)
    no_variables.setenv("TICKER_KAFKA_SECURITY", "TLS")
    with pytest.raises(ConfigError, match=r"^TICKER_KAFKA_SECURITY: there is no 'TLS'"):
        named_streams.security_with_environment({})
    no_variables.setenv("TICKER_KAFKA_SECURITY", "SSL")
    with pytest.raises(ConfigError, match=r"^config.toml:4: streams.safe.mechanism: needs sec"):
        parsed.security("safe")


def test_a_streams_table_sets_how_its_topics_are_created() -> None:
    table = 'url = "kafka://b", partitions = 6, replication = 3, keep_for = "30d"'
    parsed = config.parse(f"[streams]\na = {{ {table} }}\n", PATH).streams["a"]
    assert parsed.topics == named_streams.TopicSettings(
        partitions=6, replication=3, keep_for=30 * DAY
    )
    kept = config.parse('[streams]\na = { url = "kafka://b", keep_for = "forever" }\n', PATH)
    assert kept.streams["a"].topics == named_streams.TopicSettings(keep_for=-1)


@pytest.mark.parametrize(
    ("rest", "words"),
    [
        ('securty = "SSL"', 'safe: unknown key "securty". Did you mean "security"?'),
        ('security = "TLS"', "safe.security: there is no 'TLS'"),
        ("security = 1", "safe.security: expected a text in quotes"),
        ('ca = ""', "safe.ca: expected a text in quotes"),
        ('mechanism = "PLAIN"', "safe.mechanism: needs security SASL_SSL or SASL_PLAINTEXT"),
        ('security = "SASL_SSL"', "safe.security: SASL_SSL needs a mechanism"),
        ('security = "SSL", certificate = "c"', "safe.certificate: needs its key"),
        ('ca = "c"', "safe.ca: needs security SSL or SASL_SSL"),
        ("partitions = 0", "safe.partitions: expected a number from 1 to 1,000"),
        ("replication = true", "safe.replication: expected a number from 1 to 100"),
        ('keep_for = "0s"', 'safe.keep_for: expected "30d", "12h" or "forever"'),
        ('password = "hunter2"', "safe.password: no password belongs here: put it into a file"),
    ],
)
def test_a_mistake_in_a_streams_table_is_reported_with_line_and_key(rest: str, words: str) -> None:
    with pytest.raises(ConfigError) as mistake:
        config.parse(f'[streams]\n\nsafe = {{ url = "kafka://b", {rest} }}\n', PATH)
    assert f"config.toml:3: streams.{words}" in str(mistake.value)
    assert "hunter2" not in str(mistake.value)


def test_security_is_for_kafka_only() -> None:
    with pytest.raises(ConfigError, match=r"streams.a.ca: is for streams whose URL begins with"):
        config.parse('[streams]\na = { url = "sqlite:x", ca = "y" }\n', PATH)


def test_a_password_in_the_url_of_a_stream_is_refused_and_not_repeated() -> None:
    with pytest.raises(
        ConfigError, match=r"config.toml:2: streams.a: kafka://…@b: a URL cannot hold a user"
    ) as it:
        config.parse('[streams]\na = "kafka://ann:hunter2@b"\n', PATH)
    assert "hunter2" not in str(it.value)
