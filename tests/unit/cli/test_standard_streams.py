"""What is written to standard output arrives whole."""

from __future__ import annotations

import fcntl
import os
import threading

from ticker.cli.standard_streams import Output


def test_a_slow_reader_of_a_non_blocking_pipe_gets_everything() -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)  # another program may have left it so
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4_096)  # so that there are many pieces
    data = b"0123456789abcdef" * 400_000
    got = bytearray()

    def read() -> None:
        while piece := os.read(reader, 1_000):
            got.extend(piece)

    thread = threading.Thread(target=read)
    thread.start()
    Output(writer).write(data)
    os.close(writer)
    thread.join(30)
    os.close(reader)
    assert bytes(got) == data
