from __future__ import annotations

import pytest

from ticker.cli.routing import route
from ticker.errors import UsageError

COMMANDS = ("run", "watch", "status", "tail")


@pytest.mark.parametrize(
    ("words", "routed"),
    [
        (["watch", "AAPL"], ["watch", "AAPL"]),
        (["--version"], ["--version"]),
        (["AAPL", "GC=F"], ["run", "AAPL", "GC=F"]),
        (["^gspc"], ["run", "^gspc"]),
        (["eurusd=x"], ["run", "eurusd=x"]),
        (["btc-usd"], ["run", "btc-usd"]),
        (["7203"], ["run", "7203"]),
        (["ocdo.l"], ["run", "ocdo.l"]),
    ],
)
def test_what_looks_like_a_symbol_is_run(words: list[str], routed: list[str]) -> None:
    assert route(words, COMMANDS, on_terminal=True) == routed


def test_nothing_is_run_on_a_terminal_and_help_elsewhere() -> None:
    assert route([], COMMANDS, on_terminal=True) == ["run"]
    assert route([], COMMANDS, on_terminal=False) == ["--help"]


def test_a_mistyped_command_is_told_what_it_may_have_meant() -> None:
    with pytest.raises(UsageError, match=r'No command "wacth". Did you mean "watch"\?'):
        route(["wacth"], COMMANDS, on_terminal=True)


def test_a_symbol_in_lower_case_is_told_how_to_be_run() -> None:
    with pytest.raises(UsageError, match=r'No command "aapl". A symbol\? Then: ticker run AAPL'):
        route(["aapl"], COMMANDS, on_terminal=True)
