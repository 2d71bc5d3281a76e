"""The layout of the dashboard: where its parts are, and what is hidden on a low terminal."""

from __future__ import annotations

from typing import Final

# `#main` is hidden, because its children cover it: Textual would paint its background, too.
CSS: Final = """
Screen { layout: vertical; overflow: hidden; }
#main { height: 1fr; visibility: hidden; }
#list { width: 1fr; }
#main Table, Heading, Detail { visibility: visible; }
#main.-detail #list { display: none; }
Screen.-wide #main.-detail #list { display: block; width: 45%; }
#status { height: auto; max-height: 3; padding: 0 1; }
#keys { height: 1; }
Screen.-low #status { max-height: 2; }
Screen.-low #player { height: 1; }
Screen.-tiny #title { display: none; }
#totals { height: 1; padding: 0 1; display: none; }
#totals.-there { display: block; }
Screen.-tiny #totals { display: none; }
Screen.-tiny #player { display: none; }
Screen.-tiny #status { max-height: 1; }
"""

BESIDE: Final = 150
"""At this width (cells) and above, a detail is beside the table (class `-wide`)."""
WIDTHS = [(0, "-narrow"), (BESIDE, "-wide")]
HEIGHTS = [
    (0, "-tiny"),
    (6, "-low"),
    (10, "-tall"),
]
"""(Lines, class): the class of screens with this many lines and more, up to the next entry."""
