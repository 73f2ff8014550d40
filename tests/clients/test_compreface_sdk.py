"""compreface-sdk, CompreFace's SDK for Python, before the API that answers as CompreFace does.

It needs a urllib3 below 2, so it lies in a folder of its own and runs in a process of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from facegate_compreface.compat import CompreFaceApi

FOLDER = Path(sys.prefix) / "clients" / "compreface"
ME, NOBODY, SLOW, LATE = (f"5f3c8a10-62d4-4b7e-9c1f-0a8d7e6b5c4{n}" for n in range(4))
INSTRUCTED = {
    f"00000000-0000-4000-8000-{number:012}": f"error={name}"
    for number, name in enumerate(CompreFaceApi.errors)
}
KEYS = {ME: None, SLOW: "error=RateLimited", LATE: "error=ProviderTimeout", **INSTRUCTED}
APPLICATION = """
import json, sys
from compreface import CompreFace

port, cases = json.load(sys.stdin)
answers = []
for key, source, target, options in cases:
    service = CompreFace("http://127.0.0.1", port).init_face_verification(key)
    answers.append(service.verify(source, target, options))
json.dump(answers, sys.stdout)
"""

pytestmark = pytest.mark.skipif(
    not (FOLDER / "compreface").is_dir(),
    reason=f"it takes a folder of its own, {FOLDER}, which `python3 dev.py test` makes",
)

Ask = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="module")
def url(served: Callable[..., str]) -> str:
    return served(CompreFaceApi, KEYS)


@pytest.fixture
def answers(url: str, faces: Mapping[str, bytes], tmp_path: Path) -> Ask:
    """What the SDK gives the application."""
    for name, picture in {**faces, "letter": b"Dear Sir"}.items():
        (tmp_path / name).write_bytes(picture)

    def ask(*cases: Mapping[str, Any], below: str = "") -> list[dict[str, Any]]:
        usual = {"key": ME, "source": "mine", "target": "mine_too", "options": {}}
        port = url.rpartition(":")[2] + below  # the SDK puts a slash and the path behind it
        done = subprocess.run(
            [sys.executable, "-c", APPLICATION],
            input=json.dumps([port, [[*{**usual, **each}.values()] for each in cases]]),
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(FOLDER)},
            capture_output=True,
            text=True,
            check=True,
        )
        given: list[dict[str, Any]] = json.loads(done.stdout)
        return given

    return ask


BRANCHES = {
    0: "sorry",
    10: "who are you",
    20: "who are you",
    21: "no picture",
    26: "not like that",
    28: "no face",
    31: "several faces",
    41: "later",
}


def branch(answer: Mapping[str, Any]) -> str:
    """An application's own branch; to the SDK an error is an answer."""
    if "result" not in answer:
        return BRANCHES.get(answer["code"], str(answer["code"]))
    (face,) = answer["result"][0]["face_matches"]
    return "same" if face["similarity"] >= 0.5 else "another"


@pytest.mark.parametrize("below", ["", "/compreface"])
def test_it_tells_who_is_who(answers: Ask, below: str) -> None:
    wanted = {
        ("mine", "mine_too"): "same",
        ("mine", "strangers"): "another",
        ("nobody", "mine"): "no face",
        ("mine", "nobody"): "no face",
        ("two", "mine"): "several faces",
        ("mine", "two"): "no face",
        ("letter", "mine"): "no picture",
        ("mine", "heavy"): "sorry",
    }
    cases = [{"source": source, "target": target} for source, target in wanted]
    taken = map(branch, answers(*cases, below=below))
    assert dict(zip(wanted, taken, strict=True)) == wanted


def test_a_slash_too_many_is_told_in_the_vendors_words(answers: Ask) -> None:
    (answer,) = answers({}, below="/compreface/")
    assert (branch(answer), set(answer)) == ("sorry", {"message", "code"})


def test_options_are_taken(answers: Ask) -> None:
    options = {"limit": 1, "det_prob_threshold": 0.8, "face_plugins": "landmarks", "status": True}
    (answer,) = answers({"options": options})
    assert branch(answer) == "same"
    assert answer["result"][0]["plugins_versions"] == {"calculator": "facegate"}


def test_a_reply_says_where_the_faces_are(answers: Ask) -> None:
    (answer,) = answers({})
    (result,) = answer["result"]
    for face in (result["source_image_face"], *result["face_matches"]):
        box = face["box"]
        assert box["x_min"] < box["x_max"]
        assert box["y_min"] < box["y_max"]
        assert 0.5 < box["probability"] <= 1


def test_only_who_holds_the_key_is_let_in(answers: Ask) -> None:
    given = answers(*({"key": key} for key in (NOBODY, "nonsense", "")))
    assert [branch(each) for each in given] == ["who are you", "not like that", "who are you"]
    assert NOBODY not in str(given)


def test_every_error_arrives(answers: Ask) -> None:
    given = answers(*({"key": key} for key in INSTRUCTED))
    assert [each["code"] for each in given] == [
        int(said.split("-")[1]) for said in INSTRUCTED.values()
    ]
    assert {branch(each) for each in given}.isdisjoint({"same", "another"})


def test_throttling_and_outages_arrive(answers: Ask) -> None:
    assert [branch(each) for each in answers({"key": SLOW}, {"key": LATE})] == ["later", "later"]
