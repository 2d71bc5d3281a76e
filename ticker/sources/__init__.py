"""Sources: where quotes come from."""

from ticker.sources.open import open_source
from ticker.sources.protocol import Answer, Source

__all__ = ["Answer", "Source", "open_source"]
