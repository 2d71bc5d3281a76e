"""Sockets that count what goes through them: connections, and bytes with all their headers.

The bytes are those of HTTP and WebSocket, as the kernel takes and returns them. The headers of TCP
and IP in each packet are not counted.
"""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Callable
from typing import Any, Final, Self

LOOPBACK: Final = "127.0.0.1"


class CountingSocket(socket.socket):
    """Reports `accept`, `send`, `receive` and `close` to `note`, with the number of bytes."""

    note: Callable[[str, int], None]

    @classmethod
    def make(cls, note: Callable[[str, int], None], *arguments: Any, **named: Any) -> Self:
        """Return a socket that reports to `note`. The other arguments are for `socket.socket`."""
        made = cls(*arguments, **named)
        made.note = note
        return made

    def accept(self) -> tuple[socket.socket, Any]:  # noqa: D102 - as its parent's
        peer, address = super().accept()
        self.note("accept", 0)
        return self.make(self.note, fileno=peer.detach()), address

    def send(self, data: Any, flags: int = 0, /) -> int:  # noqa: D102
        sent = super().send(data, flags)
        self.note("send", sent)
        return sent

    def sendmsg(self, buffers: Any, *rest: Any) -> int:  # noqa: D102
        sent = super().sendmsg(buffers, *rest)
        self.note("send", sent)
        return sent

    def recv(self, size: int, flags: int = 0, /) -> bytes:  # noqa: D102
        data = super().recv(size, flags)
        self.note("receive", len(data))
        return data

    def recv_into(self, buffer: Any, *rest: Any) -> int:  # noqa: D102
        size = super().recv_into(buffer, *rest)
        self.note("receive", size)
        return size

    def close(self) -> None:  # noqa: D102
        if self.fileno() >= 0:
            self.note("close", 0)
        super().close()


def listening(counts: Counter[str]) -> CountingSocket:
    """Return a socket on a free port of this machine.

    It adds to `counts`: `connections`, and the bytes `received` from clients and `sent` to them.
    """

    def count(what: str, size: int) -> None:
        match what:
            case "accept":
                counts["connections"] += 1
            case "send":
                counts["sent"] += size
            case "receive":
                counts["received"] += size

    made = CountingSocket.make(count, socket.AF_INET, socket.SOCK_STREAM)
    made.bind((LOOPBACK, 0))
    return made
