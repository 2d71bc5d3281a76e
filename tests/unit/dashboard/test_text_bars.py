from __future__ import annotations

from ticker.dashboard.palette import PALETTES
from ticker.dashboard.status import Part, Status
from ticker.dashboard.text_bars import status_words, title_words


def title(width: int, *, is_simulated: bool = True) -> str:
    return title_words(
        PALETTES["dark"], ["demo"], is_simulated=is_simulated, is_replay=True, width=width
    ).plain


def test_the_title_keeps_the_word_simulated_the_longest() -> None:
    assert title(60).startswith(" ticker  demo")
    assert title(60).endswith(" REPLAY  SIMULATED ")
    assert title(60, is_simulated=False).endswith(" REPLAY ")
    assert title(20) == "SIMULATED"


def test_a_long_title_shortens_its_counts_and_never_cuts_them() -> None:
    captions = ["demo · 3 up, 6 down, 0 unchanged", "demo · ▲3 ▼6 =0"]
    for width in (80, 40):
        said = title_words(PALETTES["dark"], captions, is_simulated=True, width=width).plain
        assert captions[width < 80] in said
        assert said.endswith(" SIMULATED ")


TOLD = Status(
    (
        Part(
            "Yahoo every 15s, last asked 15:30:05: 9 of 9 answered",
            brief="9 of 9 answered at 15:30:05",
        ),
        Part("3 closed", 1),
        Part("1,204 ticks", 2),
    )
)


def line(width: int, told: Status = TOLD, notice: str = "", lines: int = 3) -> str:
    return status_words(
        PALETTES["dark"], told, notice, "", is_simulated=False, width=width, lines=lines
    ).plain.removeprefix("● ")


def test_a_long_status_keeps_its_most_important_parts() -> None:
    assert line(80) == TOLD.words
    assert line(76) == "9 of 9 answered at 15:30:05 · 3 closed · 1,204 ticks"
    assert line(40) == "9 of 9 answered at 15:30:05 · 3 closed"


def test_beside_a_notice_only_problems_are_still_shown() -> None:
    notice = "config.toml was read again"
    assert line(70, notice=notice) == f"{notice} · 9 of 9 answered at 15:30:05 · 3 closed"
    assert line(40, notice=notice) == notice
    trouble = Status((Part("Yahoo is away"),), is_trouble=True)
    assert line(40, trouble, notice) == f"{notice} · Yahoo is away"
    assert line(40, trouble, notice, lines=1) == "config.toml was read … · Yahoo is away"


def test_beside_a_problem_a_long_alert_is_cut_between_words() -> None:
    problem = "Yahoo: too many requests. Next try 14:32:10."
    trouble = Status((Part(problem), Part("Prices shown are from 14:31:02.", 6)), is_trouble=True)
    alert = "AAPL > 250: 251.30, at 14:31:02, before alerts were checked"
    for width, said in (
        (110, f"{alert} · {problem}"),
        (50, f"AAPL > 250: 251.30, at 14:31:02, before alerts … · {problem}"),
        (34, f"AAPL > 250: … · {problem}"),
        (20, problem),
    ):
        assert line(width, trouble, alert, lines=2) == said
