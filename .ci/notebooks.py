"""Runs the notebooks, or writes them: `.ci/notebooks.py [write [NUMBER…]]`.

A notebook is a script (`notebooks/NAME.py`, cells marked by `# %%`) and beside it the same cells
with their outputs (`notebooks/NAME.ipynb`), for readers on a code-hosting site. Without a word:
checks that both have the same cells and that no output names a place on a machine, then executes
copies in fresh kernels. With `write`: executes the scripts and writes the notebooks, all of them or
those with these numbers.
"""

from __future__ import annotations

import re
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).parent.parent / "notebooks"
PATIENCE = 180  # seconds for one cell
MACHINE = re.compile(r"/(?:home|root|tmp|work|Users|var)/")


def of_script(script: Path) -> Any:
    """The cells of a script, with ids that come from their place."""
    book = jupytext.read(script)
    book.nbformat, book.nbformat_minor = 4, 5
    book.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for place, cell in enumerate(book.cells):
        cell["id"] = f"cell-{place:02}"
        cell["metadata"] = {}
    return book


def execute(book: Any) -> None:
    """In a fresh kernel and an empty folder: a notebook needs no file beside it."""
    with tempfile.TemporaryDirectory() as folder:
        NotebookClient(
            book,
            timeout=PATIENCE,
            kernel_name="python3",
            record_timing=False,
            coalesce_streams=True,  # how output is cut into pieces is chance
            resources={"metadata": {"path": folder}},
        ).execute()
    book.metadata["language_info"] = {"name": "python"}  # the kernel adds its version


def cells(book: Any) -> list[tuple[str, str, str]]:
    return [(cell["id"], cell["cell_type"], cell["source"]) for cell in book.cells]


def check(script: Path, written: Path) -> None:
    book = nbformat.read(written, as_version=4)
    nbformat.validate(book)
    if cells(book) != cells(of_script(script)):
        raise SystemExit(f"{written.name} has other cells: python .ci/notebooks.py write")
    for cell in book.cells:
        for output in cell.get("outputs", ()):
            if output["output_type"] == "error":
                raise SystemExit(f"{written.name}: {cell['id']} ended with {output['ename']}")
            if found := MACHINE.search(str(output)):
                raise SystemExit(f"{written.name}: {cell['id']} shows a path: {found[0]}…")


def main() -> None:
    writes, numbers = sys.argv[1:2] == ["write"], sys.argv[2:]
    scripts = sorted(FOLDER.glob("*.py"))
    if {path.stem for path in scripts} != {path.stem for path in FOLDER.glob("*.ipynb")}:
        print("a script without its notebook, or the reverse")
        if not writes:
            raise SystemExit(1)
    for script in scripts:
        if numbers and script.stem.partition("-")[0] not in numbers:
            continue
        begin, written = time.monotonic(), script.with_suffix(".ipynb")
        book = of_script(script)
        if writes:
            execute(book)
            nbformat.write(book, written)
        check(script, written)
        if not writes:
            execute(book)
        print(
            f"{script.stem}: {len(book.cells)} cells, {time.monotonic() - begin:.0f} s", flush=True
        )


if __name__ == "__main__":
    main()
