"""A verifier that was made, and used, before its process forked works in the child."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from acme import DOCUMENT, PROBE, SAME, Engine, acme
from facegate import FaceVerifier, Operation, ProviderUnavailable
from facegate.images.intake import Intake
from facegate.routing.breaker import Breaker, BreakerSettings, Circuit, State
from facegate.routing.leaf import Leaf
from facegate.routing.limits import Limited, Limiter, LimitSettings
from facegate.routing.route import Route
from facegate.routing.shadow import Shadow
from facegate.testing import FakeProvider
from forked import in_child
from loopback import PendingRequest, Server, authority, reply, tls
from scripted import QUESTION, Vendor, protected, route

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork"),
    # From Python 3.12 on, forking beside threads warns; that it works is what is shown here.
    pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning"),
]

YES = reply(200, {"score": 0.93})


def asks(verifier: FaceVerifier, times: int = 1) -> None:
    for _ in range(times):
        assert verifier.compare(PROBE, DOCUMENT).accepted


def open_files() -> int:
    return len(list(Path("/dev/fd").iterdir()))


@pytest.mark.parametrize("encrypted", [False, True], ids=["http", "https"])
def test_the_child_has_connections_of_its_own(encrypted: bool, tmp_path: Path) -> None:  # noqa: FBT001
    with Server(YES, tls=tls("127.0.0.1") if encrypted else None) as vendor:
        settings = {"ca_file": authority(tmp_path)} if encrypted else {}
        with FaceVerifier(acme(vendor.url, **settings)) as verifier:
            asks(verifier)

            def child() -> None:
                asks(verifier, 2)
                verifier.close()

            in_child(child)
            asks(verifier)
        assert len(vendor.seen) == 4
        assert vendor.connections == 2


def test_a_child_that_asks_nothing_leaves_nothing_open() -> None:
    with Server(YES) as vendor, FaceVerifier(acme(vendor.url)) as verifier:
        asks(verifier)
        opened = open_files()

        def child() -> None:
            assert open_files() == opened  # a pipe to the parent instead of a connection

        in_child(child)
        asks(verifier)
        assert vendor.connections == 1


def test_what_the_parent_is_waiting_for_does_not_keep_the_child_waiting() -> None:
    asked, let = threading.Event(), threading.Event()

    def patient(line: PendingRequest) -> bool:
        if not asked.is_set():
            asked.set()
            return let.wait(90) and YES(line)
        return YES(line)

    limits = LimitSettings(concurrency=1)
    with Server(patient) as vendor, ThreadPoolExecutor(1) as thread:
        node = Limited(Leaf(acme(vendor.url)), Limiter("main", limits))
        with FaceVerifier(route(node, deadline_s=90)) as verifier:
            under_way = thread.submit(asks, verifier)
            assert asked.wait(60)
            in_child(lambda: asks(verifier))
            let.set()
            under_way.result(90)


@pytest.mark.slow
def test_a_fork_at_any_moment_of_a_busy_verifier_leaves_no_lock_closed() -> None:
    stop = threading.Event()

    def busy() -> None:
        while not stop.is_set():
            asks(verifier)

    with Server(YES) as vendor, ThreadPoolExecutor(3) as threads:
        shadow = Shadow(Leaf(FakeProvider()), sample=1)
        kyc = Route("kyc", protected(Leaf(acme(vendor.url))), 20, 9, shadow=shadow)
        with FaceVerifier(kyc) as verifier:
            asks(verifier)  # nobody can fork while a thread imports, and the first request does
            working = [threads.submit(busy) for _ in range(3)]
            try:
                for _ in range(10):

                    def child() -> None:
                        asks(verifier, 3)
                        verifier.close()

                    in_child(child)
            finally:
                stop.set()
            for each in working:
                each.result(90)


def test_the_child_knows_who_is_out_of_service() -> None:
    circuit = Circuit("main", BreakerSettings(minimum_calls=1))
    with FaceVerifier(route(Breaker(Leaf(Vendor("main", "unavailable")), circuit))) as verifier:
        with pytest.raises(ProviderUnavailable):
            verifier.compare(**QUESTION)

        def child() -> None:
            assert circuit.state(Operation.COMPARE) is State.OPEN
            with pytest.raises(ProviderUnavailable, match="out of service"):
                verifier.compare(**QUESTION)

        in_child(child)


def test_a_trial_of_the_parents_is_none_of_the_childs() -> None:
    asked, let = threading.Event(), threading.Event()
    answers = iter([ProviderUnavailable("maintenance"), None, None])

    def script(_: Any) -> Any:
        if error := next(answers):
            raise error
        if os.getpid() == parent:
            asked.set()
            let.wait(90)
        return SAME

    parent, circuit = os.getpid(), Circuit("main", BreakerSettings(minimum_calls=1, open_s=1e-9))
    with FaceVerifier(route(Breaker(Leaf(Engine(script)), circuit))) as verifier:
        with pytest.raises(ProviderUnavailable):
            asks(verifier)
        with ThreadPoolExecutor(1) as thread:
            trial = thread.submit(asks, verifier)
            assert asked.wait(60)
            in_child(lambda: asks(verifier))
            let.set()
            trial.result(90)
    assert circuit.state(Operation.COMPARE) is State.CLOSED


def test_a_route_is_replaced_in_each_process_by_itself() -> None:
    old, new = FakeProvider(name="old"), FakeProvider(name="new")
    load = lambda *_: (Route.to(new), Intake())  # noqa: E731
    with FaceVerifier(old, _load=load) as verifier:

        def child() -> None:
            verifier.reload()
            assert verifier.compare(PROBE, DOCUMENT).provider == "new"
            assert old.closed == 1

        in_child(child)
        assert verifier.compare(PROBE, DOCUMENT).provider == "old"
        assert not old.closed


def test_what_runs_beside_a_request_in_the_parent_is_not_waited_for_in_the_child(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked, let = threading.Event(), threading.Event()

    def script(_: Any) -> Any:
        asked.set()
        let.wait(90)
        return SAME

    shadow = Shadow(Leaf(Engine(script)), sample=1)
    with FaceVerifier(Route("kyc", Leaf(FakeProvider()), 5, 1, shadow=shadow)) as verifier:
        asks(verifier)
        assert asked.wait(60)
        with monkeypatch.context() as patched:
            patched.setattr("facegate.runtime.background.GRACE_S", 600)  # to wait for it is to hang
            in_child(verifier.close)
        let.set()


_workers: list[FaceVerifier] = []


def accepted(_: int) -> bool:
    return _workers[0].compare(PROBE, DOCUMENT).accepted


def test_workers_of_multiprocessing_share_what_was_opened_before_them() -> None:
    with Server(YES) as vendor, FaceVerifier(route(protected(Leaf(acme(vendor.url))))) as verifier:
        asks(verifier)
        _workers[:] = [verifier]
        with multiprocessing.get_context("fork").Pool(2) as pool:
            assert pool.map(accepted, range(20)) == [True] * 20
            pool.close()
            pool.join()
        asks(verifier)


def test_who_never_forks_hears_nothing_of_it_even_at_the_end() -> None:
    script = """
from facegate.providers.tokens import Tokens
tokens = Tokens(lambda: None)
"""
    ended = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)
    assert (ended.stdout, ended.stderr) == (b"", b"")
