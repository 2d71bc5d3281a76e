import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticker.errors import WrongPosition
from ticker.records import MAX_TIME, Position
from ticker.streams.kafka.position import KafkaPosition, parse

OFFSETS = st.lists(st.integers(0, 2**59), min_size=1, max_size=5).map(tuple)


@given(st.tuples(OFFSETS, OFFSETS, OFFSETS, OFFSETS), st.integers(0, MAX_TIME))
def test_offsets_are_read_back_from_a_position(
    offsets: tuple[tuple[int, ...], ...], at: int
) -> None:
    place = KafkaPosition("abcd2345", offsets, at)
    assert parse("kafka://x/t", place.position()) == place


@pytest.mark.parametrize(
    "text", ["", "a:1", "a:1:2:3:4", "a:1:2:3:4:x", "a:1,:2:3:4:5", "A:1:2:3:4:5", "a:-1:2:3:4:5"]
)
def test_a_wrong_position_is_refused(text: str) -> None:
    with pytest.raises(WrongPosition):
        parse("kafka://x/t", Position(text))
