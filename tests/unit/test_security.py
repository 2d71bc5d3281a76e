"""A stream's security settings are checked when they are made, and never show a secret."""

from __future__ import annotations

import pytest

from ticker.address import refuse_password, without_password
from ticker.errors import UsageError
from ticker.security import InvalidSecurity, Security

SAID = {"security": "SASL_SSL", "mechanism": "PLAIN", "user": "ann"}


@pytest.mark.parametrize(
    ("said", "key", "words"),
    [
        ({"security": "TLS"}, "security", "There are: PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL"),
        ({"security": "sasl-ssl"}, "security", 'Did you mean "SASL_SSL"?'),
        ({"mechanism": "PLAIN"}, "mechanism", "needs security SASL_SSL or SASL_PLAINTEXT"),
        ({"security": "SSL", "user": "ann"}, "user", "needs security SASL_SSL; it is SSL here"),
        ({"password_file": "p"}, "password_file", "needs security SASL_SSL"),
        ({"security": "SASL_SSL", "user": "ann"}, "security", "needs a mechanism: PLAIN, SCRAM"),
        ({"security": "SASL_SSL", "mechanism": "PLAIN"}, "security", "needs a user"),
        ({**SAID, "mechanism": "SCRAM-SHA-1"}, "mechanism", "Did you mean"),
        ({**SAID, "mechanism": "GSSAPI"}, "mechanism", "there is no 'GSSAPI'. There are: PLAIN,"),
        ({"ca": "ca.pem"}, "ca", "needs security SSL or SASL_SSL; it is PLAINTEXT here"),
        ({**SAID, "security": "SASL_PLAINTEXT", "ca": "c"}, "ca", "needs security SASL_SSL"),
        ({"security": "SSL", "certificate": "c"}, "certificate", "needs its key"),
        ({"security": "SSL", "key": "k"}, "key", "needs its certificate"),
    ],
)
def test_settings_that_cannot_work_are_refused_with_their_key(
    said: dict[str, str], key: str, words: str
) -> None:
    with pytest.raises(InvalidSecurity) as caught:
        Security(**said)
    assert caught.value.key == key
    assert words in caught.value.problem


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"password": "for another stream"},
        {"security": "SSL"},
        {"security": "SSL", "ca": "ca", "certificate": "c", "key": "c"},
        {**SAID, "security": "SASL_PLAINTEXT"},
        {**SAID, "ca": "ca", "certificate": "c", "key": "k", "password_file": "p"},
    ],
)
def test_compatible_settings_may_be_combined(said: dict[str, str]) -> None:
    assert Security(**said) == Security(**said)


def test_the_security_settings_never_show_the_password() -> None:
    security = Security(**SAID, password="hunter2")
    for shown in (repr(security), str(security), str(security.__rich_repr__()), security.words):
        assert "hunter2" not in shown
    assert "password='…'" in repr(security)
    assert security.words == "SASL_SSL, PLAIN, user ann"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("kafka://ann:hunter2@host:9092/ticks", "kafka://…@host:9092/ticks"),
        ("kafka:ann:hunter2@host", "kafka:…@host"),
        ("kafka://ann:1/hunter2@host", "kafka://…@host"),
        ("kafka://ann:hunter2@a,bob:hunter2@b", "kafka://…@b"),
        ("kafka://ann:hunter2\n@host", "kafka://…@host"),
        ("https://ann:hunter2@host", "https://…@host"),
        ("ann:hunter2@host/a.parquet", "ann:…@host/a.parquet"),
    ],
)
def test_a_password_in_a_url_is_refused_and_not_repeated(url: str, shown: str) -> None:
    assert without_password(url) == shown
    with pytest.raises(UsageError, match=r"TICKER_KAFKA_PASSWORD") as caught:
        refuse_password(url)
    assert "hunter2" not in repr(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "url", ["sqlite:/home/ann@work/a.sqlite", "./a@b", "dir/a@b.parquet", "kafka://host/t"]
)
def test_paths_may_hold_any_letter(url: str) -> None:
    assert without_password(url) == url
    refuse_password(url)
