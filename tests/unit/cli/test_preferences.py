from __future__ import annotations

from pathlib import Path

import pytest

from ticker.board import Sort
from ticker.board.chosen_columns import parse_column
from ticker.cli.preferences import FilePreferences
from ticker.cli.settings import Settings
from ticker.config.reading import load
from ticker.errors import ConfigError, UsageError

FILE = """\
# mine
[defaults]
sort = "-day_change_percent"
[watchlists]
mine = ["AAPL", "GC=F"]  # few
[columns]
default = ["symbol", "price"]
mine = ["symbol", "name:12", "price"]
"""


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(FILE)
    monkeypatch.setenv("TICKER_CONFIG", str(path))
    return path


def test_preferences_come_from_the_file(path: Path) -> None:
    wishes = FilePreferences(Settings(load()), ["mine"])
    assert wishes.symbols == ("AAPL", "GC=F")
    assert [(c.key, c.width) for c in wishes.columns["mine"]] == [
        ("symbol", None), ("name", 12), ("price", None)
    ]  # fmt: skip
    assert wishes.sort == Sort("day_change_percent", reverse=True)
    assert wishes.reload() is None
    assert path.exists()


def test_several_watchlists_are_named_by_commas_and_by_repeated_options(path: Path) -> None:
    path.write_text(
        FILE.replace("[columns]", 'more = ["BTC-USD", "AAPL"]\n"a,b" = ["X"]\n[columns]')
    )
    settings = Settings(load())
    assert settings.watchlists(["more, mine", "a,b", "more"]) == ("more", "mine", "a,b")
    assert settings.symbols(["tsla"], ["mine,more"]) == ("TSLA", "AAPL", "GC=F", "BTC-USD")
    with pytest.raises(UsageError, match="No watchlist 'les'"):
        settings.symbols([], ["mine,les"])
    with pytest.raises(UsageError, match="Symbols are named without -w"):
        settings.symbols([], ["NET,AAPL"])
    wishes = FilePreferences(settings, ["mine", "more"])
    assert (wishes.shown, wishes.symbols) == ("", ("AAPL", "GC=F", "BTC-USD"))
    path.write_text(FILE.replace("[columns]", 'more = ["NVDA"]\n[columns]'))
    wishes.reload()
    assert wishes.symbols == ("AAPL", "GC=F", "NVDA")


def test_holdings_and_alerts_follow_the_file(path: Path) -> None:
    wishes = FilePreferences(Settings(load()), ["default"])
    read: list[Settings] = []
    wishes.on_read = read.append
    path.write_text(FILE + '[holdings]\nlots = [{ symbol = "OWNED", quantity = 1 }]\n')
    assert wishes.reload() == "config.toml was read again"
    assert wishes.symbols[-1] == "OWNED"
    assert [len(each.config.holdings.lots) for each in read] == [1]
    path.write_text(FILE + '[[alerts]]\nwhen = "AAPL prize > 1"\n')
    assert "stay in force" in (wishes.reload() or "")
    assert wishes.symbols[-1] == "OWNED"
    assert len(read) == 1


def test_a_changed_file_is_read_again_and_a_mistake_keeps_the_old_values(path: Path) -> None:
    wishes = FilePreferences(Settings(load()), ["mine"])
    path.write_text(FILE.replace('"GC=F"', '"GC=F", "X"'))
    assert wishes.reload() == "config.toml was read again"
    assert wishes.symbols == ("AAPL", "GC=F", "X")
    path.write_text(FILE.replace('"price"', '"prize"'))
    words = wishes.reload()
    assert words is not None
    assert 'config.toml:7: columns.default[1]: no column "prize". Did you mean "price"?' in words
    assert words.endswith('"price"? The earlier values stay in force')
    assert wishes.symbols == ("AAPL", "GC=F", "X")
    assert wishes.reload() is None
    path.unlink()
    assert "TICKER_CONFIG names it" in (wishes.reload() or "")
    assert wishes.symbols == ("AAPL", "GC=F", "X")


def test_saving_keeps_comments_and_permissions(path: Path) -> None:
    path.chmod(0o640)
    link = path.with_name("link.toml")
    path.rename(link)
    path.symlink_to(link)
    wishes = FilePreferences(Settings(load()), ["mine"])
    words = wishes.save_watchlist("mine", ["AAPL", "GC=F", "X"])
    assert words == f"3 symbols saved as watchlist mine in {path}"
    wishes.save_columns("default", [parse_column("symbol"), parse_column("price:9")])
    assert path.is_symlink()
    assert link.stat().st_mode & 0o777 == 0o640
    assert link.read_text() == FILE.replace('"GC=F"]', '"GC=F", "X"]').replace(
        'default = ["symbol", "price"]', 'default = ["symbol", "price:9"]'
    )
    assert wishes.symbols == ("AAPL", "GC=F", "X")
    assert wishes.reload() is None
    assert [each.name for each in path.parent.iterdir() if each.name.startswith(".")] == []


def test_a_file_with_a_mistake_is_not_overwritten(path: Path) -> None:
    wishes = FilePreferences(Settings(load()), ["mine"])
    path.write_text("[watchlists\n")
    with pytest.raises(ConfigError, match=r"config.toml:1"):
        wishes.save_watchlist("mine", ["X"])
    assert path.read_text() == "[watchlists\n"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[columns]\ndefault = ['price']\n", '2: columns.default: "symbol" is missing'),
        ("[columns]\nother = ['symbol']\n", '2: columns.other: there is no list "other"'),
        ("[columns]\ndefault = [\n'symbol',\n'x']\n", '4: columns.default[1]: no column "x"'),
        ("[defaults]\nsort = 'x'\n", "2: defaults.sort: cannot sort by 'x'"),
    ],
)
def test_each_mistake_is_reported_with_line_and_key(path: Path, text: str, problem: str) -> None:
    path.write_text(text)
    assert [problem in str(mistake) for mistake in Settings(load()).mistakes()] == [True]


def test_a_wrong_default_stream_is_a_mistake_of_the_file(path: Path) -> None:
    path.write_text("[defaults]\nstream = 'nonsense'\n")
    with pytest.raises(ConfigError, match=r"config.toml:2: defaults.stream: No stream named"):
        Settings(load()).stream(None)
    with pytest.raises(UsageError, match="No stream named"):
        Settings(load()).stream("other")
