"""The files of a stream's security are read when it is opened. An unusable one is reported."""

from __future__ import annotations

import asyncio
import logging
import ssl
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from ticker.address import parse_address
from ticker.errors import ConfigError, StreamUnreachable
from ticker.records import Position
from ticker.security import Security
from ticker.streams import open_stream
from ticker.streams.kafka import secured, securing

SECRET = "hunter2"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write valid and invalid files."""
    place = tmp_path_factory.mktemp("security")
    authority = trustme.CA()
    issued, another = (authority.issue_cert(name) for name in ("ann@a.test", "bob@a.test"))
    key = serialization.load_pem_private_key(issued.private_key_pem.bytes(), None)
    locked = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(SECRET.encode()),
    )
    files = {
        "ca.pem": authority.cert_pem.bytes(),
        "ann.pem": issued.cert_chain_pems[0].bytes(),
        "ann.key": issued.private_key_pem.bytes(),
        "both.pem": issued.private_key_and_cert_chain_pem.bytes(),
        "bob.key": another.private_key_pem.bytes(),
        "locked.key": locked,
        "broken.key": b"-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n",
        "text": SECRET.encode(),
        "line": SECRET.encode() + b"\r\n",
        "empty": b"\n",
        "binary": b"\xffhunter2",
    }
    for name, content in files.items():
        (place / name).write_bytes(content)
        (place / name).chmod(0o600)
    return place


def sasl(folder: Path, password_file: str, **other: str) -> Security:
    return Security(
        security="SASL_PLAINTEXT",
        mechanism="PLAIN",
        user="ann",
        password_file=str(folder / password_file),
        **other,
    )


@pytest.mark.parametrize("name", ["text", "line"])
def test_a_password_file_may_end_with_a_line_break(folder: Path, name: str) -> None:
    assert securing.client_options(sasl(folder, name))["sasl_plain_password"] == SECRET


def test_an_explicit_password_wins_and_the_file_is_not_read(folder: Path) -> None:
    options = securing.client_options(sasl(folder, "none", password="said"))
    assert options["sasl_plain_password"] == "said"


def test_a_missing_password_is_reported_with_the_places_to_set_it() -> None:
    with pytest.raises(ConfigError, match=r"user ann: put it into a file.*TICKER_KAFKA_PASSWORD"):
        open_stream(
            "kafka://host",
            security=Security(security="SASL_SSL", mechanism="PLAIN", user="ann"),
        )


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("none", "cannot be read: No such file or directory. Another one: password_file in"),
        (".", "cannot be read: Is a directory"),
        ("empty", "is empty. Write the password into it"),
        ("binary", "is not UTF-8"),
    ],
)
def test_an_unusable_password_file_is_reported(folder: Path, name: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        securing.client_options(sasl(folder, name))
    assert str(caught.value).startswith(f"{folder / name}: password_file: {words}")
    assert SECRET not in repr(caught.value.__cause__) + str(caught.value)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"ca": "none"}, "none: ca: cannot be read: No such file"),
        ({"ca": "ann.key"}, "ann.key: ca: holds no certificates in PEM"),
        ({"certificate": "none", "key": "ann.key"}, "none: certificate: cannot be read"),
        ({"certificate": "ann.key", "key": "ann.key"}, "certificate: holds no certificate in PEM"),
        ({"certificate": "ann.pem", "key": "none"}, "none: key: cannot be read"),
        ({"certificate": "ann.pem", "key": "ann.pem"}, "ann.pem: key: holds no private key"),
        ({"certificate": "ann.pem", "key": "bob.key"}, "bob.key: key: is not the key of"),
        ({"certificate": "ann.pem", "key": "locked.key"}, "locked.key: key: needs a passphrase"),
        ({"certificate": "ann.pem", "key": "broken.key"}, "broken.key: key: cannot be used"),
    ],
)
def test_an_unusable_certificate_or_key_is_reported(
    folder: Path, said: dict[str, str], words: str
) -> None:
    files = {key: str(folder / name) for key, name in said.items()}
    with pytest.raises(ConfigError) as caught:
        securing.client_options(Security(security="SSL", **files))
    assert words in str(caught.value)
    assert "Another one: " in str(caught.value)
    assert SECRET not in str(caught.value)


def test_certificates_and_host_names_are_always_verified(folder: Path) -> None:
    both = str(folder / "both.pem")
    for security in (
        Security(security="SSL"),
        Security(security="SSL", ca=str(folder / "ca.pem"), certificate=both, key=both),
    ):
        context = securing.client_options(security)["ssl_context"]
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.check_hostname


def test_a_password_file_that_others_can_read_is_warned_of_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A command turns this off for its own handlers; another test may have run one.
    monkeypatch.setattr(logging.getLogger("ticker"), "propagate", True)
    path = tmp_path / "open"
    path.write_text(SECRET)
    path.chmod(0o644)
    for _ in range(2):
        securing.client_options(sasl(tmp_path, "open"))
    assert caplog.messages == [
        f"{path}: others may read this password. Make it yours: chmod 600 {path}"
    ]


def test_an_address_never_shows_the_password(folder: Path) -> None:
    address = secured(parse_address("kafka://host/t"), sasl(folder, "text"))
    assert address.options()["sasl_plain_password"] == SECRET
    assert SECRET not in repr(address) + str(address) + str(address.__rich_repr__())


def test_the_next_client_uses_a_changed_password(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("first")
    address = secured(parse_address("kafka://host/t"), sasl(tmp_path, "password"))
    file.write_text("second")
    assert address.options()["sasl_plain_password"] == "second"


def test_the_next_client_uses_changed_certificates(folder: Path, tmp_path: Path) -> None:
    ca, both = tmp_path / "ca.pem", tmp_path / "both.pem"
    ca.write_bytes((folder / "ca.pem").read_bytes())
    both.write_bytes((folder / "both.pem").read_bytes())
    files = {"ca": str(ca), "certificate": str(both), "key": str(both)}
    address = secured(parse_address("kafka://host/t"), Security(security="SSL", **files))
    first = address.options()["ssl_context"]
    assert address.options()["ssl_context"] is first, "30 ms for nothing"
    other = trustme.CA()
    ca.write_bytes(other.cert_pem.bytes())
    both.write_bytes(other.issue_cert("ann@a.test").private_key_and_cert_chain_pem.bytes())
    second = address.options()["ssl_context"]
    assert second.get_ca_certs() != first.get_ca_certs()


def test_a_file_that_vanishes_after_the_start_may_come_back(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(SECRET)
    address = secured(parse_address("kafka://host/t"), sasl(tmp_path, "password"))
    file.unlink()
    with pytest.raises(StreamUnreachable, match="password_file: cannot be read: No such file"):
        address.options()
    file.write_text(SECRET)
    assert address.options()["sasl_plain_password"] == SECRET


async def test_a_reader_waits_for_a_password_file_that_is_being_replaced(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(SECRET)
    async with open_stream("kafka://127.0.0.1:1/t", security=sasl(tmp_path, "password")) as stream:
        file.unlink()
        assert (await stream.health()).state == "unreachable"
        batches = stream.read(Position("0"))
        async with asyncio.timeout(20):
            assert not await anext(batches)
            assert f"{file}: password_file: cannot be read" in str(stream.read_stats().problem)
            file.write_text(SECRET)
            while "connection refused" not in str(stream.read_stats().problem):
                assert not await anext(batches)
