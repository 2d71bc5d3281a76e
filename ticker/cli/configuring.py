"""`config`: the file's path, each value in force and where it comes from."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from ticker import config as configuration
from ticker.cli.failing import CANNOT_WRITE, DONE, WRONG_CONFIG, Failed
from ticker.cli.options import FILES_PANEL
from ticker.cli.settings import Settings
from ticker.cli.standard import Output, terminal_width, wants_colour
from ticker.security import without_password
from ticker.streams import configured_stream


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command("config", rich_help_panel=FILES_PANEL, epilog="Example: ticker config --check")(
        config
    )


def config(
    init: Annotated[bool, typer.Option("--init", help="Write a file to begin with.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Only say whether the file is good.")
    ] = False,
) -> None:
    """The file's path, each value in force, and where it comes from."""
    path = configuration.config_path()
    out = Output()
    if init:
        out.write(f"{_write_template()}\n")
        raise typer.Exit(DONE)
    settings = Settings(configuration.load(path if path.exists() else None))
    if check:
        settings.check()
        found = settings.config.found
        out.write(f"{path}: good\n" if found else f"{path}: not there; the defaults are in force\n")
        raise typer.Exit(DONE)
    from ticker.output import facts_table, render

    table = facts_table(_facts(settings))
    out.write(render(table, width=terminal_width(), colour=wants_colour()))
    raise typer.Exit(DONE)


def _facts(settings: Settings) -> list[tuple[str, str]]:
    loaded = settings.config
    log = configuration.state_directory() / "ticker.log"
    local = f"sqlite:{configuration.state_directory() / 'stream.sqlite'}"
    facts = [
        ("file", f"{loaded.path}" + ("" if loaded.found else "  (not there; write it: --init)")),
        ("diagnostics", str(log)),
    ]
    for name, default in (
        ("source", "yahoo"),
        ("stream", local),
        ("every", "what the source bears"),
        ("tz", "this machine's"),
        ("sort", "the watchlist's order"),
    ):
        value = loaded.setting(name, default=default)
        told = None if value.value is None else without_password(value.value)
        facts.append((name, f"{told}  ({value.origin})"))
    lists = {"default": configuration.DEFAULT_WATCHLIST, **loaded.watchlists}
    for name, symbols in lists.items():
        origin = loaded.place("watchlists", name) if name in loaded.watchlists else "default"
        facts.append((f"watchlist {name}", f"{' '.join(symbols)}  ({origin})"))
    for name in loaded.streams:
        choice = configured_stream(name, settings.config)
        security = f", {choice.security.words}" if choice.security is not None else ""
        place = loaded.place("streams", name)
        facts.append((f"stream {name}", f"{choice.url}{security}  ({place})"))
    for name, variable in configuration.KAFKA_VARIABLES.items():
        if said := os.environ.get(variable):
            facts.append((variable, "set, and not shown" if name == "password" else said))
    facts += [(f"[{name}]", "not used by this version") for name in loaded.unused]
    return facts


def _write_template() -> str:
    path = configuration.config_path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(configuration.TEMPLATE)
    except FileExistsError:
        raise Failed(f"{path} is there already. Look at it: ticker config", WRONG_CONFIG) from None
    except OSError as error:
        raise Failed(f"{path}: cannot be written: {error.strerror}", CANNOT_WRITE) from None
    return f"{path}: written"
