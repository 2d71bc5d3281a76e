"""Sets Textual's frame rate. Import this before Textual, which reads it once, at import.

By default Textual repaints at most 60 times a second, so one change in ten waits up to 17 ms longer
than necessary. We paint at most ten times a second anyway, so a higher rate costs nothing.
"""

import os

os.environ.setdefault("TEXTUAL_FPS", "250")
