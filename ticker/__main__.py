"""`python -m ticker`, and the command `ticker`.

This module imports almost nothing, because the other imports take a quarter of a second. So Ctrl-C
ends the program silently from the beginning.
"""

import gc
import os
import signal


def main() -> None:
    """Run the command line and exit."""
    # A `KeyboardInterrupt` during an import may be printed or lost. A command that must clean up
    # handles the signal itself. A program that was started to ignore the signal still ignores it.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)
    # What a command loads at its start stays in memory. By default Python searches it for garbage
    # every 700 objects. That takes a seventh of the time until the first row.
    gc.set_threshold(100_000)
    from ticker.cli import main as run

    run()


def _leave(number: int, _: object) -> None:
    os._exit(128 + number)


if __name__ == "__main__":
    main()
