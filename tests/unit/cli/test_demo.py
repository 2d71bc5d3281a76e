from __future__ import annotations

import os
import socket

from ticker.cli.demo import reserved_port
from ticker.exchange import Exchange, Market


def test_two_demos_at_once_never_take_the_same_port() -> None:
    with reserved_port(0) as free:
        wished = free.getsockname()[1]
    with reserved_port(wished) as first, reserved_port(wished) as second:
        assert first.getsockname() == ("127.0.0.1", wished)
        assert second.getsockname()[1] not in (0, wished)
    with reserved_port(wished) as again:
        assert again.getsockname()[1] == wished


async def test_an_exchange_serves_the_port_that_was_reserved_for_it() -> None:
    with reserved_port(0) as listening:
        inherited = socket.socket(fileno=os.dup(listening.fileno()))  # as a child's
        async with Exchange(Market(7), listening=inherited) as exchange:
            assert exchange.address == listening.getsockname()
        # It may be started again, and no other process took the port meanwhile.
        with reserved_port(listening.getsockname()[1]) as other:
            assert other.getsockname() != listening.getsockname()
