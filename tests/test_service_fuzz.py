"""The API's document holds: for whatever is sent by it, and for clients that are made of it.

``FACEGATE_FUZZ=2000`` makes up as many requests of each kind, where the suite has a few.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from facegate import FaceVerifier
from facegate.gateway.grants import SCOPES
from facegate.gateway.keys import new_key
from facegate.journal import Journal
from journals import finished, journal, write
from natives import PAIRS, Judge, alone, bearer, database, encoded, key, metrics, native, timeless

pytestmark = pytest.mark.slow

_PICTURES = "positive_data_acceptance"
"""The check that a valid message is accepted. No schema says what a picture is."""
CASES = int(os.environ.get("FACEGATE_FUZZ", "150"))


IN_FILE = new_key()
"""A key that nothing over HTTP can revoke."""


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Journal]:
    with journal(database(tmp_path)) as opened:
        write(opened, finished("r-1"))
        yield opened


@contextmanager
def serving_it(kept: Journal, **settings: Any) -> Iterator[httpx.Client]:
    near, backup = Judge(review_from=0.3), alone(Judge("backup"), "backup")
    with native(near, backup, journal=kept, metrics=metrics, **settings) as client:
        yield client


@pytest.fixture
def service(kept: Journal) -> Iterator[httpx.Client]:
    with serving_it(kept) as client:
        yield client


@pytest.fixture
def guarded(kept: Journal) -> Iterator[httpx.Client]:
    keys = {"fuzz": {"hash": IN_FILE.hash, "scopes": SCOPES}}
    with serving_it(kept, keys=keys) as client:
        yield client


def told_in_python() -> list[Any]:
    with FaceVerifier(alone(Judge(review_from=0.3))) as verifier:
        results = [verifier.compare(*pair) for pair in PAIRS]
    return [timeless(each.model_dump(mode="json")) for each in results]


def test_the_document_is_a_valid_one(service: httpx.Client) -> None:
    validator = pytest.importorskip("openapi_spec_validator")
    document = service.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    validator.validate(document)


def fuzz(client: httpx.Client, folder: Path, *options: str) -> None:
    """Make up requests; no answer is a 5xx, and each is as the document says."""
    pytest.importorskip("schemathesis")
    paths = client.get("/openapi.json").json()["paths"]
    most = -(-CASES // sum(map(len, paths.values())))
    phases = "fuzzing,stateful" if CASES <= 150 else "examples,coverage,fuzzing,stateful"
    url = str(client.base_url)
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{url}/openapi.json", "--url", url),
        *(f"--phases={phases}", f"--max-examples={most}", "--generation-deterministic"),
        *("--no-color", "--warnings=off", *options),
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]


def test_nothing_made_up_breaks_the_document_without_keys(
    service: httpx.Client, tmp_path: Path
) -> None:
    # A first key would close the door.
    options = [f"--exclude-checks={_PICTURES},ignored_auth", "--exclude-operation-id=createKey"]
    fuzz(service, tmp_path, *options)


def test_nothing_made_up_breaks_the_document_with_a_key(
    guarded: httpx.Client, tmp_path: Path
) -> None:
    presents = f"--header=Authorization: Bearer {IN_FILE.text}"
    fuzz(guarded, tmp_path, presents, f"--exclude-checks={_PICTURES}")


def test_nothing_made_up_comes_in_without_its_key(guarded: httpx.Client, tmp_path: Path) -> None:
    fuzz(guarded, tmp_path, f"--exclude-checks={_PICTURES}")
    known = guarded.get("/v1/decisions", headers=bearer(IN_FILE.text)).json()["decisions"]
    assert [each["request_id"] for each in known] == ["r-1"]


@pytest.fixture
def made(service: httpx.Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The package of a client that was generated from the document."""
    pytest.importorskip("openapi_python_client")
    document = tmp_path / "openapi.json"
    document.write_text(service.get("/openapi.json").text)
    subprocess.run(
        [
            *(sys.executable, "-m", "openapi_python_client", "generate", "--meta=none"),
            *("--path", document, "--output-path", tmp_path / "made_client"),
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    monkeypatch.syspath_prepend(tmp_path)
    return importlib.import_module("made_client")


def test_a_client_made_of_the_document_is_told_what_python_is(
    made: Any, service: httpx.Client, kept: Journal
) -> None:
    compare = importlib.import_module("made_client.api.compare.compare")
    request = importlib.import_module("made_client.models").CompareRequest
    url, presented = str(service.base_url), key(kept, "verify")
    with made.AuthenticatedClient(base_url=url, token=presented) as client:
        told = [
            compare.sync(
                client=client, body=request(probe=encoded(probe), gallery=[encoded(document)])
            )
            for probe, document in PAIRS
        ]
    assert [timeless(each.to_dict()) for each in told] == told_in_python()


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_sends_pictures_as_files(service: httpx.Client, kept: Journal, tmp_path: Path) -> None:
    headers = [f"{name}: {value}" for name, value in bearer(key(kept, "verify")).items()]
    told = []
    for number, pictures in enumerate(PAIRS):
        names = [tmp_path / f"{number}-{role}.png" for role in ("probe", "gallery")]
        for name, data in zip(names, pictures, strict=True):
            name.write_bytes(data)
        probe, document = names
        forms = ["-F", f"probe=@{probe}", "-F", f"gallery=@{document}", "-F", "threshold=0.8"]
        command = ["curl", "-sS", "-H", *headers, *forms, f"{service.base_url}/v1/compare"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        told.append(timeless(json.loads(done.stdout)))
    assert told == told_in_python()
