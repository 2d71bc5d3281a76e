"""The line of totals: the value of the holdings in the list shown, and of all. Pure.

If a total is absent, the line says why.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from rich.style import Style
from rich.text import Text

from ticker.board.column import Style as Look
from ticker.board.column import sign_style
from ticker.board.holdings import Missing, Problem, Total, Valuation
from ticker.board.owner_columns import gain_text, money_text, share_text
from ticker.dashboard.palette import Palette
from ticker.escape import escape
from ticker.figures import and_more, percent_text

_NAMED: Final = 3
"""The most symbols or problems that are named. The others are counted."""

Part = tuple[str, Look]
"""Words, and their style; amounts in bold."""


def totals_text(
    palette: Palette, valuation: Valuation, shown: Total | None, name: str, width: int
) -> Text:
    """Return the totals of the list `name` (`shown`, if any) and of all, in `width` cells.

    If room is short, whole parts are left out, the last ones first. A figure is never cut.
    """
    parts = list(_parts(valuation, shown, name))
    text = Text(no_wrap=True, overflow="ellipsis")
    if valuation.total.is_simulated:
        text.append("SIMULATED", style=f"bold {palette.warning}")
    room = width - len(text)
    while parts and sum(_size(part) for part in parts) > room:
        if len(parts) == 1 and parts[0][0][1] is Look.WARNING:
            break  # words may be cut, figures may not
        parts.pop()
    for part in parts:
        text.append("  " if text else "")
        for at, (words, look) in enumerate(part):
            text.append(" " if at else "")
            text.append(words, Style(color=palette.colour(look), bold=look is Look.PRICE))
    text.truncate(max(0, width), overflow="ellipsis")
    return text


def _size(part: Sequence[Part]) -> int:
    """Return the width of `part`, with the two cells before it."""
    return 1 + sum(len(words) + 1 for words, _ in part)


def _parts(valuation: Valuation, shown: Total | None, name: str) -> Iterable[Sequence[Part]]:
    if shown is not None:
        yield from _of_total(escape(name, 24), shown, valuation.currency)
    yield from _of_total(
        "all" if shown is not None else "total", valuation.total, valuation.currency
    )
    if valuation.cash:
        share = share_text(valuation.cash_weight)
        words = f"{money_text(valuation.cash)} ({share})" if share else money_text(valuation.cash)
        yield [("cash", Look.DIM), (words, Look.PRICE)]
    if valuation.total.without and valuation.total.gain is not None:
        names = and_more([escape(each) for each in valuation.total.without], _NAMED)
        yield [(f"gain without {names}: cost not known", Look.DIM)]


def _of_total(name: str, total: Total, currency: str) -> Iterable[Sequence[Part]]:
    problems = problem_words(total.problems)
    if total.value is None:
        of = "" if name == "total" else f"{name}: "
        yield [(f"{of}no total in {currency}: {problems}", Look.WARNING)]
        return
    yield [(name, Look.DIM), (money_text(total.value), Look.PRICE), (currency, Look.DIM)]
    if total.day_gain is not None:
        words = gain_text(total.day_gain)
        yield [("day", Look.DIM), (words, sign_style(words))]
    if total.gain is not None and (total.gain_percent is not None or total.gain):
        percent = total.gain_percent
        share = "" if percent is None else f" ({percent_text(float(percent))})"
        words = gain_text(total.gain) + share
        yield [("gain", Look.DIM), (words, sign_style(words))]
    if problems:
        yield [(problems, Look.WARNING)]


def problem_words(problems: Iterable[Problem]) -> str:
    """Return what is missing, the first few of each kind; escaped."""
    found: dict[Missing, list[str]] = {}
    for problem in problems:
        found.setdefault(problem.missing, []).append(escape(problem.of))
    return "; ".join(f"{kind} {and_more(names, _NAMED, ', ')}" for kind, names in found.items())


def rate_lines(valuation: Valuation) -> list[str]:
    """Return the rates in use with their formulas, then the problems, for the page of health."""
    lines = [
        f"{of} to {into}: no rate"
        if rate is None
        else f"{of} to {into}: {float(rate.value):.6g} by {escape(rate.path)}"
        for of, into, rate in valuation.rates
    ]
    return lines + [escape(str(problem)) for problem in valuation.total.problems]
