from __future__ import annotations

import threading
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from ticker.sources.budget import Budget
from ticker.units import HOUR, MINUTE, SECOND


class Clock:
    def __init__(self) -> None:
        self.now = 10 * HOUR

    def __call__(self) -> int:
        return self.now


def pollers(path: Path, clock: Clock, *wishes: int) -> list[Budget]:
    made = [Budget(360, uptime=clock, shared=path) for _ in wishes]
    for budget, wish in zip(made, wishes, strict=True):
        budget.wish(wish)
        assert budget.take() == 0
    for budget in made:
        assert budget.take() == 0
    return made


def test_a_single_poller_may_use_the_whole_budget() -> None:
    budget = Budget(360, uptime=Clock())
    for wish, share in ((240, 360), (360, 360), (3_600, 360)):
        budget.wish(wish)
        assert budget.share == share


def test_pollers_that_ask_for_too_much_are_cut_equally(tmp_path: Path) -> None:
    one, two = pollers(tmp_path / "requests.json", Clock(), 240, 240)
    assert (one.share, two.share, one.others) == (180, 180, 1)


def test_pollers_within_the_budget_keep_their_interval(tmp_path: Path) -> None:
    one, two = pollers(tmp_path / "requests.json", Clock(), 240, 60)
    assert (one.share, two.share) == (300, 120)


def test_a_dead_poller_is_forgotten_but_its_requests_still_count(tmp_path: Path) -> None:
    clock = Clock()
    one, _ = pollers(tmp_path / "requests.json", clock, 240, 240)
    clock.now += 6 * MINUTE
    assert one.take() == 0
    assert (one.share, one.others) == (360, 0)
    assert one.wait(355) == 0
    assert one.wait(356) == HOUR - 6 * MINUTE


def test_a_poll_waits_until_any_request_of_the_hour_expires() -> None:
    clock = Clock()
    budget = Budget(10, uptime=clock)
    for _ in range(10):
        assert budget.take(is_extra=True) == 0
    clock.now += 50 * MINUTE
    assert budget.take() == 10 * MINUTE == budget.wait(1)


def test_extra_requests_get_what_polls_leave(tmp_path: Path) -> None:
    clock = Clock()
    one, two = pollers(tmp_path / "requests.json", clock, 240, 60)
    extras = 0
    while one.take(is_extra=True) == 0:
        extras += 1
    assert extras == 60
    assert two.take(is_extra=True) > 0
    assert two.take() == 0
    clock.now += HOUR
    assert one.take(is_extra=True) == 0


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 40), st.booleans()), max_size=800))
def test_no_hour_holds_more_than_the_budget_of_all_pollers(
    steps: list[tuple[int, int, bool]],
) -> None:
    clock, sent = Clock(), []
    alone = [Budget(30, uptime=clock) for _ in range(3)]
    for each in alone[1:]:  # as if each read the same file
        each._counts = alone[0]._counts
    for which, pause, is_extra in steps:
        clock.now += pause * SECOND
        budget = alone[which]
        budget._counts = alone[0]._counts
        if budget.take(is_extra=is_extra) == 0:
            sent.append(clock.now)
    assert all(sum(at - HOUR < other <= at for other in sent) <= 30 for at in sent)


def test_threads_and_processes_count_in_one_file(tmp_path: Path) -> None:
    path = tmp_path / "requests.json"
    budgets = [Budget(100, uptime=Clock(), shared=path) for _ in range(4)]
    granted: list[int] = []

    def ask(budget: Budget) -> None:
        granted.extend(wait for _ in range(50) if (wait := budget.take()) == 0)

    threads = [threading.Thread(target=ask, args=(budget,)) for budget in budgets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(granted) == 100


def test_without_a_usable_file_a_poller_counts_alone(tmp_path: Path) -> None:
    path = tmp_path / "requests.json"
    path.write_bytes(b"\x00 nonsense")
    budget = Budget(2, uptime=Clock(), shared=path)
    assert [budget.take() == 0 for _ in range(3)] == [True, True, False]
    nowhere = Budget(2, uptime=Clock(), shared=tmp_path / "no" / "folder")
    assert [nowhere.take() == 0 for _ in range(3)] == [True, True, False]


def test_counts_from_before_a_reboot_are_forgotten(
    tmp_path: Path,
) -> None:
    clock = Clock()
    path = tmp_path / "requests.json"
    pollers(path, clock, 360)
    clock.now = SECOND
    again = Budget(2, uptime=clock, shared=path)
    assert [again.take() == 0 for _ in range(3)] == [True, True, False]


def test_a_pause_holds_all_requests_and_survives_a_restart(tmp_path: Path) -> None:
    clock = Clock()
    one, two = pollers(tmp_path / "requests.json", clock, 240, 60)
    one.pause(2 * MINUTE)
    again = Budget(360, uptime=clock, shared=tmp_path / "requests.json")
    for budget in (one, two, again):
        assert budget.take() == budget.take(is_extra=True) == 2 * MINUTE - SECOND
        assert budget.is_paused
    clock.now += 2 * MINUTE - SECOND
    assert again.take() == 0
    assert not again.is_paused


def test_a_pause_is_an_hour_at_most_and_ends_with_a_reboot(tmp_path: Path) -> None:
    clock = Clock()
    budget = Budget(360, uptime=clock, shared=tmp_path / "requests.json")
    budget.pause(24 * HOUR)
    assert budget.take() == HOUR - SECOND
    clock.now = SECOND
    assert budget.take() == 0


def test_without_a_budget_there_is_no_pause() -> None:
    budget = Budget(None, uptime=Clock())
    budget.pause(MINUTE)
    assert budget.take() == 0
