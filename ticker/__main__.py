"""`python -m ticker`, and the command `ticker`: the first of our lines that run.

It imports next to nothing by itself, so that Ctrl-C is a silent end from here on: the rest takes a
quarter of a second to import.
"""

import os
import signal


def main() -> None:
    """Run the command line and exit."""
    # An exception in the midst of an import may be printed, or lost. A command that has something
    # to end takes the signal over. A program that was started to ignore it goes on doing so.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)
    from ticker.cli import main as run

    run()


def _leave(number: int, _: object) -> None:
    os._exit(128 + number)


if __name__ == "__main__":
    main()
