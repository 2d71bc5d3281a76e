from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

from ticker.cli.application import make_command
from ticker.cli.commands import COMMANDS
from ticker.cli.help_overview import overview


@pytest.mark.parametrize("width", [None, 40, 100])
def test_the_overview_lists_each_command_once_in_panels_of_the_given_width(
    width: int | None,
) -> None:
    text = overview(width=width)
    lines = text.splitlines()
    listed = [line.split()[1] for line in lines if line.startswith("│ ") and line[2] not in " -"]
    assert listed == list(COMMANDS)
    assert {len(line) for line in lines if line.startswith(("│", "╭", "╰"))} == {width or 80}
    assert "\x1b" not in text
    assert "\x1b[1;36mtail" in overview(colour=True)


def test_the_overview_shows_the_first_line_of_each_commands_help() -> None:
    for name, command in make_command().commands.items():
        assert inspect.cleandoc(command.help).partition("\n\n")[0] == COMMANDS[name].help


def test_the_overview_is_printed_without_slow_imports() -> None:
    code = (
        "import sys; from ticker.cli import entry; entry._main(['--help'])\n"
        "slow = {'typer', 'rich', 'asyncio', 'msgspec', 'ticker.cli.tail'} & set(sys.modules)\n"
        "sys.exit(f'{slow} imported' if slow else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_command_imports_no_other_command() -> None:
    code = (
        "import sys; from ticker.cli.application import make_command; make_command({'quote'})\n"
        "sys.exit('ticker.cli.tail' in sys.modules or 'rich' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
