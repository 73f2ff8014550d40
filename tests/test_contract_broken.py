"""A plugin that breaks a rule fails the contract, and by the check that is about that rule."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from broken import suite
from broken.found import FOUND_BY
from facegate.testing import CompatibleApiContract, HttpProviderContract

ROOT = Path(__file__).parents[1]
SUITE = Path(suite.__file__).relative_to(ROOT)
pytestmark = pytest.mark.slow  # a pytest in a pytest

BROKEN = [(broken.__name__, test) for broken, tests in FOUND_BY.items() for test in tests]


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], str]:
    """What the checks said of each broken plugin that failed them; all were run in one go."""
    report = tmp_path_factory.mktemp("broken") / "report.xml"
    checks = [f"{SUITE}::Test{name}::{test}" for name, test in BROKEN]
    command = [sys.executable, "-m", "pytest", "-q", "--tb=line", f"--junit-xml={report}", *checks]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    return {
        (
            case.attrib["classname"].rpartition(".Test")[2],
            case.attrib["name"].partition("[")[0],
        ): failure.attrib["message"]
        for case in ET.parse(report).iter("testcase")  # noqa: S314  written just now
        if (failure := case.find("failure")) is not None
    }


@pytest.mark.parametrize(("name", "test"), BROKEN, ids=[name for name, _ in BROKEN])
def test_a_broken_plugin_is_found_out(
    name: str, test: str, failed: dict[tuple[str, str], str]
) -> None:
    assert (name, test) in failed


def test_the_checks_say_what_is_wrong_in_words(failed: dict[tuple[str, str], str]) -> None:
    said = {case: message.splitlines()[0] for case, message in failed.items()}
    bare = [
        f"{case}: {line}" for case, line in said.items() if " " not in line or "assert " in line
    ]
    assert not bare, "\n".join(bare)


def test_the_checks_repeat_no_whole_result(failed: dict[tuple[str, str], str]) -> None:
    lengthy = [case for case, message in failed.items() if "VerificationResult(" in message]
    assert not lengthy


SENTENCES = {
    "SwapsSelfieAndDocument": "probe: gallery[0], gallery: the probe",
    "SendsDataURIs": "probe: the probe as a data URI",
    "DropsAnOptionInOneOfTwoOperations": "changes no request of liveness: it is dropped",
    "LogsItsBasicAuth": "a log record of broken.http shows a secret",
    "ClaimsToTakeWebP": "info says that WebP is taken, and the documentation does not",
    "RaisesBeforeItAsks": "made no documented request: UnsupportedOperation('not today')",
    "AsksElsewhere": "POST /v2/compare, which is not documented and got a 404",
    "LeavesTheJobBehind": "DELETE /checks/check-7f3a91 are 0, and 1 are documented",
    "WantsAnotherAction": "other headers than documented, or none: x-action",
    "CallsEveryPictureAPNG": "compare sent the probe, which is image/webp, as image/png",
    "SwapsTheParts": "selfie: gallery[0], document: the probe",
    "ComparesTheProbeWithItself": "other is 'face-1-8a2f', not 'face-2-b07c'",
    "RetriesByItself": "the requests POST /v1/compare are 2, and 1 are documented",
}


@pytest.mark.parametrize("name", SENTENCES)
def test_the_sentence_names_the_culprit(name: str, failed: dict[tuple[str, str], str]) -> None:
    said = [message for (broken, _), message in failed.items() if broken == name]
    assert [each for each in said if SENTENCES[name] in each], said


def test_every_check_is_failed_by_somebody() -> None:
    checks = {
        name
        for contract in (HttpProviderContract, CompatibleApiContract)
        for name in dir(contract)
        if name.startswith("test_")
    }
    assert checks == {test for _, test in BROKEN}
