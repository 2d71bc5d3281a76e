"""What is written to standard output arrives whole."""

from __future__ import annotations

import os

import pytest

from ticker.cli.standard_streams import Output


def test_a_slow_reader_of_a_non_blocking_pipe_gets_everything(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reader, writer = os.pipe()
    written, is_full = bytearray(), False

    def write(_: int, data: memoryview) -> int:
        nonlocal is_full
        is_full = not is_full
        if is_full:  # the pipe has no room at every second call
            raise BlockingIOError
        written.extend(data[:10])
        return min(10, len(data))

    data = bytes(range(256)) * 100
    monkeypatch.setattr(os, "write", write)
    Output(writer).write(data)
    os.close(writer)
    os.close(reader)
    assert bytes(written) == data
