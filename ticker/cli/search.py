"""`search`: prints what the source's symbol search finds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ticker.cli import options
from ticker.cli.diagnostics import set_up_logging
from ticker.cli.exit_codes import DONE, NO_DATA
from ticker.cli.printing import format_or_default, rows_text
from ticker.cli.settings import Settings
from ticker.cli.signals import run
from ticker.cli.standard_streams import Output, tell
from ticker.escape import escape
from ticker.source_titles import source_title
from ticker.sources import Found, open_source

if TYPE_CHECKING:
    from ticker.tables import Table


def search(
    words: Annotated[
        list[str], typer.Argument(metavar="WORDS", help="Words of a name, or part of a symbol.")
    ],
    source: options.SourceUrl = None,
    form: options.TableFormat = None,
    most: Annotated[
        int, typer.Option("--count", metavar="N", min=1, max=50, help="Print at most N.")
    ] = 10,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Find Yahoo's symbols by words of their names."""
    set_up_logging(quiet=quiet, verbose=verbose)
    asked = open_source(Settings().source(source))
    wished = " ".join(words)
    found: list[Found] = []

    async def ask() -> int:
        async with asked:
            found.extend(await asked.search(wished, most))
        return DONE

    code = run(ask())
    if code != DONE:
        raise typer.Exit(code)

    def table() -> Table:
        from ticker.tables import words_table

        rows = [(each.symbol, each.name, each.kind, each.exchange) for each in found]
        return words_table(("Symbol", "Name", "Kind", "Exchange"), rows)

    columns = Found.__struct_fields__
    Output().write(rows_text(found, columns, format_or_default(form), table))
    if not found:
        title = source_title(asked.name, first=True)
        tell(f"{title} finds nothing for {escape(wished)}. Try fewer words, or a part of a name")
    raise typer.Exit(DONE if found else NO_DATA)
