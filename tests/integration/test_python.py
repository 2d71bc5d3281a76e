"""What a person does in Python: in a script, and in a notebook, where an event loop is running."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import ticker
from ticker.errors import UsageError
from ticker.exchange import Exchange, Market
from ticker.processes.child import environment

READ = """\
async def read(url):
    async with ticker.open_stream(url) as stream:
        async for batch in stream.read("start", follow=False):
            for tick in batch.ticks:
                return tick.symbol
"""


def run_notebook(*cells: str) -> Sequence[str]:
    """What each cell printed, in a real kernel. A cell that raises fails the test."""
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    nbformat: Any = pytest.importorskip("nbformat")
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbclient.NotebookClient(book, timeout=60, kernel_name="python3").execute()
    return [
        "".join(output.get("text", "") for output in cell.outputs).strip() for cell in book.cells
    ]


@pytest.mark.filterwarnings("default::DeprecationWarning")  # of the notebook's own libraries
@pytest.mark.processes
def test_a_notebook_cell_can_await_a_stream_and_read_a_frame() -> None:
    pytest.importorskip("pandas")
    printed = run_notebook(
        "import pandas, ticker",
        "demo = ticker.demo(['AAPL', 'GC=F'], seed=7)\nurl = demo.__enter__()",
        "async with ticker.open_stream(url) as stream:\n"
        "    frames = [pandas.DataFrame(batch.to_dicts())\n"
        "              async for batch in stream.read('start', follow=False)]\n"
        "frame = pandas.concat(frames)\n"
        "print(sorted(set(frame['symbol'])), frame['price'].dtype)",
        "help(stream.read)",
        "demo.__exit__(None, None, None)",
    )
    assert printed[2] == "['AAPL', 'GC=F'] float64"
    assert "resumes after that batch" in printed[3]


@pytest.mark.processes
def test_a_script_reads_a_stream_with_asyncio() -> None:
    script = (
        "import asyncio, ticker\n"
        f"{READ}"
        "if __name__ == '__main__':\n"
        "    with ticker.demo(['AAPL'], seed=7) as url:\n"
        "        print(asyncio.run(read(url)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        env=environment(),
        timeout=60,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("AAPL\n", "")


async def test_a_source_is_closed_when_its_block_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    exchange = Exchange(Market(7), port=0)
    host, port = await exchange.start()
    try:
        async with ticker.open_source(f"exchange:{host}:{port}") as source:
            answer = await source.quotes(["AAPL"])
            assert [quote.symbol for quote in answer.quotes] == ["AAPL"]
            closed: list[bool] = []
            close = source.close

            async def closing() -> None:
                closed.append(True)
                await close()

            monkeypatch.setattr(source, "close", closing)
        assert closed == [True]
    finally:
        await exchange.stop()


@pytest.mark.parametrize("url", [7, None, Path("yahoo"), ["yahoo"]])
def test_a_source_that_is_not_a_string_is_refused_in_words(url: Any) -> None:
    with pytest.raises(UsageError, match="source: expected a text"):
        ticker.open_source(url)


async def test_a_single_string_is_not_a_list_of_symbols() -> None:
    async with ticker.open_source("exchange") as source:
        with pytest.raises(UsageError, match=r'expected a list, like \["AAPL"\]'):
            await source.quotes("AAPL")
    with pytest.raises(UsageError, match="expected a list"), ticker.demo("AAPL"):
        pass


def test_every_exported_name_exists_and_is_documented() -> None:
    for name in set(ticker.__all__) - {"__version__"}:
        assert len(getattr(ticker, name).__doc__) > 40, name
        assert name in dir(ticker)
