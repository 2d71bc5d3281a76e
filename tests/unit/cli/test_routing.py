from __future__ import annotations

import pytest

from ticker.cli.routing import route
from ticker.errors import UsageError

COMMANDS = ("run", "watch", "status", "tail", "config", "poll")


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
        (["aapl"], ["run", "aapl"]),
        (["tsla", "gc=f"], ["run", "tsla", "gc=f"]),
        (["coin"], ["run", "coin"]),
        (["aapl,msft"], ["run", "aapl,msft"]),
        (["help"], ["--help"]),
        (["help", "--help"], ["--help"]),
        (["help", "tail"], ["tail", "--help"]),
    ],
)
def test_words_that_look_like_symbols_are_run(words: list[str], routed: list[str]) -> None:
    assert route(words, COMMANDS, on_terminal=True) == routed


def test_no_arguments_mean_run_on_a_terminal_and_help_elsewhere() -> None:
    assert route([], COMMANDS, on_terminal=True) == ["run"]
    assert route([], COMMANDS, on_terminal=False) == ["--help"]


def test_a_mistyped_command_is_refused_with_a_suggestion() -> None:
    with pytest.raises(UsageError, match=r'No command "wacth". Did you mean "watch"\?'):
        route(["wacth"], COMMANDS, on_terminal=True)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["rnu"], 'Did you mean "run"? A symbol? Then: ticker run RNU'),
        (["tial"], 'Did you mean "tail"?'),
        (["hlep"], 'Did you mean "help"?'),
        (["wat-ch"], 'Did you mean "watch"?'),
        (["nonsense"], 'No command "nonsense". All commands: ticker --help'),
        (["help", "stauts"], 'Did you mean "status"?'),
    ],
)
def test_a_word_close_to_a_command_is_no_symbol(words: list[str], told: str) -> None:
    with pytest.raises(UsageError) as mistake:
        route(words, COMMANDS, on_terminal=True)
    assert told in str(mistake.value)
