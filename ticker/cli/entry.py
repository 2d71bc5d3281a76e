"""`main()` runs a command line and exits with its code. A user never sees a traceback."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import NoReturn

from ticker.cli.commands import COMMANDS, COMPLETING
from ticker.cli.exit_codes import CANNOT_WRITE, DONE, INTERRUPTED, UNEXPECTED, WRONG_USAGE
from ticker.cli.routing import route
from ticker.cli.standard_streams import (
    ClosedPipe,
    Output,
    let_go,
    mend_standard_streams,
    tell,
    terminal_width,
    wants_colour,
)
from ticker.errors import TickerError

_COMPLETED = ("_TYPER_COMPLETE_ARGS", "COMP_WORDS")
"""The environment variables that hold the line to complete: each shell uses one of them."""


def main(words: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit. `words` default to those of this process."""
    mend_standard_streams()
    code = _main(list(sys.argv[1:] if words is None else words))
    let_go()
    sys.exit(code)


def _main(words: list[str]) -> int:
    on_terminal = sys.stdin.isatty() and sys.stdout.isatty()
    try:
        if COMPLETING in os.environ:  # the shell asks for completions
            return _invoke(words, _completed())
        if words and words[0].endswith("-completion"):
            from ticker.cli.completion import print_or_install

            if (done := print_or_install(words)) is not None:
                return done
        routed = route(words, list(COMMANDS), on_terminal=on_terminal)
        if routed[0] in {"--help", "-h"}:
            from ticker.cli.help_overview import overview

            width, colour = terminal_width(), wants_colour()
            Output().write(overview(width=width, colour=colour))
            return DONE if words else WRONG_USAGE
        return _invoke(routed, routed[0])
    except TickerError as error:
        from ticker.cli.error_advice import explain
        from ticker.cli.settings import Settings
        from ticker.system_clock import now

        _log(error)
        zone = None
        with suppress(TickerError):  # the zone is needed only for a time in the text
            zone = Settings().zone(None)
        text, code = explain(error, zone=zone, now=now())
        tell(text)
        return code
    except ClosedPipe:
        return DONE
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001  (the last handler: users see no traceback)
        _log(error)
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:  # e.g. printing help
            tell(f"Cannot write: {error.strerror}. Free some space")
            return CANNOT_WRITE
        tell(
            f"Unexpected: {type(error).__name__}: {error}\n"
            "This is a bug in ticker. Please report it with the traceback, which -v writes to "
            "ticker.log (ticker config prints its path)."
        )
        return UNEXPECTED


def _completed() -> str:
    """Return the command of the line to complete; empty while the user still types the command."""
    line = next((os.environ[name] for name in _COMPLETED if name in os.environ), "")
    _, name, *rest = [*line.split(), "", ""][:3]
    return name if rest != [""] or line.endswith(" ") else ""


def _invoke(words: list[str], command: str) -> int:
    """Run `words`, whose command is `command`. Returns the exit code.

    A `SystemExit` that typer raises becomes an exit code too.
    """
    from ticker.cli.application import make_command

    try:
        main = make_command({command}).main
        result = main(args=words, prog_name="ticker", standalone_mode=True)
    except SystemExit as leaving:
        if isinstance(leaving.__context__, BrokenPipeError):  # `--help | true`: typer raises it
            return DONE
        return leaving.code if isinstance(leaving.code, int) else UNEXPECTED
    return result if isinstance(result, int) else DONE


def _log(error: BaseException) -> None:
    import logging

    logging.getLogger("ticker").debug("%s: %s", type(error).__name__, error, exc_info=error)
