"""The programs and the migrations that the pages show over HTTP do what the pages say."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from acme import DOCUMENT, PROBE
from facegate import (
    CaptureReason,
    CaptureRejected,
    FacegateError,
    ProviderTimeout,
    ProviderUnavailable,
)
from facegate.plugin import CompareRequest
from facegate.providers.registry import Registry
from facegate.testing import FakeProvider, match, no_match
from journals import journal
from natives import body, database, encoded, key, native
from pages import DOCS, read

pytestmark = pytest.mark.slow

PROGRAMS = {
    "go": ("go", "run", "compare.go"),
    "java": ("java", "Compare.java"),
    "node": ("node", "compare.mjs"),
}
"""The programs that can be run here, by what runs them; each says the same."""
FOLDER = DOCS / "examples" / "http"
Program = Callable[[], "subprocess.CompletedProcess[str]"]


@pytest.fixture
def fake() -> FakeProvider:
    return FakeProvider(review_from=0.6)


@pytest.fixture(params=PROGRAMS)
def program(
    request: pytest.FixtureRequest, fake: FakeProvider, tmp_path: Path
) -> Iterator[Program]:
    """Runs a program against a service whose provider is the fake."""
    tool, *arguments = PROGRAMS[request.param]
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not on this machine")
    pictures = [tmp_path / "selfie.png", tmp_path / "passport.png"]
    for path, data in zip(pictures, (PROBE, DOCUMENT), strict=True):
        path.write_bytes(data)
    with journal(database(tmp_path)) as kept, native(fake, journal=kept) as client:
        service = {"FACEGATE_URL": str(client.base_url).rstrip("/")}
        environ = {**os.environ, **service, "FACEGATE_KEY": key(kept, "verify")}
        line = [tool, *arguments, *map(str, pictures)]
        yield lambda: subprocess.run(
            line, cwd=FOLDER, env=environ, capture_output=True, text=True, check=False, timeout=120
        )


def test_a_program_tells_three_decisions_apart(fake: FakeProvider, program: Program) -> None:
    fake.will(match(0.9), match(0.65), no_match())
    assert [program().stdout for _ in range(3)] == [
        "the same person, says fake\n",
        "a near miss: somebody has to look\n",
        "not accepted\n",
    ]


def test_a_program_says_which_picture_to_take_again(fake: FakeProvider, program: Program) -> None:
    fake.will(CaptureRejected("nobody", reason=CaptureReason.FACE_NOT_FOUND, image="probe"))
    assert program().stdout == "take the probe again: FACE_NOT_FOUND\n"


def test_a_program_asks_again_what_cost_nothing(fake: FakeProvider, program: Program) -> None:
    fake.will(ProviderUnavailable("closed for lunch"))
    assert program().stdout == "the same person, says fake\n"
    assert len(fake.asked) == 2


def test_a_program_takes_no_answer_for_neither_yes_nor_no(
    fake: FakeProvider, program: Program
) -> None:
    fake.will(ProviderTimeout("it took too long"))
    done = program()
    assert (done.stdout, len(fake.asked)) == ("", 1)
    assert done.returncode
    assert "it took too long" in done.stderr


def test_every_problem_of_the_service_is_in_the_reference() -> None:
    page = read("reference/http.md")
    for kind in _kinds(FacegateError):
        if kind.__module__.startswith(("facegate.gateway", "facegate.journal")):
            rows = re.findall(rf"^\| {kind.http_status} \| .*`{kind.__name__}`", page, re.MULTILINE)
            assert rows, kind


def _kinds(base: type[FacegateError]) -> Iterator[type[FacegateError]]:
    for kind in base.__subclasses__():
        yield kind
        yield from _kinds(kind)


OLD = {
    "verifik": (
        "/v2/face-recognition/compare",
        {"probe": [encoded(PROBE)], "gallery": [encoded(DOCUMENT)], "compare_min_score": 0.9},
    ),
    "opencv_fr": (
        "/compare",
        {
            "face_base_64": encoded(PROBE),
            "ref_face_base_64": encoded(DOCUMENT),
            "min_similarity_score": 0.8,
            "check_liveness": False,
        },
    ),
}
"""Comparisons as integrations of vendors send them; all their thresholds are the fake's 0.8."""


@pytest.mark.parametrize("vendor", OLD)
def test_a_question_of_a_vendors_api_is_moved_to_v1(vendor: str, fake: FakeProvider) -> None:
    kind = Registry().api_type(vendor)
    path, old = OLD[vendor]
    with native(fake, apis=[kind(kind.settings_type())]) as client:
        assert client.post(path, json=old).status_code == 200
        assert client.post("/v1/compare", json=body(threshold=0.8)).json()["accepted"]
    before, after = fake.asked
    assert isinstance(before, CompareRequest)
    assert isinstance(after, CompareRequest)
    assert before.probe.digest == after.probe.digest
    assert [each.digest for each in before.gallery] == [each.digest for each in after.gallery]
    assert before.threshold == pytest.approx(after.threshold)
