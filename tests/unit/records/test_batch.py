from __future__ import annotations

from typing import Any

import pytest

from ticker.errors import UsageError
from ticker.records import Batch, Gap, Position, Quote, Tick

NOW = 1_795_447_805_000_000
TICKS = [
    Tick("A", "s", "o", 1, NOW, NOW, 1.5),
    Tick("A", "s", "o", 2, NOW, NOW, 2.5, previous_price=1.5, bid=1.0),
]


def test_ticks_become_columns_under_the_names_of_the_json() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(Batch(Position("p"), ticks=TICKS).to_dicts())
    assert list(frame.columns) == list(Tick.__struct_encode_fields__)
    assert frame["price"].tolist() == [1.5, 2.5]
    assert frame["time"].dtype == "int64"


def test_every_dictionary_has_every_field() -> None:
    first, second = Batch(Position("p"), ticks=TICKS).to_dicts()
    assert list(first) == list(second)
    assert (first["bid"], second["bid"]) == (None, 1.0)


def test_records_of_the_other_kinds_are_chosen_by_name() -> None:
    gap = Gap("s", "o", "w", NOW, "stopped", from_=NOW, until=NOW)
    batch = Batch(Position("p"), gaps=[gap], quotes=[Quote("A", "s", NOW, NOW, 1.0)])
    assert batch.to_dicts("gaps")[0]["from"] == NOW
    assert batch.to_dicts("quotes")[0]["previous_close"] is None
    assert batch.to_dicts() == batch.to_dicts("heartbeats") == []


@pytest.mark.parametrize("kind", ["tick", "", None, ["ticks"]])
def test_an_unknown_kind_is_refused_with_the_known_ones(kind: Any) -> None:
    with pytest.raises(UsageError, match="ticks, gaps, quotes, heartbeats"):
        Batch(Position("p")).to_dicts(kind)
