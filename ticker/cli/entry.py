"""`main()`: the words of a command line → an exit code. No traceback ever reaches a user."""

from __future__ import annotations

import errno
import logging
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Annotated, Any, NoReturn

import typer

from ticker import __version__
from ticker.cli.completing import COMPLETING, print_or_install
from ticker.cli.failing import CANNOT_WRITE, DONE, UNEXPECTED, WRONG_USAGE, explain
from ticker.cli.help import hide_types
from ticker.cli.routing import route
from ticker.cli.settings import Settings
from ticker.cli.standard import ClosedPipe, let_go, mend_standard_streams, tell
from ticker.errors import TickerError
from ticker.system_clock import now

app = typer.Typer(
    name="ticker",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="A poller turns quotes into ticks on a stream; anything may subscribe.\n\n"
    "[dim]ticker AAPL GC=F is short for ticker run AAPL GC=F. ticker help COMMAND explains a "
    "command. Without a network: ticker demo[/]",
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"ticker {__version__}")
        raise typer.Exit


@app.callback()
def _ticker(
    version: Annotated[
        bool,
        typer.Option(
            "--version", "-V", callback=_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """See the app's own help."""


def main(words: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit. `words` default to those of this process."""
    mend_standard_streams()
    code = _main(list(sys.argv[1:] if words is None else words))
    let_go()
    sys.exit(code)


def make_command() -> Any:
    """All commands, as typer runs them."""
    from ticker.cli import (
        compare,
        config,
        demo,
        exchange,
        forward,
        import_,
        poll,
        quote,
        record,
        replay,
        status,
        tail,
        watch,
    )

    rooms = (
        watch,
        demo,
        quote,
        replay,
        poll,
        tail,
        forward,
        status,
        record,
        import_,
        config,
        exchange,
        compare,
    )
    for room in rooms:
        room.register(app)
    command = typer.main.get_command(app)
    hide_types(command)
    return command


def _main(words: list[str]) -> int:
    command = make_command()
    names = [info.name for info in app.registered_commands if info.name]
    on_terminal = sys.stdin.isatty() and sys.stdout.isatty()
    try:
        if COMPLETING in os.environ:  # the shell asks for completions
            routed = list(words)
        elif (done := print_or_install(words)) is not None:
            return done
        else:
            routed = route(words, names, on_terminal=on_terminal)
        code = _invoke(command.main, routed)
    except TickerError as error:
        _log(error)
        zone = None
        with suppress(TickerError):  # the zone is only for a time in the text
            zone = Settings().zone(None)
        text, code = explain(error, zone=zone, now=now())
        tell(text)
        return code
    except ClosedPipe:
        return DONE
    except KeyboardInterrupt:
        return 130
    except Exception as error:  # noqa: BLE001  (the last door: nothing passes it as a traceback)
        _log(error)
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:  # a help text, say
            tell(f"Cannot write: {error.strerror}. Free some space")
            return CANNOT_WRITE
        tell(
            f"Unexpected: {type(error).__name__}: {error}\n"
            "This is a mistake of ticker's. Please report it with the traceback, which "
            "-v leaves in ticker.log (ticker config tells where)."
        )
        return UNEXPECTED
    return WRONG_USAGE if routed == ["--help"] and not words else code


def _invoke(command: Callable[..., Any], words: list[str]) -> int:
    """Typer's own end is a `SystemExit`; a command's value is its exit code."""
    try:
        result = command(args=words, prog_name="ticker", standalone_mode=True)
    except SystemExit as leaving:
        if isinstance(leaving.__context__, BrokenPipeError):  # typer's own end for `--help | true`
            return DONE
        return leaving.code if isinstance(leaving.code, int) else UNEXPECTED
    return result if isinstance(result, int) else DONE


def _log(error: BaseException) -> None:
    logging.getLogger("ticker").debug("%s: %s", type(error).__name__, error, exc_info=error)
