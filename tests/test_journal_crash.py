"""What was acknowledged is there, however the process ended."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from databases import EVERY, fresh

pytestmark = pytest.mark.slow

BENCHMARK = Path(__file__).parents[1] / "benchmarks" / "journal_crash.py"


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.parametrize("database", EVERY)
def test_a_killed_process_has_lost_nothing_that_it_acknowledged(
    database: str, tmp_path: Path
) -> None:
    url = fresh(database, tmp_path)
    how = ["--times", "5", "--sync", "before_answer", "--url", url, "--json"]
    done = subprocess.run([sys.executable, BENCHMARK, *how], check=True, capture_output=True)
    (tally,) = json.loads(done.stdout)
    assert tally["kills"] == 5
    assert tally["acknowledged"] > 0
    assert (tally["lost"], tally["broken"]) == (0, 0)
