from pathlib import Path

import pytest

from ticker.errors import UsageError
from ticker.streams import open_log, open_stream, retained


def test_a_sqlite_url_names_a_file_and_does_not_create_it(tmp_path: Path) -> None:
    url = f"sqlite:{tmp_path}/log.sqlite"
    assert open_stream(url).url == url
    assert open_log(url, keep_for=1, keep_bytes=1).url == url
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("url", ["sqlite:", "carrier-pigeon://coop"])
def test_a_wrong_stream_url_is_a_usage_error(url: str) -> None:
    with pytest.raises(UsageError, match="is not a stream"):
        open_stream(url)


def test_the_path_of_a_recording_is_a_stream_that_cannot_be_written() -> None:
    assert open_stream("a/b.parquet").url == "a/b.parquet"
    with pytest.raises(UsageError, match="cannot be written"):
        open_log("a/b.parquet")


def test_only_a_file_can_hold_back_retention_for_a_reader(tmp_path: Path) -> None:
    log = open_log(f"sqlite:{tmp_path}/log.sqlite")
    assert retained(log) is log
    with pytest.raises(UsageError, match="cannot keep ticks for a reader"):
        retained(open_log("kafka://host/t"))
