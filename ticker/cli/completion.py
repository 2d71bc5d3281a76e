"""Shell completion: installs it, and finds the possible words of options and arguments.

If the configuration has a mistake, its words are left out without a message.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from ticker.address import Backend, backend_of, written_path
from ticker.cli.commands import COMPLETING
from ticker.cli.exit_codes import CANNOT_WRITE, DONE, Failed
from ticker.errors import TickerError, UsageError

SHELLS: Final = ("bash", "zsh", "fish")

_BASH: Final = """\
%(complete_func)s() {
    local line="${COMP_LINE:0:COMP_POINT}" IFS=' 	' words last taken
    words=($line)
    [[ $line == *' ' ]] && words+=('')
    last="${words[${#words[@]}-1]}"
    taken="${last%%"${last##*[:=]}"}"
    IFS=$'\n'
    COMPREPLY=( $( env COMP_WORDS="$line" COMP_CWORD=$((${#words[@]} - 1)) \\
                   %(autocomplete_var)s=complete_bash $1 ) )
    COMPREPLY=( "${COMPREPLY[@]#"$taken"}" )
    return 0
}

complete -o default -F %(complete_func)s %(prog_name)s
"""
"""The script for bash; `%%` stands for `%`."""
_SHOW: Final = "--show-completion"
_SOURCES: Final = (
    "yahoo", "yahoo-live", "exchange", "exchange-live", "yahoo+http://", "yahoo-live+ws://",
)  # fmt: skip
_STREAMS: Final = ("demo", "sqlite:", "kafka://localhost:9092")


def print_or_install(words: Sequence[str]) -> int | None:
    """Run `--install-completion SHELL` or `--show-completion SHELL`, and return the exit code.

    Returns `None` for other words, and without SHELL: then typer detects the shell.
    """
    match words:
        case [("--install-completion" | "--show-completion") as what, shell]:
            pass
        case _:
            return None
    if shell not in SHELLS:
        raise UsageError(f"Cannot complete for {shell!r}: {what} takes bash, zsh or fish")
    from typer import _completion_shared as typers

    # Typer's own script for bash loses words with = or :, because bash splits words there.
    typers._completion_scripts["bash"] = _BASH  # noqa: SLF001  (typer has no public way)

    script = typers.get_completion_script(prog_name="ticker", complete_var=COMPLETING, shell=shell)
    if what == _SHOW:
        print(script)  # noqa: T201  (standard output is for this)
        return DONE
    try:
        if shell == "fish":
            path = _install_for_fish(script)
        else:
            _, path = typers.install(shell=shell, prog_name="ticker", complete_var=COMPLETING)
    except (OSError, RuntimeError) as error:  # a full disk; no home directory
        words = f"Completion cannot be installed: {error}. Copy it: ticker {_SHOW} {shell}"
        raise Failed(words, CANNOT_WRITE) from None
    print(f"Completion for {shell} is in {path}. Open a new terminal to use it")  # noqa: T201
    return DONE


def _install_for_fish(script: str) -> Path:
    """Write `script` where fish looks for it (typer knows only `~/.config`). Returns its path."""
    home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    path = Path(home) / "fish" / "completions" / "ticker.fish"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(script + "\n", encoding="utf-8")
    return path


def streams(incomplete: str) -> list[str]:
    """Complete `--stream`: URLs, configured names, and the paths of recordings and logs."""
    words = [*_STREAMS]
    with suppress(TickerError):
        from ticker.config.reading import load

        words += load().streams
    if backend_of(incomplete) is Backend.SQLITE:
        path = written_path(incomplete)
        words += [incomplete.removesuffix(path) + each for each in _paths(path)]
    elif ":" not in incomplete:
        words += _paths(incomplete)
    return _beginning(incomplete, words)


def sources(incomplete: str) -> list[str]:
    """Complete `--source`."""
    return _beginning(incomplete, _SOURCES)


def faults(incomplete: str) -> list[str]:
    """Complete `--fault`."""
    from ticker.exchange.faults import Fault

    return _beginning(incomplete, list(Fault))


def watchlists(incomplete: str) -> list[str]:
    """Complete the name of a watchlist, also after a comma."""
    names = ["default"]
    with suppress(TickerError):
        from ticker.config.reading import load

        names += load().watchlists
    named, comma, _ = incomplete.rpartition(",")
    return _beginning(incomplete, [named + comma + name for name in names])


def symbols(incomplete: str) -> list[str]:
    """Complete a symbol of any watchlist."""
    from ticker.config.reading import DEFAULT_WATCHLIST, load

    words = [*DEFAULT_WATCHLIST]
    with suppress(TickerError):
        words += [symbol for listed in load().watchlists.values() for symbol in listed]
    if incomplete.islower():  # shells accept only words that begin with the typed text
        words = [word.lower() for word in words]
    return _beginning(incomplete, words)


def streams_and_symbols(incomplete: str) -> list[str]:
    """Complete a word that may be a stream or a symbol."""
    return [*streams(incomplete), *symbols(incomplete)]


def zones(incomplete: str) -> list[str]:
    """Complete the name of a time zone."""
    from zoneinfo import available_timezones

    return _beginning(incomplete, sorted(available_timezones()))


def _beginning(incomplete: str, words: Sequence[str]) -> list[str]:
    return [word for word in dict.fromkeys(words) if word.startswith(incomplete)]


def _paths(incomplete: str) -> Iterator[str]:
    """Yield the folders, logs and recordings whose path begins with `incomplete`."""
    folder, name = os.path.split(incomplete)
    with suppress(OSError, RuntimeError):
        for path in sorted(Path(folder or ".").expanduser().iterdir()):
            if not path.name.startswith(name) or path.name.startswith(".") > name.startswith("."):
                continue
            word = os.path.join(folder, path.name)  # noqa: PTH118  (as it was typed)
            if path.is_dir():
                yield f"{word}/"
            elif path.suffix in (".sqlite", ".parquet"):
                yield word
