"""DeepFace's own server, unchanged, before our client: each reply in here is its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from both import Ask, ask_sync, both_ways
from facegate import (
    AuthenticationFailed,
    CaptureReason,
    CaptureRejected,
    FacegateError,
    ProviderUnavailable,
)
from facegate_deepface.provider import DeepFace, DeepFaceSettings

PYTHON = os.environ.get("FACEGATE_DEEPFACE", "")
TOKEN = "tok-77aa31c09e"
REASON = (
    "FACEGATE_DEEPFACE does not name the Python of an environment with deepface 0.0.103;"
    " docs/providers/deepface.md says how to make one"
)
pytestmark = pytest.mark.skipif(not PYTHON, reason=REASON)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the server is. It has the weights of Dlib and YuNet, and cannot download others."""
    folder = tmp_path_factory.mktemp("deepface")
    log = folder / "log"
    environ = {
        **os.environ,
        "DEEPFACE_HOME": str(Path(PYTHON).absolute().parents[1]),
        "DEEPFACE_AUTH_TOKEN": TOKEN,
        "HTTPS_PROXY": "http://127.0.0.1:9",
    }
    command = [PYTHON, "-m", "flask", "--app", "deepface.api.src.app", "run", "--port", "0"]
    with (
        log.open("w") as told,
        subprocess.Popen(command, cwd=folder, env=environ, stdout=told, stderr=told) as server,
    ):
        try:
            while not (found := re.search(r"http://127\.0\.0\.1:\d+", log.read_text())):
                assert server.poll() is None, log.read_text()
                time.sleep(0.1)
            yield found[0]
        finally:
            server.kill()


def deepface(url: str, **more: Any) -> DeepFace:
    given: dict[str, Any] = {"base_url": url, "token": TOKEN, "model": "Dlib", "detector": "yunet"}
    given |= {"anti_spoofing": True, **more}
    return DeepFace(DeepFaceSettings.model_validate(given))


def failure(
    url: str, probe: bytes, *gallery: bytes, ask: Ask = ask_sync, **more: Any
) -> FacegateError:
    pictures: dict[str, Any] = {"gallery": gallery} if gallery else {}
    operation = "compare" if gallery else "liveness"
    with pytest.raises(FacegateError) as caught:
        ask(deepface(url, **more), operation, probe=probe, **pictures)
    return caught.value


@pytest.mark.parametrize(("metric", "threshold"), [("cosine", 0.07), ("angular", 0.12)])
@both_ways
def test_it_tells_who_is_who(
    url: str, faces: Mapping[str, bytes], ask: Ask, metric: str, threshold: float
) -> None:
    provider = deepface(url, metric=metric)
    same, another = (
        ask(provider, probe=faces["mine"], gallery=[faces[name]])
        for name in ("mine_too", "strangers")
    )
    assert (same.accepted, another.accepted) == (True, False)
    for result in (same, another):
        assert result.match is not None
        assert result.match.threshold == threshold
        assert (result.engine, result.warnings) == (f"deepface/Dlib/{metric}/yunet", ())


def test_the_closest_of_a_gallery_counts(url: str, faces: Mapping[str, bytes]) -> None:
    gallery = [faces["strangers"], faces["mine_too"]]
    result = ask_sync(deepface(url), probe=faces["mine"], gallery=gallery)
    assert result.match is not None
    assert result.accepted
    assert result.match.score == result.match.gallery_scores[1]


@pytest.mark.parametrize("several_faces", ["refuse", "vendor"])
@both_ways
def test_a_picture_without_a_face_is_named(
    url: str, faces: Mapping[str, bytes], ask: Ask, several_faces: str
) -> None:
    mine, nobody = faces["mine"], faces["nobody"]
    for image, pictures in (("probe", (nobody, mine)), ("gallery[0]", (mine, nobody))):
        error = failure(url, *pictures, ask=ask, several_faces=several_faces)
        assert isinstance(error, CaptureRejected)
        assert (error.reason, error.image) == (CaptureReason.FACE_NOT_FOUND, image)


@both_ways
def test_two_faces_are_refused_or_the_closer_counts(
    url: str, faces: Mapping[str, bytes], ask: Ask
) -> None:
    two, one = faces["two"], faces["strangers"]
    for image, pictures in (("probe", (two, one)), ("gallery[0]", (one, two))):
        error = failure(url, *pictures, ask=ask)
        assert isinstance(error, CaptureRejected)
        assert (error.reason, error.image) == (CaptureReason.TOO_MANY_FACES, image)
    assert ask(deepface(url, several_faces="vendor"), probe=two, gallery=[one]).accepted


@pytest.mark.parametrize("token", [None, "tok-of-another"])
def test_only_who_holds_the_token_is_let_in(
    url: str, faces: Mapping[str, bytes], token: str | None
) -> None:
    error = failure(url, faces["mine"], faces["mine_too"], token=token)
    assert type(error) is AuthenticationFailed


def test_weights_that_it_cannot_download_are_an_outage(
    url: str, faces: Mapping[str, bytes]
) -> None:
    pair = faces["mine"], faces["mine_too"]
    assert type(failure(url, faces["mine"])) is ProviderUnavailable  # of its anti-spoofing
    assert type(failure(url, *pair, model="SFace")) is ProviderUnavailable
    assert type(failure(url, *pair, detector="opencv")) is ProviderUnavailable


def test_every_threshold_is_its_own(url: str) -> None:
    code = "import json, deepface.config.threshold as t; print(json.dumps(t.thresholds))"
    told = subprocess.run([PYTHON, "-c", code], capture_output=True, text=True, check=True)
    for model, by_metric in json.loads(told.stdout.splitlines()[-1]).items():
        for metric in ("cosine", "angular"):
            match = deepface(url, model=model, metric=metric).info.match
            assert match is not None
            assert match.threshold == by_metric[metric]
