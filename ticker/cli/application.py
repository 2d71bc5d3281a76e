"""Makes the typer application: the called command in full, only the summaries of the others."""

from __future__ import annotations

from collections.abc import Callable, Collection
from importlib import import_module
from keyword import iskeyword
from typing import Annotated, Any

import typer

from ticker import __version__
from ticker.cli.commands import COMMANDS, Command


def make_command(called: Collection[str] = tuple(COMMANDS)) -> Any:
    """Return the top command and all below it. Only those `called` are imported and can run."""
    app = typer.Typer(
        name="ticker",
        rich_markup_mode="rich",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_ticker)
    for each in COMMANDS.values():
        run, epilog = (_function(each), each.example) if each.name in called else (_not, "")
        app.command(
            each.name,
            help=None if epilog else each.help,
            epilog=f"Example: {epilog}" if epilog else None,
        )(run)
    return typer.main.get_command(app)


def _function(command: Command) -> Callable[..., None]:
    name = f"{command.name}_" if iskeyword(command.name) else command.name
    found: Callable[..., None] = getattr(import_module(f"ticker.cli.{name}"), name)
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
    """Print the overview (`help_overview.py`) or run a command."""
