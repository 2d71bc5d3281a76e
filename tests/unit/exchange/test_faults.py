from __future__ import annotations

import pytest

from ticker.errors import UsageError
from ticker.exchange import Fault, Faults


def test_a_fault_is_parsed_with_and_without_its_share() -> None:
    assert Fault.read("429") == (Fault.TOO_MANY, 1.0)
    assert Fault.read("html:0.25") == (Fault.HTML, 0.25)
    assert Fault.read("missing") == (Fault.MISSING, 0.5)


@pytest.mark.parametrize("fault", Fault)
def test_every_fault_has_a_name_and_a_share(fault: Fault) -> None:
    faults = Faults([f"{fault}:0.5"])
    assert faults.on == {fault: 0.5}
    if fault is not Fault.MISSING:
        assert [faults.is_due(fault) for _ in range(4)] == [False, True, False, True]


@pytest.mark.parametrize("text", ["430", "", "html:", "html:0", "html:1.1", "html:nan", "html:x"])
def test_an_invalid_fault_is_refused_and_changes_nothing(text: str) -> None:
    faults = Faults(["5xx"])
    with pytest.raises(UsageError):
        faults.switch("429", text)
    assert [*faults.on] == [Fault.TROUBLE]


@pytest.mark.parametrize(("share", "left"), [("0.5", "ADEH"), ("1", ""), ("0.25", "ABDEFH")])
def test_the_missing_symbols_are_the_same_in_each_request(share: str, left: str) -> None:
    faults = Faults([f"missing:{share}"])
    for _ in range(3):
        assert "".join(faults.left("ABCDEFGH")) == left
        assert "".join(each for each in "ABCDEFGH" if faults.left(each)) == left
    faults.switch()
    assert faults.left("ABC") == [*"ABC"]


def test_a_share_of_the_requests_fails_evenly() -> None:
    faults = Faults(["429:0.3"])
    due = [faults.is_due(Fault.TOO_MANY) for _ in range(20)]
    assert [at for at, is_due in enumerate(due) if is_due] == [3, 6, 9, 13, 16, 19]
