from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticker.figures import (
    amount_text,
    and_more,
    change_text,
    count_text,
    decimals,
    percent_text,
    price_text,
)


@pytest.mark.parametrize(
    ("price", "hint", "shown"),
    [
        (4101.3, 2, "4,101.30"),
        (4101.3, 1, "4,101.3"),
        (1.0461, 4, "1.0461"),
        (0.00000843, 2, "0.00000843"),
        (0.00000843, None, "0.00000843"),
        (-37.63, 2, "-37.63"),
        (-0.105, 4, "-0.1050"),
        (-1234.5, 2, "-1,234.50"),
        (0.000000843, 2, "0.000000843"),
        (0.00000001, None, "0.0000000100"),
        (5e-9, 2, "5.00e-09"),
        (-4.2e-12, None, "-4.20e-12"),
        (1e-300, 8, "1.00e-300"),
        (0.5, 2, "0.500"),
        (0.5, None, "0.5000"),
        (19524.01, None, "19,524.01"),
        (1e300, 2, "1.000000e+300"),
        (12.0, 0, "12"),
        (12.0, 99, "12.00000000"),
        (12.0, -4, "12"),
    ],
)
def test_a_price_is_shown_with_suitable_decimals(
    price: float, hint: int | None, shown: str
) -> None:
    assert price_text(price, decimals(price, hint)) == shown


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        *((12.4, "+12.40"), (-0.354, "-0.35"), (0.0, "0.00"), (-0.0, "0.00"), (None, "")),
        *((0.001, "+0.0010"), (-0.0049, "-0.0049"), (-3.14e-12, "-3.1e-12")),
        *((0.005, "+0.01"), (1e300, "+1.000000e+300")),
    ],
)
def test_a_change_shows_its_sign_and_is_never_rounded_to_zero(
    change: float | None, shown: str
) -> None:
    assert change_text(change, 2) == shown


def test_percentages_show_their_sign() -> None:
    assert [percent_text(p) for p in (0.303, -1.0, 0.0, 12_345.6, None)] == [
        "+0.30%",
        "-1.00%",
        "0.00%",
        "+12,346%",
        "",
    ]


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        (None, ""),
        (0, "0"),
        (873, "873"),
        (9120, "9,120"),
        (120_431, "120.4k"),
        (999_960, "1.0M"),
        (31_200_480_256, "31.2B"),
        (0.0004, "0.0004"),
    ],
)
def test_large_amounts_are_shortened(amount: float | None, shown: str) -> None:
    assert amount_text(amount) == shown


@given(
    st.floats(min_value=1e-300, max_value=1e14, allow_nan=False),
    st.sampled_from([1, -1]),
    st.none() | st.integers(0, 8),
)
def test_a_price_as_shown_is_off_by_at_most_one_in_a_hundred(
    size: float, sign: int, hint: int | None
) -> None:
    price = sign * size
    shown = float(price_text(price, decimals(price, hint)).replace(",", ""))
    assert shown == pytest.approx(price, rel=0.01 if size < 1 else 0.5, abs=0)


@given(st.floats(min_value=1e-300, max_value=1e14, allow_nan=False), st.integers(0, 10))
def test_a_shown_change_keeps_its_direction(size: float, places: int) -> None:
    for change in (size, -size):
        shown = float(change_text(change, places).replace(",", ""))
        assert shown
        assert (shown > 0) == (change > 0)


def test_a_count_of_one_is_in_the_singular() -> None:
    assert [count_text(n, "tick") for n in (0, 1, 1_068)] == ["0 ticks", "1 tick", "1,068 ticks"]


def test_of_many_names_some_are_shown_with_the_number_of_others() -> None:
    names = [f"S{n}" for n in range(1_600)]
    assert and_more(names, 2) == "S0 S1 and 1,598 more"
    assert and_more(names[:2], 2, ", ") == "S0, S1"
