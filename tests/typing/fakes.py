"""What tests of applications and of plugins write; see ``applications.py``."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, assert_type

import pytest

import facegate
from facegate import AuthenticationFailed, FaceVerifier, Operation, RateLimited
from facegate.plugin import Answer, Provider
from facegate.testing import (
    Documented,
    Endpoint,
    Failure,
    FakeProvider,
    FaultProxy,
    HttpProviderContract,
    Interaction,
    ProviderContract,
    Scores,
    Seen,
    VendorCall,
    answer_with,
    cassette,
    cassettes_in,
    documented_in,
    latency,
    live,
    match,
    no_match,
    noise,
    not_live,
    play_cassette,
    rate_limited,
)


def scripts(raw: bytes) -> None:
    fake = FakeProvider(match=0.93)
    fake.will(no_match(), match(0.8), live(), not_live(reason="print"), RateLimited("slow down"))
    fake.will(Answer(), Scores(match=0.1))
    fake.will(0.5)  # type: ignore[arg-type]
    provider: Provider = fake
    with FaceVerifier(provider) as verifier:
        verifier.liveness(raw)
    assert_type([each.operation for each in fake.asked], list[Operation])
    assert_type(fake.closed, int)
    with answer_with(fake), facegate.open() as verifier:
        verifier.compare(noise(1), noise(2))
    answer_with("fake")  # type: ignore[arg-type]


def spoils(url: str) -> None:
    with FaultProxy(url) as proxy:
        assert_type(proxy.url, str)
        proxy.will(rate_limited(7), latency(0.5))
        proxy.will(rate_limited)  # type: ignore[arg-type]
        with proxy.refusing():
            pass


def plays(path: Path) -> None:
    assert_type(play_cassette(path), dict[str, Any])
    assert_type(cassettes_in("cassettes"), list[Path])
    with cassette(path):
        pass


CALL = VendorCall(
    Operation.COMPARE,
    Endpoint("/compare", {"probe", "gallery"}, probe="probe", gallery="gallery"),
    before=(Interaction(Endpoint("/token"), {"token": "t"}),),
)


class TestVendor(HttpProviderContract):
    contract_version = 1
    settings: ClassVar = {"token": "t"}
    documented = (Documented(CALL, {"score": 0.9}, {"accepted": True}), *documented_in(".", [CALL]))
    failures = (Failure(401, {}, AuthenticationFailed),)

    def verify(self, request: Seen) -> None:
        assert_type(request.method, str)


class TestEngine(ProviderContract):
    provider = FakeProvider
    contract_version = "1"  # type: ignore[assignment]

    @pytest.fixture
    def faces(self) -> tuple[bytes, ...]:
        return noise(1), noise(2)


Failure(401, {}, ValueError)  # type: ignore[arg-type]
