"""The command line: options, wiring, exit codes; no logic."""
