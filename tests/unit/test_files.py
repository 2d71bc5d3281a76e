from __future__ import annotations

import codecs
from pathlib import Path

import pytest

from ticker import files
from ticker.errors import ConfigError, UsageError


def test_links_are_followed_and_other_paths_are_unchanged(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder")
    assert files.real_path(tmp_path / "link" / "log") == (tmp_path / "folder" / "log").resolve()
    assert files.real_path(Path("log.sqlite")) == Path("log.sqlite")


def test_a_dead_link_anywhere_in_a_path_is_named_with_its_target(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("gone")
    words = f"{tmp_path / 'link'} is a link to gone, which is not there"
    assert files.dead_link(tmp_path / "link") == words
    assert files.dead_link(tmp_path / "link" / "config.toml") == words
    assert files.dead_link(tmp_path / "missing") is None


def test_a_link_to_itself_is_a_dead_link(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    assert files.dead_link(tmp_path / "loop") is not None


@pytest.mark.parametrize(
    "data",
    [
        "é".encode(),
        codecs.BOM_UTF8 + "é".encode(),
        codecs.BOM_UTF16_LE + "é".encode("utf-16-le"),
        codecs.BOM_UTF16_BE + "é".encode("utf-16-be"),
    ],
)
def test_text_is_read_with_any_byte_order_mark(data: bytes) -> None:
    assert files.decode_text(data) == "é"


def test_text_that_is_not_unicode_is_refused() -> None:
    with pytest.raises(UnicodeDecodeError):
        files.decode_text("é".encode("latin-1"))


def test_the_home_of_an_unknown_user_is_reported() -> None:
    with pytest.raises(UsageError, match="there is no home directory for ~nobody-here"):
        files.user_path("~nobody-here/log.sqlite")


@pytest.fixture
def homeless(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container with an arbitrary user id: no HOME, and no entry in the user table."""
    for name in ("HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "TICKER_CONFIG"):
        monkeypatch.delenv(name, raising=False)

    def nobody(_: int) -> object:
        raise KeyError

    monkeypatch.setattr("pwd.getpwuid", nobody)


@pytest.mark.usefixtures("homeless")
def test_without_a_home_the_setting_that_helps_is_named() -> None:
    with pytest.raises(ConfigError, match="Set XDG_STATE_HOME"):
        files.state_directory()
    with pytest.raises(ConfigError, match="Set TICKER_CONFIG"):
        files.config_path()


@pytest.mark.usefixtures("homeless")
def test_without_a_home_explicit_paths_are_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/data")
    monkeypatch.setenv("XDG_CONFIG_HOME", "/etc")
    assert files.state_directory() == Path("/data/ticker")
    assert files.config_path() == Path("/etc/ticker/config.toml")
