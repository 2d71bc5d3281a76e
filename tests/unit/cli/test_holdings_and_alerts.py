from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ticker.cli.holdings_and_alerts import lists_of, portfolio_of, watched
from ticker.cli.options import Format
from ticker.cli.quote_columns import Owned, parse_columns, printed
from ticker.cli.settings import Settings
from ticker.config import reading as config
from ticker.errors import ConfigError, UsageError
from ticker.records import Quote

NOW = 1_795_447_805_000_000
MakeStream = Callable[..., Any]
TEXT = """
[watchlists]
mine = ["MSFT"]
[holdings]
lots = [{ symbol = "AAPL", quantity = 1 }]
[[alerts]]
when = "GC=F > 1"
[[alerts]]
when = "MSFT > 1"
"""


def settings(text: str = TEXT) -> Settings:
    return Settings(config.parse(text, Path("config.toml")))


def test_holdings_get_rows_and_symbols_of_alerts_are_only_read() -> None:
    seen = watched(settings(), (), ("MSFT", "NVDA"))
    assert (seen.rows, seen.beside) == (("MSFT", "NVDA", "AAPL"), ("GC=F",))


def test_only_named_symbols_have_a_row() -> None:
    seen = watched(settings(), ("MSFT",), ("NVDA",))
    assert (seen.rows, seen.beside) == (("MSFT",), ("AAPL", "GC=F"))
    assert watched(settings(), (), None).rows is None


def test_holdings_are_a_list_too() -> None:
    assert lists_of(settings()) == {"holdings": ("AAPL",), "mine": ("MSFT",)}
    assert lists_of(settings("")) == {}


def test_a_meaningless_alert_is_reported_with_its_line() -> None:
    found = settings("[[alerts]]\nwhen = 'A > 1'\n[[alerts]]\n\nwhen = 'A prise > 1'\n")
    words = 'config.toml:5: alerts\\[1\\].when: unknown field "prise"'
    with pytest.raises(ConfigError, match=words):
        found.alerts()
    assert [str(mistake).partition(" unknown")[0] for mistake in found.mistakes()] == [
        "config.toml:5: alerts[1].when:"
    ]


def test_each_mistake_of_chosen_columns_is_reported() -> None:
    found = settings("[columns]\nzzz = ['prise']\ndefault = ['price', 'symbol', 'price']\n")
    told = [str(mistake) for mistake in found.mistakes()]
    assert [" ".join(words.split(":")[1:3]) for words in told] == [
        "2  columns.zzz[0]", "2  columns.zzz", "3  columns.default"
    ]  # fmt: skip


def test_csv_has_all_digits_of_what_is_owned() -> None:
    lots = "[{ symbol = 'BTC-USD', quantity = 0.00001234, price = 50000 }]"
    owned = Owned(portfolio_of(settings(f"[holdings]\nlots = {lots}")))
    quote = Quote("BTC-USD", "yahoo", NOW, NOW, 96_000.0, currency="USD")
    owned.take([quote])
    columns = ("quantity", "value", "cost", "weight")
    text = printed([quote], columns, owned, Format.csv, with_total=True)
    assert text == "quantity,value,cost,weight\n0.00001234,1.18,0.62,100.0000\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("symbol,valu", 'No column "valu". Did you mean "value"?'),
        ("symbol,beta", 'No column "beta". There are: type, symbol'),
        (" , ", "--columns needs names"),
    ],
)
def test_an_unknown_column_is_refused(text: str, words: str) -> None:
    with pytest.raises(UsageError) as error:
        parse_columns(text)
    assert words in str(error.value)
