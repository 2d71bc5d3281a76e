"""Passes on what `record`, `replay` and a double of the tests import from here."""

from ticker.address import RECORDING, Backend, StreamAddress, is_recording, parse_address

__all__ = ["RECORDING", "Backend", "StreamAddress", "is_recording", "parse_address"]
