"""Finds out what a file is from its beginning: its kind, its first lines, its delimiter.

Unpacks zips into a folder that the caller removes. A file with mixed line ends is copied there with
equal ones. Knows no layout.
"""

from __future__ import annotations

import gzip
import shutil
import tempfile
import zipfile
import zlib
from io import BufferedReader
from pathlib import Path
from typing import Final

import msgspec

from ticker.errors import UsageError

_LOOK: Final = 65_536
_CHUNK: Final = 4_194_304
_DELIMITERS: Final = (",", "\t", ";", "|")
_GZIP: Final = b"\x1f\x8b"
_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06")
"""How a zip begins; the second is a zip without files."""
_PARQUET: Final = b"PAR1"
_OTHER: Final = (("JSON", ('{"', "[{", "[[")), ("a web page", ("<!doctype", "<html")))
"""A kind of text that is not CSV, and its beginnings."""


class Sniffed(msgspec.Struct, frozen=True):
    """What a file looks like."""

    path: Path
    """The path that DuckDB reads: for a member of a zip, the unpacked file."""
    name: str
    """The name that may contain a symbol: for a member of a zip, the member's."""
    is_parquet: bool
    lines: tuple[str, ...] = ()
    """The first lines that are not blank, without line ends and without a byte order mark."""
    delimiter: str = ","
    blank: int = 0
    """The number of blank lines before `lines`."""
    header: bool = False
    """Whether the first line names the columns; set when the layout is known."""


def sniff(path: Path, folder: Path) -> list[Sniffed]:
    """Examine `path`. A zip with several members gives several results. Raises `UsageError`."""
    try:
        with path.open("rb") as file:
            head = file.read(4)
        if head.startswith(_ZIP):
            return [_look(_evened(member, folder), member.name) for member in _unzip(path, folder)]
        if head.startswith(_PARQUET):
            return [Sniffed(path, path.name, is_parquet=True)]
        if head.startswith(_GZIP) and not path.name.endswith(".gz"):
            linked = _own(folder) / f"{path.name}.gz"  # DuckDB recognises a gzip by its name
            linked.symlink_to(path.resolve())
            return [_look(_evened(linked, folder), path.name)]
        return [_look(_evened(path, folder), path.name)]
    except IsADirectoryError:
        raise UsageError(f"{path} is a folder: name its files") from None
    except FileNotFoundError:
        raise UsageError(f"{path}: there is no such file") from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UsageError(f"{path} is not a whole gz file. Is it cut off? Get it again") from error
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from error


def opened(path: Path) -> gzip.GzipFile | BufferedReader:
    """Open a file that `sniff` examined, unpacked."""
    return gzip.open(path) if path.name.endswith(".gz") else path.open("rb")


def _own(folder: Path) -> Path:
    """Make a new folder in `folder`, because unpacked files may have equal names."""
    return Path(tempfile.mkdtemp(dir=folder))


def _unzip(path: Path, folder: Path) -> list[Path]:
    try:
        with zipfile.ZipFile(path) as archive:
            held = [each for each in archive.infolist() if not each.is_dir()]
            members = [each for each in held if each.filename.lower().endswith((".csv", ".txt"))]
            if any(_is_csv(each.filename) for each in members):  # a .txt beside it is a report
                members = [each for each in members if _is_csv(each.filename)]
            found = []
            for each in members:
                # Only the last part of a member's name: an archive must not choose our folders.
                target = _own(folder) / Path(each.filename).name
                with archive.open(each) as packed, target.open("wb") as file:
                    shutil.copyfileobj(packed, file)
                found.append(target)
    except zipfile.BadZipFile as error:
        raise UsageError(f"{path} is not a whole zip file. Is it cut off? Get it again") from error
    except (RuntimeError, NotImplementedError) as error:
        raise UsageError(
            f"{path} cannot be unpacked: {error}. Unpack it yourself, and name its CSV files"
        ) from error
    if not found:
        names = ", ".join(each.filename for each in held[:3]) + (", …" if held[3:] else "")
        raise UsageError(
            f"{path} holds no CSV file (.csv or .txt), but {names:.120}. "
            "If this holds the ticks, save it as CSV or Parquet, and name that file"
            if held
            else f"{path} is an empty zip file"
        )
    return found


def _is_csv(name: str) -> bool:
    return name.lower().endswith(".csv")


def _evened(path: Path, folder: Path) -> Path:
    """Return `path`, or a copy with equal line ends if they are mixed: DuckDB loses rows then."""
    if not _is_mixed(path):
        return path
    copy = _own(folder) / path.name.removesuffix(".gz")
    with opened(path) as file, copy.open("wb") as out:
        out.writelines(line.removesuffix(b"\n").removesuffix(b"\r") + b"\n" for line in file)
    return copy


def _is_mixed(path: Path) -> bool:
    ends = returns = 0
    before = b""
    with opened(path) as file:
        while data := file.read(_CHUNK):
            ends += data.count(b"\n")
            returns += data.count(b"\r\n") + (before == b"\r" and data[:1] == b"\n")
            before = data[-1:]
    return 0 < returns < ends


def _look(path: Path, name: str) -> Sniffed:
    with opened(path) as file:
        data = file.read(_LOOK)
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UsageError(f"{path} is UTF-16. Save it as UTF-8")
    text = data.decode("utf-8-sig", errors="replace")
    kind = "not text" if "\0" in text else None
    for other, begins in _OTHER:
        kind = other if text.lstrip().lower().startswith(begins) else kind
    if kind:
        raise UsageError(
            f"{name} is {kind}. Import takes CSV (also in gz or zip) and Parquet files"
        )
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    whole = lines[:-1] if len(data) == _LOOK else lines
    blank = next((n for n, line in enumerate(whole) if line.strip()), 0)
    told = tuple(line for line in whole if line.strip())
    return Sniffed(path, name, False, told, _delimiter(told), blank)


def _delimiter(lines: tuple[str, ...]) -> str:
    """Return the delimiter whose highest count in a line occurs in the most lines."""
    some = lines[:20]
    if not some:
        return ","

    def score(delimiter: str) -> tuple[int, int]:
        counts = [line.count(delimiter) for line in some]
        most = max(counts)
        return (sum(count == most for count in counts) if most else 0, most)

    return max(_DELIMITERS, key=score)
