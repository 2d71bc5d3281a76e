"""The command line: options, wiring, messages and exit codes."""

from ticker.cli.entry import main

__all__ = ["main"]
