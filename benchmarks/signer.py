"""Signing a request with two pictures: facegate's signer against that of AWS's own SDK."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from statistics import median
from typing import Any, Final

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from callers import photo
from pydantic import SecretStr

from facegate import plugin as fg
from facegate_rekognition import wire

SIZE: Final = 5_000_000
FACEGATE: Final = "facegate"
BOTOCORE: Final = "botocore"
_URL: Final = "https://rekognition.eu-west-1.amazonaws.com/"
_HEADERS: Final = {wire.TARGET: wire.COMPARE, "Content-Type": wire.CONTENT_TYPE}
_ID, _SECRET = SecretStr("AKIDEXAMPLE"), SecretStr("s3cr3t")


def signing(rounds: int) -> dict[str, Any]:
    """Median milliseconds by signer, in turn, and the bytes that facegate's takes for it."""
    probe, gallery = (
        wire.Source[fg.Picture](Bytes=fg.Image.from_bytes(photo(SIZE))) for _ in range(2)
    )
    body = fg.json_body(wire.Compare[fg.Picture](SourceImage=probe, TargetImage=gallery))
    request = fg.HttpRequest("POST", _URL, _HEADERS, body.parts)
    whole = b"".join(body.parts)
    signer = SigV4Auth(Credentials("AKIDEXAMPLE", "s3cr3t"), "rekognition", "eu-west-1")

    def facegates() -> None:
        wire.SIGNING.signed(request, _ID, _SECRET, datetime.now(UTC), "eu-west-1")

    def botocores() -> None:
        signer.add_auth(AWSRequest("POST", _URL, dict(_HEADERS), whole))

    taken: dict[str, list[float]] = {FACEGATE: [], BOTOCORE: []}
    for _ in range(rounds):
        for name, sign in ((FACEGATE, facegates), (BOTOCORE, botocores)):
            taken[name].append(_seconds(sign))
    tracemalloc.start()
    facegates()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    ms = {name: 1e3 * median(seconds) for name, seconds in taken.items()}
    return {"bytes": len(whole), "ms": ms, "peak_bytes": peak}


def _seconds(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
