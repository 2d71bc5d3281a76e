from __future__ import annotations

from typing import Any

import pytest

from ticker.board import Board
from ticker.board.columns import reason_text
from ticker.records import Batch, Gap, Heartbeat, Position, Quote, Tick
from ticker.units import SECOND

NOW = 1_795_447_805_000_000


def tick(sequence: int, price: float, **facts: Any) -> Tick:
    told: dict[str, Any] = {
        "symbol": "AAPL",
        "source": "yahoo",
        "origin": "one",
        "time": NOW + sequence,
        "received": NOW + sequence,
    }
    return Tick(sequence=sequence, price=price, **(told | facts))


def quote(sequence: int, price: float, **facts: Any) -> Quote:
    told: dict[str, Any] = {
        "symbol": "AAPL",
        "source": "yahoo",
        "origin": "one",
        "time": NOW + sequence,
        "received": NOW + sequence,
        "name": "Apple Inc.",
    }
    return Quote(sequence=sequence, price=price, **(told | facts))


def heartbeat(**facts: Any) -> Heartbeat:
    told: dict[str, Any] = {
        "origin": "one",
        "writer": "w",
        "source": "yahoo",
        "time": NOW,
        "received": NOW,
        "interval": SECOND,
        "state": "ok",
        "asked": 1,
        "answered": 1,
    }
    return Heartbeat(**(told | facts))


def fold(board: Board, *records: Tick | Quote | Gap | Heartbeat, now: int = NOW) -> None:
    board.fold(
        Batch(
            Position("1"),
            ticks=[r for r in records if isinstance(r, Tick)],
            quotes=[r for r in records if isinstance(r, Quote)],
            gaps=[r for r in records if isinstance(r, Gap)],
            heartbeats=[r for r in records if isinstance(r, Heartbeat)],
        ),
        now,
    )


def test_a_tick_newer_than_the_quote_changes_only_the_price() -> None:
    board = Board()
    fold(board, quote(4, 10.0, currency="USD", volume=7))
    fold(board, tick(5, 11.0))
    row = board.row("AAPL")
    assert (row.price, row.name, row.currency, row.volume) == (11.0, "Apple Inc.", "USD", 7)
    assert (row.time, row.direction, board.ticks) == (NOW + 5, 1, 1)


def test_a_tick_that_the_quote_includes_changes_nothing() -> None:
    board = Board()
    fold(board, quote(4, 10.0))
    board.take_changed()
    fold(board, tick(4, 9.0))
    assert board.row("AAPL").price == 10.0
    assert board.ticks == 0
    assert board.take_changed() == set()


def test_folding_a_batch_twice_changes_nothing() -> None:
    board = Board()
    batch = (quote(4, 10.0), tick(5, 11.0))
    fold(board, *batch)
    before = board.row("AAPL")
    board.take_changed()
    fold(board, *batch, now=NOW + SECOND)
    assert board.row("AAPL") == before
    assert (board.ticks, board.take_changed()) == (1, set())


def test_a_quote_with_an_older_sequence_updates_facts_and_not_the_price() -> None:
    board = Board()
    fold(board, tick(9, 12.0))
    fold(board, quote(8, 11.0))
    row = board.row("AAPL")
    assert (row.price, row.name) == (12.0, "Apple Inc.")


def test_a_newer_time_at_an_unchanged_price_makes_the_row_younger() -> None:
    board = Board()
    fold(board, quote(4, 10.0))
    fold(board, quote(4, 10.0, time=NOW + SECOND))
    assert board.row("AAPL").time == NOW + SECOND
    assert board.row("AAPL").moved is None


def test_of_two_origins_the_row_shows_the_newest_time_in_any_order() -> None:
    board = Board()
    fold(board, quote(1, 20.0, origin="two", time=NOW + 10 * SECOND))
    fold(board, quote(900, 10.0, origin="one", time=NOW))
    assert board.row("AAPL").price == 20.0
    fold(board, tick(901, 11.0, time=NOW + 11 * SECOND))
    assert board.row("AAPL").price == 11.0
    fold(board, tick(2, 21.0, origin="two", time=NOW + 9 * SECOND))
    assert board.row("AAPL").price == 11.0
    assert board.row("AAPL").name == "Apple Inc."


def test_the_first_price_of_a_symbol_is_not_a_move() -> None:
    board = Board()
    fold(board, quote(4, 10.0, previous_price=9.0))
    assert (board.row("AAPL").direction, board.row("AAPL").moved) == (1, None)
    fold(board, tick(5, 9.5), now=NOW + SECOND)
    assert (board.row("AAPL").direction, board.row("AAPL").moved) == (-1, NOW + SECOND)


def test_only_changed_symbols_are_reported_and_only_once() -> None:
    board = Board()
    fold(board, quote(1, 10.0), quote(1, 5.0, symbol="MSFT"))
    assert board.take_changed() == {"AAPL", "MSFT"}
    fold(board, tick(2, 6.0, symbol="MSFT"))
    assert board.take_changed() == {"MSFT"}
    assert board.take_changed() == set()


def test_a_watched_symbol_without_a_price_has_a_row_that_says_why() -> None:
    board = Board(["ADH", "AAPL", "LATER"])
    fold(board, quote(1, 10.0))
    board.take_changed()
    fold(board, heartbeat(refused={"ADH": "no price"}))
    assert [row.symbol for row in board.rows()] == ["ADH", "AAPL", "LATER"]
    assert [board.age(r, NOW).detail for r in board.rows()] == ["no price", "", ""]
    assert board.take_changed() == {"ADH"}
    fold(board, heartbeat(received=NOW + SECOND))
    assert not board.age(board.row("ADH"), NOW).detail
    assert board.take_changed() == {"ADH"}


def test_unwatched_symbols_leave_no_trace() -> None:
    board = Board(["AAPL"])
    fold(board, quote(1, 10.0, symbol="MSFT"), tick(2, 11.0, symbol="MSFT"))
    assert [row.symbol for row in board.rows()] == ["AAPL"]
    assert (board.ticks, board.take_changed() - {"AAPL"}) == (0, set())


def test_without_a_watchlist_all_symbols_come_by_name() -> None:
    board = Board()
    fold(board, quote(1, 10.0, symbol="MSFT"), quote(1, 10.0))
    assert [row.symbol for row in board.rows()] == ["AAPL", "MSFT"]


def test_a_board_is_simulated_before_the_first_price_of_an_exchange() -> None:
    board = Board()
    for source, is_simulated in (("yahoo", False), ("exchange-live", True)):
        beat = Heartbeat("o", "w", source, NOW, NOW, 1, "starting", 1, 0, symbols=("A",))
        fold(board, beat)
        assert board.simulated is is_simulated


def test_a_board_that_had_an_invented_price_stays_simulated() -> None:
    board = Board()
    assert not board.simulated
    fold(board, quote(1, 10.0, simulated=True))
    fold(board, quote(1, 5.0, symbol="MSFT"))
    assert board.simulated


def test_a_board_that_had_an_invented_price_is_simulated_also_before_the_first_of_a_seek() -> None:
    board = Board()
    fold(board, quote(1, 10.0, simulated=True))
    board.forget()
    assert board.simulated


def test_the_last_gap_is_remembered_and_gaps_are_counted() -> None:
    board = Board()
    gaps = [
        Gap("yahoo", "one", "w", NOW, "poller stopped", from_=NOW - i * SECOND, until=NOW)
        for i in (9, 5)
    ]
    fold(board, *gaps)
    assert (board.gaps, board.gap) == (2, gaps[1])


def gap(ago: int, *symbols: str, lasted: int = SECOND) -> Gap:
    end = NOW - ago
    return Gap(
        "yahoo", "one", "w", end, "unreachable", symbols or None, from_=end - lasted, until=end
    )


@pytest.mark.parametrize("is_held", [False, True])
def test_a_row_tells_its_own_last_gap_also_on_a_frozen_board(is_held: bool) -> None:
    board = Board()
    fold(board, quote(1, 5.0), quote(1, 5.0, symbol="MSFT"), heartbeat())
    fold(board, gap(9, lasted=180 * SECOND), gap(5, "MSFT", lasted=0))
    fold(board, gap(12), gap(8, "MSFT"))  # older ones may come later
    if is_held:
        board.hold(NOW, NOW)
        fold(board, gap(1, "AAPL"))
    told = [reason_text(board.age(board.row(s), NOW, elapsed=NOW)) for s in ("AAPL", "MSFT")]
    assert told == ["gap of 3m", "gap"]


def test_a_price_or_a_heartbeat_fills_a_board() -> None:
    assert not Board(["AAPL"]).is_filled
    for record in (quote(1, 10.0), tick(1, 10.0), heartbeat()):
        board = Board()
        fold(board, record)
        assert board.is_filled
