"""Help texts: typer's, without the parts that only programmers need."""

from __future__ import annotations

from typing import Any

import typer


def hide_types(command: Any, parent: typer.Context | None = None) -> None:
    """Print `--once` without `<bool>`, and `SYMBOL` without `<list[str]>`, in all help texts."""
    context = typer.Context(command, parent=parent, **command.context_settings)
    for parameter in command.get_params(context):
        if parameter.param_type_name == "argument":
            parameter.display_type_rich = _nothing
        elif parameter.is_flag and parameter.metavar is None:
            parameter.metavar = ""
    for each in getattr(command, "commands", {}).values():
        hide_types(each, context)


def _nothing(ctx: typer.Context) -> str | None:  # noqa: ARG001  (as typer calls it)
    return None
