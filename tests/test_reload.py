"""Reading the configuration again: what changes, what is kept, and who is not disturbed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.from_thread
import pytest

import facegate
from acme import DOCUMENT, PROBE, SAME, Engine
from configured import entry_points
from facegate import (
    AsyncFaceVerifier,
    ConfigurationError,
    FaceVerifier,
    InvalidRequest,
    ProviderUnavailable,
    VerificationResult,
)
from facegate.images.intake import Intake
from facegate.routing.leaf import Leaf
from facegate.routing.route import Route
from facegate.routing.shadow import Shadow
from facegate.testing import FakeProvider


class Held(Engine):
    """Answers when it is let."""

    def __init__(self) -> None:
        self.asked, self.let = threading.Event(), threading.Event()
        self.closed = 0
        super().__init__(self.answer_when_let)

    def answer_when_let(self, _: Any) -> Any:
        self.asked.set()
        assert self.let.wait(60)
        return SAME

    def close(self) -> None:
        self.closed += 1


class Blocking:
    """A verifier that several threads ask."""

    def __init__(self, *how: Any, **more: Any) -> None:
        self._verifier = FaceVerifier(*how, **more)
        self._threads = ThreadPoolExecutor(8)
        self.compare, self.reload = self._verifier.compare, self._verifier.reload

    def begin(self) -> Future[VerificationResult]:
        return self._threads.submit(self._verifier.compare, PROBE, DOCUMENT)

    def close(self) -> None:
        self._verifier.close()

    def leave(self) -> None:
        self._threads.shutdown()


class OnALoop:
    """The same on an event loop of its own."""

    def __init__(self, *how: Any, **more: Any) -> None:
        self._context = anyio.from_thread.start_blocking_portal()
        self._loop = self._context.__enter__()
        self._verifier = AsyncFaceVerifier(*how, **more)

    def compare(self, *how: Any) -> VerificationResult:
        return self._loop.call(partial(self._verifier.compare, *how))

    def reload(self, *how: Any) -> None:
        self._loop.call(self._verifier.reload, *how)

    def begin(self) -> Future[VerificationResult]:
        return self._loop.start_task_soon(self._verifier.compare, PROBE, DOCUMENT)

    def close(self) -> None:
        self._loop.call(self._verifier.close)

    def leave(self) -> None:
        self._context.__exit__(None, None, None)


Open = Callable[..., Any]


@pytest.fixture(params=[Blocking, OnALoop], ids=["sync", "async"])
def open_(request: pytest.FixtureRequest) -> Iterator[Open]:
    """Opens a verifier on a provider; a reload leads to the next one."""
    opened = []

    def open_verifier(*providers: Any) -> Any:
        routes = [each if isinstance(each, Route) else Route.to(each) for each in providers]
        left = iter(routes[1:])
        opened.append(request.param(routes[0], _load=lambda *_: (next(left), Intake())))
        return opened[-1]

    yield open_verifier
    for verifier in opened:
        verifier.close()
        verifier.leave()


def test_new_requests_are_answered_by_what_is_configured_now(open_: Open) -> None:
    old, new = FakeProvider(name="old"), FakeProvider(name="new")
    verifier = open_(old, new)
    assert verifier.compare(PROBE, DOCUMENT).provider == "old"
    verifier.reload()
    assert verifier.compare(PROBE, DOCUMENT).provider == "new"
    assert old.closed == 1


def test_a_request_under_way_is_finished_by_whom_it_began_with(open_: Open) -> None:
    old, new = Held(), FakeProvider(name="new")
    verifier = open_(old, new)
    under_way = verifier.begin()
    assert old.asked.wait(60)
    verifier.reload()
    assert verifier.compare(PROBE, DOCUMENT).provider == "new"
    assert old.closed == 0
    old.let.set()
    assert under_way.result(60).provider == "main"
    assert old.closed == 1


def test_a_provider_that_stays_is_not_closed(open_: Open) -> None:
    same, more = FakeProvider(name="same"), FakeProvider(name="more")
    verifier = open_(same, Route("kyc", Leaf(same), 5, 1), more)
    verifier.compare(PROBE, DOCUMENT)
    verifier.reload()
    assert verifier.compare(PROBE, DOCUMENT).route == "kyc"
    assert same.closed == 0
    verifier.reload()
    assert same.closed == 1


def test_a_shadow_under_way_is_not_cut_off(open_: Open) -> None:
    candidate, main, new = Held(), FakeProvider(name="main"), FakeProvider(name="new")
    shadow = Shadow(Leaf(candidate), sample=1)
    verifier = open_(Route("kyc", Leaf(main), 5, 1, shadow=shadow), new)
    verifier.compare(PROBE, DOCUMENT)
    assert candidate.asked.wait(60)
    verifier.reload()
    assert (main.closed, candidate.closed) == (0, 0)
    candidate.let.set()
    verifier.close()
    assert (main.closed, candidate.closed) == (1, 1)


def test_whom_nobody_can_close_disturbs_nobody(
    open_: Open, caplog: pytest.LogCaptureFixture
) -> None:
    class Stuck(FakeProvider):
        def close(self) -> None:
            raise RuntimeError("token tok-1")

    verifier = open_(Stuck(name="old"), FakeProvider(name="new"))
    verifier.reload()
    assert verifier.compare(PROBE, DOCUMENT).accepted
    assert caplog.messages == ["old could not be closed: RuntimeError"]


@pytest.mark.parametrize("kind", [Blocking, OnALoop], ids=["sync", "async"])
def test_what_cannot_be_used_changes_nothing(kind: Any) -> None:
    def load(*_: Any) -> Any:
        raise ConfigurationError("facegate.toml: no such key")

    main = FakeProvider(name="main")
    verifier = kind(main, _load=load)
    with pytest.raises(ConfigurationError, match="no such key"):
        verifier.reload()
    assert verifier.compare(PROBE, DOCUMENT).accepted
    assert not main.closed
    verifier.close()
    verifier.leave()


def test_requests_go_on_while_it_is_reloaded_time_and_again() -> None:
    made = [FakeProvider(name=f"p{number}") for number in range(60)]
    left = iter(made[1:])
    stop = threading.Event()

    def ask() -> int:
        answers = 0
        while not stop.is_set():
            assert verifier.compare(PROBE, DOCUMENT).accepted
            answers += 1
        return answers

    with ThreadPoolExecutor(4) as threads:
        load = lambda *_: (Route.to(next(left)), Intake())  # noqa: E731
        with FaceVerifier(made[0], _load=load) as verifier:
            asking = [threads.submit(ask) for _ in range(4)]
            for _ in made[1:]:
                verifier.reload()
            stop.set()
            assert all(each.result(60) for each in asking)
    assert [each.closed for each in made] == [1] * 60


def test_there_must_be_something_to_read_and_someone_to_answer() -> None:
    verifier = FaceVerifier(FakeProvider(), _load=lambda *_: (Route.to(FakeProvider()), Intake()))
    verifier.close()
    with pytest.raises(InvalidRequest, match="closed"):
        verifier.reload()
    with (
        FaceVerifier(FakeProvider()) as made_by_hand,
        pytest.raises(ConfigurationError, match="not opened from a configuration"),
    ):
        made_by_hand.reload()


# From a file

LINES = """
[providers.main]
plugin = "acme"
down = {down}

[breaker]
minimum_calls = {calls}
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("facegate.providers.registry.entry_points", lambda group: entry_points())
    monkeypatch.chdir(tmp_path)
    return tmp_path / "facegate.toml"


def asked_in_vain(verifier: FaceVerifier) -> str:
    with pytest.raises(ProviderUnavailable) as refused:
        verifier.compare(PROBE, DOCUMENT)
    return refused.value.message


def test_what_a_breaker_knows_holds_until_the_settings_change(file: Path) -> None:
    file.write_text(LINES.format(down="true", calls=2))
    with facegate.open(file) as verifier:
        for _ in range(2):
            assert "out of service" not in asked_in_vain(verifier)
        file.write_text(LINES.format(down="true", calls=2) + '[routes.kyc]\nto = "main"')
        with pytest.raises(ConfigurationError, match="default"):
            verifier.reload()
        file.write_text('default = "kyc"\n' + file.read_text())
        verifier.reload()
        assert "out of service" in asked_in_vain(verifier)
        file.write_text(LINES.format(down="false", calls=2))
        verifier.reload()
        assert verifier.compare(PROBE, DOCUMENT).accepted


def test_an_engine_whose_settings_are_the_same_is_kept(file: Path) -> None:
    file.write_text(LINES.format(down="false", calls=2))
    with facegate.open() as verifier:  # facegate.toml
        before = verifier.provider
        file.write_text(LINES.format(down="false", calls=5))
        verifier.reload()
        assert verifier.provider is before


def test_another_file_may_be_read_instead(file: Path) -> None:
    file.write_text(LINES.format(down="true", calls=2))
    other = file.with_name("other.toml")
    other.write_text(LINES.format(down="false", calls=2))
    with facegate.open() as verifier:
        verifier.reload(other)
        assert verifier.compare(PROBE, DOCUMENT).accepted
