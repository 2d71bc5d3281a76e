"""Textual's own pace, told before Textual is imported: it reads this once, at import.

Textual gathers repaints on a grid of sixtieths of a second, which made one change in ten wait 17 ms
more than it had to. Our frames are ten a second at most, however fine the grid is, so a finer one
costs nothing.
"""

import os

os.environ.setdefault("TEXTUAL_FPS", "250")
