"""@exadel/compreface-js-sdk, CompreFace's SDK for JavaScript, before the API that answers as it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from facegate_compreface.compat import CompreFaceApi

MODULES = Path(sys.prefix) / "clients" / "node_modules"
ME, NOBODY, SLOW, LATER, BROKEN = (f"5f3c8a10-62d4-4b7e-9c1f-0a8d7e6b5c4{n}" for n in range(5))
KEYS = {ME: None, SLOW: "error=RateLimited", LATER: "error=500-41", BROKEN: "error=400-0"}

pytestmark = pytest.mark.skipif(
    not (shutil.which("node") and (MODULES / "@exadel" / "compreface-js-sdk").is_dir()),
    reason="it takes Node and npm, with which `python3 dev.py test` installs it",
)

Branches = Callable[..., list[tuple[str, Any]]]


@pytest.fixture(scope="module")
def url(served: Callable[..., str]) -> str:
    return served(CompreFaceApi, KEYS)


@pytest.fixture
def branches(url: str, faces: Mapping[str, bytes], tmp_path: Path) -> Branches:
    """The branches that the application takes, with what it was answered."""
    for name, picture in {**faces, "letter": b"Dear Sir"}.items():
        (tmp_path / name).write_bytes(picture)

    def ask(*cases: Mapping[str, Any], below: str = "") -> list[tuple[str, Any]]:
        usual = {"key": ME, "source": "mine", "target": "mine_too"}
        told = {
            "modules": str(MODULES),
            "port": url.rpartition(":")[2] + below,  # the SDK puts a slash and the path behind it
            "cases": [{**usual, **each} for each in cases],
        }
        done = subprocess.run(
            ["node", str(Path(__file__).with_name("compreface.mjs"))],  # noqa: S607
            input=json.dumps(told),
            cwd=tmp_path,  # it takes a path for one that begins with a dot
            capture_output=True,
            text=True,
            check=True,
        )
        return [(branch, answer) for branch, answer in json.loads(done.stdout)]

    return ask


PAIRS = {
    ("mine", "mine_too"): "same",
    ("mine", "strangers"): "another",
    ("nobody", "mine"): "no face",
    ("mine", "nobody"): "no face",
    ("two", "mine"): "several faces",
    ("mine", "two"): "no face",
    ("letter", "mine"): "no picture",
    ("mine", "heavy"): "sorry",
}


@pytest.mark.parametrize("below", ["", "/compreface"])
@pytest.mark.parametrize("base64", [False, True], ids=["parts", "base64"])
def test_it_tells_who_is_who(branches: Branches, below: str, *, base64: bool) -> None:
    # Of base64 as long as that, the SDK's own look at it fails.
    wanted = {pair: branch for pair, branch in PAIRS.items() if not (base64 and "heavy" in pair)}
    cases = [{"source": source, "target": target, "base64": base64} for source, target in wanted]
    taken = [branch for branch, _ in branches(*cases, below=below)]
    assert dict(zip(wanted, taken, strict=True)) == wanted


def test_a_slash_too_many_is_told_in_the_vendors_words(branches: Branches) -> None:
    ((branch, answer),) = branches({}, below="/compreface/")
    assert (branch, set(answer)) == ("sorry", {"message", "code"})


def test_options_are_taken_unless_the_sdk_garbles_them(branches: Branches) -> None:
    options = {"det_prob_threshold": 0.8, "face_plugins": "landmarks", "status": True}
    taken, garbled = branches({"options": {"limit": 0, **options}}, {"options": options})
    assert taken[0] == "same"
    assert taken[1]["plugins_versions"] == {"calculator": "facegate"}
    assert garbled[0] == "not like that"  # without a limit, it begins the query twice


def test_a_reply_says_where_the_faces_are(branches: Branches) -> None:
    ((_, result),) = branches({})
    for face in (result["source_image_face"], *result["face_matches"]):
        box = face["box"]
        assert box["x_min"] < box["x_max"]
        assert box["y_min"] < box["y_max"]
        assert 0.5 < box["probability"] <= 1


def test_only_who_holds_the_key_is_let_in(branches: Branches) -> None:
    cases = [{"key": key} for key in (NOBODY, "nonsense", "")]
    answers = branches(*cases)
    assert [branch for branch, _ in answers] == ["who are you", "not like that", "who are you"]
    assert NOBODY not in str(answers)


def test_throttling_and_outages_arrive(branches: Branches) -> None:
    answers = branches({"key": SLOW}, {"key": LATER}, {"key": BROKEN})
    assert [branch for branch, _ in answers] == ["later", "later", "sorry"]
