from __future__ import annotations

from typing import Any

from ticker.board import Board
from ticker.health.reasons import Reason
from ticker.records import Batch, Heartbeat, Position, Quote, Tick

NOW = 1_795_447_805_000_000
SECOND = 1_000_000


def beat(time: int, **told: Any) -> Heartbeat:
    return Heartbeat("one", "w", "yahoo", time, time, SECOND, "ok", 1, 1, **told)


def filled() -> Board:
    board = Board()
    quotes = [Quote(s, "yahoo", NOW, NOW, 5.0, origin="one", sequence=1) for s in "AB"]
    board.fold(Batch(Position("1"), quotes=quotes, heartbeats=[beat(NOW)]), NOW)
    board.take_changed()
    return board


def later(sequence: int, symbol: str = "A") -> Batch:
    time = NOW + sequence * SECOND
    tick = Tick(symbol, "yahoo", "one", sequence, time, time, 5.0 + sequence)
    return Batch(Position(f"{sequence}"), ticks=[tick], heartbeats=[beat(time)])


def test_a_frozen_board_keeps_its_prices_and_counts_waiting_ticks() -> None:
    board = filled()
    board.hold(NOW, NOW)
    for sequence in range(2, 5):
        board.fold(later(sequence), NOW + sequence * SECOND)
    board.fold(later(1, "C"), NOW + SECOND)
    assert board.row("A").price == 5.0
    assert (list(board.symbols), board.waiting, board.take_changed()) == (["A", "B"], 4, set())
    board.release()
    assert board.row("A").price == 9.0
    assert (board.take_changed(), board.waiting) == ({"A", "B", "C"}, 0)


def test_on_a_frozen_board_ages_stop_and_living_pollers_are_not_called_stopped() -> None:
    board = filled()
    before = board.age(board.row("A"), NOW, elapsed=NOW)
    board.hold(NOW, NOW)
    board.fold(later(600), NOW + 600 * SECOND)
    an_hour_later = NOW + 3_600 * SECOND
    assert board.age(board.row("A"), an_hour_later, elapsed=an_hour_later) == before
    assert before.reason is Reason.FRESH


def test_a_removed_symbol_leaves_a_frozen_board() -> None:
    board = filled()
    board.hold(NOW, NOW)
    board.watch(["B", "C"])
    assert list(board.symbols) == ["B", "C"]
    assert board.row("B").price == 5.0
