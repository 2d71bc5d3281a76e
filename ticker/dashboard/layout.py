"""Where the parts of the dashboard stand, and which leave on a low terminal."""

from __future__ import annotations

from typing import Final

CSS: Final = """
Screen { layout: vertical; overflow: hidden; }
#status { height: auto; max-height: 3; padding: 0 1; }
#keys { height: 1; }
Screen.-low #keys { display: none; }
Screen.-low #player { height: 1; }
Screen.-tiny #title { display: none; }
Screen.-tiny #player { display: none; }
Screen.-tiny #status { max-height: 1; }
"""

HEIGHTS = [
    (0, "-tiny"),
    (6, "-low"),
    (10, "-tall"),
]
"""From so many lines on a screen has this class, as Textual declares it."""
