"""@aws-sdk/client-rekognition, AWS's SDK for JavaScript, before the API that answers as it does."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from facegate_rekognition.compat import RekognitionApi

MODULES = Path(sys.prefix) / "clients" / "node_modules"
ME = "AKIDEXAMPLE:s3cr3t/9e41+b7c0"
SLOW, LATER = "AKIDSLOW:s3cr3t", "AKIDLATER:s3cr3t"
KEYS = {
    ME: None,
    SLOW: "error=ProvisionedThroughputExceededException",
    LATER: "error=InternalServerError",
}

pytestmark = pytest.mark.skipif(
    not (shutil.which("node") and (MODULES / "@aws-sdk" / "client-rekognition").is_dir()),
    reason="it takes Node and npm, with which `python3 dev.py test` installs it",
)


@pytest.fixture(scope="module")
def branches(
    served: Callable[..., str],
    faces: Mapping[str, bytes],
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[..., list[str]]:
    """The branches that the application takes, a case each: key, source and target."""
    folder, url = tmp_path_factory.mktemp("faces"), served(RekognitionApi, KEYS)
    for name, picture in faces.items():
        (folder / name).write_bytes(picture)

    def ask(*cases: tuple[str, str, str], **more: Any) -> list[str]:
        told = [
            {
                **dict(zip(("id", "secret"), key.split(":"), strict=True)),
                "source": str(folder / source),
                "target": str(folder / target),
                **more,
            }
            for key, source, target in cases
        ]
        done = subprocess.run(
            ["node", str(Path(__file__).with_name("rekognition.cjs"))],  # noqa: S607
            input=json.dumps({"modules": str(MODULES), "url": url, "cases": told}),
            capture_output=True,
            text=True,
            check=True,
        )
        taken: list[str] = json.loads(done.stdout)
        return taken

    return ask


@pytest.mark.parametrize("path", ["", "/", "/rekognition", "/rekognition/"])
def test_it_tells_who_is_who(branches: Callable[..., list[str]], path: str) -> None:
    targets = ("mine_too", "strangers", "nobody", "two", "heavy")
    taken = branches(*((ME, "mine", target) for target in targets), path=path)
    assert taken == ["same", "another", "no face", "no face", "too large"]


def test_only_who_holds_the_key_is_let_in(branches: Callable[..., list[str]]) -> None:
    taken = branches((f"{ME}x", "mine", "mine"), ("AKIDOTHER:s3cr3t", "mine", "mine"))
    assert taken == ["InvalidSignatureException", "UnrecognizedClientException"]


def test_the_clock_must_be_right(branches: Callable[..., list[str]]) -> None:
    an_hour = 3_600_000
    assert branches((ME, "mine", "mine_too"), skew=an_hour) == ["RequestExpired"]
    assert branches((ME, "mine", "mine_too"), skew=-an_hour) == ["RequestExpired"]
    assert branches((ME, "mine", "mine_too"), skew=600_000) == ["same"]


def test_throttling_and_outages_arrive(branches: Callable[..., list[str]]) -> None:
    taken = branches((SLOW, "mine", "mine"), (LATER, "mine", "mine"))
    assert taken == ["slower", "later"]
