"""The command line: options, wiring, exit codes; no logic."""

from ticker.cli.entry import main

__all__ = ["main"]
