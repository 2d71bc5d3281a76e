from __future__ import annotations

from ticker.dashboard.bars import title_words
from ticker.dashboard.palette import PALETTES


def title(width: int, *, is_simulated: bool = True) -> str:
    return title_words(
        PALETTES["dark"], "demo", is_simulated=is_simulated, is_replay=True, width=width
    ).plain


def test_the_title_says_replay_and_simulated_and_keeps_simulated_the_longest() -> None:
    assert title(60).startswith(" ticker  demo")
    assert title(60).endswith(" REPLAY  SIMULATED ")
    assert title(60, is_simulated=False).endswith(" REPLAY ")
    assert title(20) == "SIMULATED"
