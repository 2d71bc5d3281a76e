"""Sources: where quotes come from."""

from ticker.records import Found
from ticker.sources.open import open_source
from ticker.sources.protocol import Answer, Source

__all__ = ["Answer", "Found", "Source", "open_source"]
