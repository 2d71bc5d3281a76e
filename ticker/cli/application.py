"""The commands as typer runs them: the called one in full, only the summary of the others."""

from __future__ import annotations

from collections.abc import Callable, Collection
from importlib import import_module
from typing import Annotated, Any

import typer

from ticker import __version__
from ticker.cli.commands import COMMANDS, Entry
from ticker.cli.help import hide_types


def make_command(called: Collection[str] = tuple(COMMANDS)) -> Any:
    """The top command with all others below it. Only those `called` are imported and can run."""
    app = typer.Typer(
        name="ticker",
        rich_markup_mode="rich",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_ticker)
    for entry in COMMANDS.values():
        run, epilog = (_function(entry), entry.example) if entry.name in called else (_not, "")
        app.command(
            entry.name,
            help=None if epilog else entry.help,
            rich_help_panel=entry.panel,
            epilog=f"Example: {epilog}" if epilog else None,
        )(run)
    command = typer.main.get_command(app)
    hide_types(command)
    return command


def _function(entry: Entry) -> Callable[..., None]:
    module = import_module(f"ticker.cli.{entry.module}")
    found: Callable[..., None] = getattr(module, entry.name, None) or getattr(module, entry.module)
    return found


def _not() -> None:
    """A placeholder for a command that is not called."""


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"ticker {__version__}")
        raise typer.Exit


def _ticker(
    version: Annotated[
        bool,
        typer.Option(
            "--version", "-V", callback=_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Print the overview (`overview.py`) or run a command."""
