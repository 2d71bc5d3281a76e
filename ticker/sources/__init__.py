"""Sources: where quotes come from."""

from ticker.sources.open import open_source
from ticker.sources.protocol import Answer, Source
from ticker.sources.searching import Found

__all__ = ["Answer", "Found", "Source", "open_source"]
