"""facegate's client before moto, a mock of AWS that others wrote: a second opinion on framing.

It takes a minute to install and 300 MB, so it is asked where ``FACEGATE_MOTO`` names the Python of
an environment that has it::

    python3 -m venv moto && moto/bin/pip install "moto[server]==5.2.5"
    FACEGATE_MOTO=moto/bin/python python3 dev.py test tests/clients/test_moto.py
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping

import pytest

from both import Ask, both_ways
from facegate import CaptureReason, CaptureRejected
from facegate.plugin import Provider
from facegate.providers.registry import Registry

PYTHON = os.environ.get("FACEGATE_MOTO", "")
pytestmark = pytest.mark.skipif(not PYTHON, reason="FACEGATE_MOTO names no Python that has moto")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    script = (
        "import sys; from moto.server import ThreadedMotoServer as S; s = S('127.0.0.1', 0);"
        " s.start(); print(s.get_host_and_port()[1], flush=True); sys.stdin.read()"
    )
    command = [PYTHON, "-c", script]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        assert server.stdout is not None
        port = next(line for line in server.stdout if line.strip().isdigit())
        yield f"http://127.0.0.1:{port.strip()}"
        server.kill()


def rekognition(url: str, **more: object) -> Provider:
    given = {"region": "us-east-1", "access_key_id": "AKIDEXAMPLE", "secret_access_key": "s3cr3t"}
    kind = Registry().provider_type("rekognition")
    return kind(kind.settings_type.model_validate({**given, "base_url": url, **more}))


@both_ways
def test_a_reply_of_its_is_read(ask: Ask, url: str, faces: Mapping[str, bytes]) -> None:
    pair = {"probe": faces["mine"], "gallery": [faces["mine_too"]]}
    result = ask(rekognition(url, several_faces="vendor"), **pair)
    assert result.match is not None
    assert result.match.score == 100.0  # it says so of whatever it is sent
    with pytest.raises(CaptureRejected) as caught:
        ask(rekognition(url), **pair)
    assert caught.value.reason is CaptureReason.TOO_MANY_FACES  # and that another one is there
