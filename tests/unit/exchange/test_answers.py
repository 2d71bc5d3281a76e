from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ticker.errors import UsageError
from ticker.exchange import Market, SavedAnswers
from ticker.exchange.answers import MarketAnswers


def save(folder: Path, name: str, *entries: dict[str, Any]) -> bytes:
    body = json.dumps({"quoteResponse": {"result": entries, "error": None}}, indent=1).encode()
    (folder / name).write_bytes(body)
    return body


def served(answers: SavedAnswers, *symbols: str) -> list[dict[str, Any]]:
    result: list[dict[str, Any]] = json.loads(answers.answer(symbols, 0))["quoteResponse"]["result"]
    return result


def test_the_answer_for_one_symbol_is_the_file_byte_for_byte(tmp_path: Path) -> None:
    body = save(tmp_path, "A.json", {"symbol": "A", "price": 241.0, "other": 241})
    assert SavedAnswers(tmp_path).answer(["A"], 0) == body


def test_answers_for_several_symbols_are_joined_in_the_order_of_asking(tmp_path: Path) -> None:
    save(tmp_path, "A.json", {"symbol": "A"})
    save(tmp_path, "BC.json", {"symbol": "B"}, {"symbol": "C"})
    answers = SavedAnswers(tmp_path)
    assert [entry["symbol"] for entry in served(answers, "C", "A", "NOPE")] == ["C", "A"]
    assert [entry["symbol"] for entry in served(answers, "B")] == ["B"]
    assert answers.symbols == ["A", "B", "C"]


def test_joined_entries_keep_every_value(tmp_path: Path) -> None:
    entry = {"symbol": "A", "x": 241.0, "y": 0.1 + 0.2, "z": "\u00e9\ud800", "n": 10**40}
    save(tmp_path, "x.json", entry)
    save(tmp_path, "B.json", {"symbol": "B"})
    joined = served(SavedAnswers(tmp_path), "A", "B")[0]
    assert joined == entry
    assert isinstance(joined["x"], float)


def test_unknown_symbols_give_an_empty_answer(tmp_path: Path) -> None:
    save(tmp_path, "SIX.json")
    assert served(SavedAnswers(tmp_path), "SIX") == []


def test_the_newer_of_two_answers_counts(tmp_path: Path) -> None:
    save(tmp_path, "1.json", {"symbol": "A", "regularMarketTime": 10, "postMarketTime": 30})
    save(tmp_path, "2.json", {"symbol": "A", "regularMarketTime": 20})
    assert served(SavedAnswers(tmp_path), "A")[0]["regularMarketTime"] == 10


def test_of_equally_new_answers_the_one_for_a_single_symbol_counts(tmp_path: Path) -> None:
    save(tmp_path, "1.json", {"symbol": "A", "from": "both"}, {"symbol": "B"})
    save(tmp_path, "2.json", {"symbol": "A", "from": "alone"})
    save(tmp_path, "3.json", {"symbol": "A", "from": "later"})
    assert served(SavedAnswers(tmp_path), "A")[0]["from"] == "alone"


def test_other_files_are_ignored(tmp_path: Path) -> None:
    save(tmp_path, "A.json", {"symbol": "A"})
    (tmp_path / "notes.txt").write_text("not an answer")
    assert SavedAnswers(tmp_path).symbols == ["A"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>",
        b"[]",
        b'{"quoteResponse": null}',
        b'{"quoteResponse": {"result": null}}',
        b'{"quoteResponse": {"result": [',
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_a_file_that_is_not_an_answer_is_named(tmp_path: Path, content: bytes) -> None:
    save(tmp_path, "A.json", {"symbol": "A"})
    (tmp_path / "bad.json").write_bytes(content)
    with pytest.raises(UsageError, match=r"bad\.json: not Yahoo's answer: \S"):
        SavedAnswers(tmp_path)


@pytest.mark.parametrize(
    "broken",
    [
        *(
            '{"price": 1}',
            '"A"',
            "null",
            '{"symbol": 7}',
            '{"symbol": "B", "regularMarketTime": "now"}',
        ),
        *(
            '{"symbol": "B", "regularMarketTime": NaN}',
            '{"symbol": "B", "regularMarketPrice": NaN}',
        ),
    ],
)
def test_a_broken_entry_does_not_affect_the_others(tmp_path: Path, broken: str) -> None:
    good = '{"symbol": "A", "regularMarketTime": 5}'
    body = '{"quoteResponse": {"result": [' + broken + ", " + good + "]}}"
    (tmp_path / "x.json").write_text(body)
    assert served(SavedAnswers(tmp_path), "A") == [{"symbol": "A", "regularMarketTime": 5}]


def test_an_answer_in_utf_16_or_with_a_byte_order_mark_is_served(tmp_path: Path) -> None:
    body = json.dumps({"quoteResponse": {"result": [{"symbol": "A"}]}})
    for encoding in ("utf-8-sig", "utf-16", "utf-32"):
        (tmp_path / "A.json").write_bytes(body.encode(encoding))
        assert served(SavedAnswers(tmp_path), "A") == [{"symbol": "A"}]


def test_a_missing_or_empty_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nowhere: No such file"):
        SavedAnswers(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="holds no answers"):
        SavedAnswers(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="file: Not a directory"):
        SavedAnswers(tmp_path / "file")


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(UsageError, match=r"folder\.json: Is a directory"):
        SavedAnswers(tmp_path)


def test_unlisted_symbols_are_left_out_of_the_answer() -> None:
    body = json.loads(MarketAnswers(Market(7)).answer(["NOPE", "GC=F"], 0))
    assert [entry["symbol"] for entry in body["quoteResponse"]["result"]] == ["GC=F"]
    assert body["quoteResponse"]["error"] is None
