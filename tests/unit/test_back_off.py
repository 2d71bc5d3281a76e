from __future__ import annotations

from ticker.back_off import BackOff


def test_each_wait_doubles_up_to_the_longest_and_a_success_starts_again() -> None:
    back_off = BackOff()
    assert [back_off.wait(1, 10) for _ in range(6)] == [1, 2, 4, 8, 10, 10]
    back_off.reset()
    assert back_off.wait(1, 10) == 1


def test_jitter_is_a_quarter_in_both_directions() -> None:
    assert [BackOff(lambda chance=chance: chance).wait(8, 60) for chance in (0, 0.5, 1)] == [  # type: ignore[misc]
        6,
        8,
        10,
    ]


def test_a_week_of_failures_does_not_overflow() -> None:
    back_off = BackOff()
    waits = {back_off.wait(1, 60) for _ in range(100_000)}
    assert max(waits) == 60
