"""`import`: turns tick files from other publishers into a recording."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ticker.cli.diagnostics import set_up_logging
from ticker.cli.exit_codes import CANNOT_WRITE, NO_DATA, Failed
from ticker.cli.options import Quiet, Verbose
from ticker.cli.signals import ended_by_signals
from ticker.cli.standard_streams import tell
from ticker.cli.status_line import StatusLine
from ticker.errors import StreamNotWritable, UsageError
from ticker.figures import count_text
from ticker.system_clock import monotonic
from ticker.times import known_zone
from ticker.units import SECOND

if TYPE_CHECKING:
    from ticker.importing import Progress, Report


Files = Annotated[
    list[str],
    typer.Argument(
        metavar="FILE... OUT",
        help="CSV files (also in gz or zip) or Parquet files; the last word is the recording.",
        show_default=False,
    ),
]
Layout = Annotated[
    str | None,
    typer.Option(
        "--layout",
        metavar="NAME",
        help="The publisher's layout, if the header does not show it: binance, histdata, "
        "dukascopy …; plain for any other.",
    ),
]
Symbol = Annotated[
    str | None, typer.Option("--symbol", metavar="SYMBOL", help="The symbol of all rows.")
]
TimesIn = Annotated[
    str | None,
    typer.Option("--zone", metavar="ZONE", help="Zone of times without one: UTC, Europe/Berlin."),
]
TimeFormat = Annotated[
    str | None,
    typer.Option("--time-format", metavar="FORMAT", help="Like '%d.%m.%Y %H:%M:%S.%f'."),
]
Columns = Annotated[
    str | None,
    typer.Option(
        "--columns",
        metavar="NAMES",
        help="For a file without a header: its columns in order, like time,price,size. "
        "Write - for a column to skip.",
    ),
]
Renamed = Annotated[
    list[str] | None,
    typer.Option(
        "--column",
        metavar="FIELD=NAME",
        help="The column of a field: price=last, time=date+clock. May be repeated.",
    ),
]
DecimalComma = Annotated[
    bool, typer.Option("--decimal-comma", help="Numbers have a decimal comma (2,5).")
]
Strict = Annotated[bool, typer.Option("--strict", help="Stop at the first bad row.")]
Force = Annotated[bool, typer.Option("--force", help="Replace OUT if it exists.")]


def import_(
    files: Files,
    layout: Layout = None,
    symbol: Symbol = None,
    zone: TimesIn = None,
    time_format: TimeFormat = None,
    columns: Columns = None,
    column: Renamed = None,
    decimal_comma: DecimalComma = False,
    strict: Strict = False,
    force: Force = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Turn other publishers' tick files (CSV, CSV in gz or zip, Parquet) into a recording."""
    from ticker.importing import Options, import_files

    set_up_logging(quiet=quiet, verbose=verbose)
    named, out = _paths(files)
    options = Options(
        layout=layout,
        symbol=symbol.strip().upper() if symbol else None,
        zone=None if zone is None else str(known_zone(zone)),
        time_format=time_format,
        columns=_listed(columns),
        renamed=dict(_renamed(each) for each in column or ()),
        decimal_comma=decimal_comma,
        strict=strict,
    )
    line, began = StatusLine(quiet=quiet), monotonic()

    def say(words: str) -> None:
        line.clear()
        if not quiet:
            tell(words)

    def show(progress: Progress) -> None:
        line.show(progress_words(progress, monotonic() - began), progress.doing)

    try:
        with ended_by_signals():
            report = import_files(
                named,
                out,
                options,
                replace=force,
                on_words=say,
                on_progress=None if quiet or line.plain else show,
            )
    except StreamNotWritable as error:
        advice = "Use --force to replace it" if out.exists() and not force else "Name another place"
        raise Failed(f"{error}. {advice}", CANNOT_WRITE) from error
    finally:
        line.clear()
    _tell_result(report, out, quiet=quiet)


def _paths(words: Sequence[str]) -> tuple[list[Path], Path]:
    """Return the files and the recording that `words` name. Raises `UsageError` and `Failed`."""
    from ticker.address import RECORDING

    if len(words) < 2:  # noqa: PLR2004  (a file and the recording)
        raise UsageError("Name the files, then the recording: ticker import FILE OUT.parquet")
    *named, out = (Path(word).expanduser() for word in words)
    for path in named:
        if not path.exists():
            raise Failed(f"{path}: there is no such file", NO_DATA)
    if out.suffix.lower() != RECORDING:
        stem = out.stem.rpartition(":")[2] or "out"
        raise UsageError(f"{out}: the last word is the recording, like {stem}{RECORDING}")
    if any(path.resolve() == out.resolve() for path in named):
        raise UsageError(f"{out} cannot be imported into itself")
    return named, out


def _tell_result(report: Report, out: Path, *, quiet: bool) -> None:
    """Print what was imported and what was left out. Raises `Failed` if there was no tick."""
    for bad in report.shown:
        tell(f"{bad.file}:{bad.line}: left out, because {bad.reason}")
    if report.bad > len(report.shown):
        tell(f"… and {report.bad - len(report.shown):,} more rows")
    ticks = report.manifest.ticks if report.manifest else 0
    told = f"{count_text(ticks, 'tick')} from {count_text(report.rows, 'row')}"
    left = f", {report.bad:,} left out" if report.bad else ""
    if not ticks:
        raise Failed(f"{told}{left}. Nothing was written", NO_DATA)
    if not quiet:
        unmoved = f", {report.unmoved:,} without a new price" if report.unmoved else ""
        tell(f"{told}{unmoved}{left} · ticker replay {shlex.quote(str(out))}")


def progress_words(progress: Progress, elapsed: int) -> str:
    """Say how far an import is, after `elapsed` µs."""
    words = f"{progress.doing} {progress.done:.0%}"
    if progress.rows:
        words += f" · {count_text(progress.rows, 'row')}"
        if progress.doing.startswith("reading"):
            words += f", {progress.rows / max(1, elapsed) * SECOND:,.0f} a second"
    return words


def _listed(columns: str | None) -> tuple[str, ...]:
    """Split `time,price,-` into names. An unused column gets a name that is never asked for."""
    names = [] if columns is None else [name.strip() for name in columns.split(",")]
    return tuple(f"unused {n}" if name in ("", "-") else name for n, name in enumerate(names))


def _renamed(word: str) -> tuple[str, str]:
    need, equals, name = word.partition("=")
    if not equals or not need or not name:
        raise UsageError(f"--column {word}: expected FIELD=NAME, like price=last")
    return need.strip().lower(), name.strip()
