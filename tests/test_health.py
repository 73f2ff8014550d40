"""Whether a verifier could answer, as it says itself: to its application and to a balancer."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import anyio
import httpx
import pytest
from pydantic import SecretStr

from acme import DOCUMENT, PROBE, SAME
from acme_api import acme_api, front, question
from facegate import AsyncFaceVerifier, FaceVerifier, Operation, ProviderUnavailable
from facegate.events import Finished
from facegate.gateway import create_app, serving
from facegate.health import Health
from facegate.journal.journal import Journal
from facegate.journal.settings import JournalSettings
from facegate.routing.breaker import Breaker, BreakerSettings, Circuit
from facegate.routing.failover import Failover
from facegate.routing.leaf import Leaf
from facegate.routing.route import Route
from installed import Site
from scripted import Book, Vendor, route
from service import process, url_in

COMPARE = Operation.COMPARE


class Lame(Vendor):
    """Lacks a file for comparisons."""

    def unable(self) -> Mapping[Operation, str]:
        return {COMPARE: "no model file for embedder"}


def of(way: Route, recorder: Book | Journal | None = None) -> Health:
    """The health of a verifier; the same whichever kind it is of."""
    with FaceVerifier(way, recorder=recorder) as verifier:
        health = verifier.health()

    async def awaited() -> Health:
        async with AsyncFaceVerifier(way) as verifier:
            return await verifier.health()

    if recorder is None:
        assert anyio.run(awaited) == health
    return health


def test_whoever_can_answer_is_ready() -> None:
    health = of(route(Leaf(Vendor("main"))))
    assert health.ready
    assert health.providers["main"].offers == {COMPARE}


def test_a_question_that_nobody_could_answer_is_named_with_the_reason() -> None:
    health = of(route(Failover("kyc", [Leaf(Lame("main")), Leaf(Lame("backup"))])))
    assert not health.ready
    assert health.unanswerable == {COMPARE: "no model file for embedder"}


def test_one_that_can_answer_is_enough() -> None:
    health = of(route(Failover("kyc", [Leaf(Lame("main")), Leaf(Vendor("backup"))])))
    assert health.ready
    assert health.providers["main"].unable == {COMPARE: "no model file for embedder"}


def test_a_provider_that_is_left_alone_is_told_and_no_reason_to_send_requests_elsewhere() -> None:
    vendor = Vendor("main", "unavailable")
    circuit = Circuit("main", BreakerSettings(minimum_calls=1))
    with FaceVerifier(route(Breaker(Leaf(vendor), circuit))) as verifier:
        assert verifier.health().providers["main"].resting == frozenset()
        with pytest.raises(ProviderUnavailable):
            verifier.compare(PROBE, DOCUMENT)
        health = verifier.health()
    assert health.providers["main"].resting == {COMPARE}
    assert health.ready


def test_a_journal_that_cannot_be_written_is_a_reason(tmp_path: Path) -> None:
    way = route(Leaf(Vendor("main")))
    assert of(way, Book()).ready
    assert of(way, Book(refused=Finished)).unrecorded == "the disk is full"
    journal = Journal(JournalSettings(url=SecretStr(f"sqlite:///{tmp_path}/journal.db")))
    assert of(way, journal).ready
    nowhere = Journal(JournalSettings(url=SecretStr(f"sqlite:///{tmp_path}/none/journal.db")))
    assert "the journal's database failed" in (of(way, nowhere).unrecorded or "")


# For a balancer


def test_it_is_ready_in_so_many_words() -> None:
    with front(SAME) as client:
        reply = client.get("/readyz")
    assert (reply.status_code, reply.json()) == (200, {"ready": True, "reasons": []})


def test_strangers_who_ask_again_and_again_do_not_keep_the_journal_busy() -> None:
    class Counting(Book):
        checks = 0

        def check(self) -> None:
            Counting.checks += 1

    def opened() -> AsyncFaceVerifier:
        return AsyncFaceVerifier(Vendor("main"), recorder=Counting())

    with serving(create_app([acme_api()], opened)) as url:
        begun = time.monotonic()
        for _ in range(50):
            assert httpx.get(f"{url}/readyz").json()["ready"]
    assert Counting.checks <= 1 + (time.monotonic() - begun)


def test_what_nobody_can_answer_turns_requests_away() -> None:
    with front(Lame("main"), acme_api()) as client:
        reply = client.get("/readyz")
    assert reply.status_code == 503
    assert reply.json() == {"ready": False, "reasons": ["compare cannot be answered"]}
    assert "main" not in reply.text  # who asks has shown no key


PLUGIN = """
import sys
sys.path.append({tests!r})
from dataclasses import replace
from acme import INFO, SAME
from acme_api import AcmeApi
from facegate.plugin import *

class Vendor(BlockingProvider[ProviderSettings]):
    settings_type = ProviderSettings
    info = replace(INFO, embedded=True)

    def compare(self, request):
        return SAME

    def findings(self):
        return ["it is slow on this machine"]

    def warm(self):
        print("warm", flush=True)
        if {cold}:
            raise ProviderUnavailable("no model file for embedder")

@hookimpl
def facegate_providers():
    return [Vendor]

@hookimpl
def facegate_compatible_apis():
    return [AcmeApi]
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    def install(*, cold: bool = False) -> Path:
        tests = str(Path(__file__).parent)
        Site(tmp_path, monkeypatch).install("acme", PLUGIN.format(tests=tests, cold=cold))
        return tmp_path

    return install


def test_models_are_loaded_before_anybody_is_let_in(install: Callable[..., Path]) -> None:
    folder = install()
    with process(folder, "--compat", "acme") as (_, said):
        assert said[0] == "warm"
        assert "note: acme: it is slow on this machine" in said
    with process(folder, "--compat", "acme", FACEGATE_SERVE__WARM="false") as (_, said):
        assert "warm" not in said


def test_what_cannot_be_loaded_is_told_and_no_reason_not_to_serve(
    install: Callable[..., Path],
) -> None:
    with process(install(cold=True), "--compat", "acme") as (_, said):
        assert "note: acme: no model file for embedder" in said


def test_before_it_ends_a_balancer_is_told_and_requests_are_still_answered(
    install: Callable[..., Path],
) -> None:
    with process(install(), "--compat", "acme", FACEGATE_SERVE__DRAIN_S="600") as (running, said):
        url = url_in(said)
        assert httpx.get(f"{url}/readyz").status_code == 200
        running.send_signal(signal.SIGTERM)
        while (reply := httpx.get(f"{url}/readyz")).status_code == 200:
            time.sleep(0.01)
        assert reply.json()["reasons"] == ["the process is about to end"]
        assert httpx.post(f"{url}/v1/compare", json=question()).json()["same"]
        running.send_signal(signal.SIGTERM)  # once more: now
        assert running.wait(60) == 0
