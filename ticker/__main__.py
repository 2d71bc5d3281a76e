"""`python -m ticker`, and the command `ticker`.

It imports next to nothing itself, so that Ctrl-C ends it silently from here on: importing the rest
takes a quarter of a second.
"""

import gc
import os
import signal


def main() -> None:
    """Run the command line and exit."""
    # An exception during an import may be printed, or lost. A command that must clean up handles
    # the signal itself. A program that was started to ignore the signal goes on ignoring it.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)
    # What a command loads at its start stays. By default Python looks for garbage in it every 700
    # objects, which takes a seventh of the time until the first row.
    gc.set_threshold(100_000)
    from ticker.cli import main as run

    run()


def _leave(number: int, _: object) -> None:
    os._exit(128 + number)


if __name__ == "__main__":
    main()
