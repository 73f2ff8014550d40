"""A plugin that breaks a rule fails the contract, and by the check that is about that rule."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from broken import dialects
from broken.providers import FOUND_BY

ROOT = Path(__file__).parents[1]
SUITE = "tests/broken/suite.py"
BROKEN = {broken.__name__: test for broken, test in FOUND_BY.items()}


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> set[tuple[str, str]]:
    """Every broken plugin whose check failed, with that check; all were run in one go."""
    report = tmp_path_factory.mktemp("broken") / "report.xml"
    checks = [f"{SUITE}::Test{name}::{test}" for name, test in BROKEN.items()]
    command = [sys.executable, "-m", "pytest", "-q", f"--junit-xml={report}", *checks]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    return {
        (case.attrib["classname"].rpartition(".Test")[2], case.attrib["name"].partition("[")[0])
        for case in ET.parse(report).iter("testcase")  # noqa: S314  written just now
        if case.find("failure") is not None
    }


@pytest.mark.parametrize(("name", "test"), BROKEN.items(), ids=BROKEN)
def test_a_broken_plugin_is_found_out(name: str, test: str, failed: set[tuple[str, str]]) -> None:
    assert (name, test) in failed


def test_dialects_are_among_them() -> None:
    assert dialects.LosesTheThreshold in FOUND_BY
