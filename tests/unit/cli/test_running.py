from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SCRIPT = """
import logging
from ticker.cli.running import set_up_logging
set_up_logging(screen=True)
logging.getLogger("asyncio").error("Task was destroyed but it is pending!")
"""


def test_what_asyncio_finds_goes_to_the_file_and_never_across_a_screen(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],  # whose logging is nobody else's
        env={**os.environ, "XDG_STATE_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("", "")
    assert "ERROR asyncio: Task was destroyed" in (tmp_path / "ticker" / "ticker.log").read_text()
