"""The provider for the tests of an application: it answers as the script says."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import facegate
from acme import DOCUMENT, PROBE
from both import Ask, both_ways
from facegate import (
    ConfigurationError,
    FaceVerifier,
    Image,
    Match,
    Operation,
    ProviderTimeout,
    RateLimited,
)
from facegate.plugin import Answer
from facegate.testing import FakeProvider, match, no_match, not_live
from facegate.testing.plugin import face_verifier, fake_facegate

FACES: dict[str, Any] = {"probe": PROBE, "gallery": DOCUMENT}
__all__ = ["face_verifier", "fake_facegate"]


@both_ways
def test_it_accepts_everybody_unless_told_otherwise(ask: Ask) -> None:
    assert ask(FakeProvider(), "compare", **FACES).accepted
    assert ask(FakeProvider(), "compare_live", **FACES).accepted
    assert ask(FakeProvider(), "liveness", probe=PROBE).accepted
    assert not ask(FakeProvider(match=0.6), "compare_live", **FACES).accepted
    assert not ask(FakeProvider(liveness=0.4), "compare_live", **FACES).accepted


def test_a_script_is_played_in_order_and_then_it_is_as_ever() -> None:
    fake = FakeProvider(match=0.93)
    fake.will(no_match(), not_live(reason="print"), RateLimited("wait", retry_after=7))
    with FaceVerifier(fake) as verifier:
        assert not verifier.compare(**FACES).accepted
        spoof = verifier.compare_live(**FACES)
        assert spoof.match is not None
        assert spoof.liveness is not None
        assert (spoof.match.is_match, spoof.match.score, spoof.accepted) == (True, 0.93, False)
        assert spoof.liveness.reason == "print"
        with pytest.raises(RateLimited) as caught:
            verifier.compare(**FACES)
        assert caught.value.retry_after == 7
        assert verifier.compare(**FACES).accepted
    assert fake.closed == 1


@both_ways
def test_the_decision_follows_the_threshold_that_holds(ask: Ask) -> None:
    assert not ask(FakeProvider(match=0.93), **FACES, threshold=0.95).accepted
    assert not ask(FakeProvider(match=0.93, threshold=0.95), **FACES).accepted
    assert ask(FakeProvider(match=0.6), **FACES, threshold=0.5).accepted


@both_ways
def test_an_answer_of_ones_own_goes_out_as_it_is(ask: Ask) -> None:
    fake = FakeProvider()
    fake.will(Answer(Match(is_match=False), vendor_reference="ref-7", warnings=("blurred",)))
    result = ask(fake, **FACES)
    assert (result.accepted, result.vendor_reference) == (False, "ref-7")
    assert result.warnings == ("blurred",)


@both_ways
def test_a_script_that_does_not_fit_the_question_is_a_mistake(ask: Ask) -> None:
    fake = FakeProvider()
    fake.will(not_live())
    with pytest.raises(
        ConfigurationError, match="liveness score next, but the question is compare"
    ):
        ask(fake, **FACES)


def test_it_remembers_what_was_asked_and_shows_no_face() -> None:
    fake = FakeProvider()
    with FaceVerifier(fake) as verifier:
        verifier.compare(**FACES, threshold=0.9)
        verifier.liveness(PROBE)
    first, second = fake.asked
    assert (first.operation, second.operation) == (Operation.COMPARE, Operation.LIVENESS)
    assert first.probe.digest == Image.of(PROBE).digest
    assert getattr(first, "threshold", None) == 0.9
    assert repr(PROBE)[10:30] not in repr(fake.asked)


def test_any_number_of_threads_ask_and_each_outcome_is_used_once() -> None:
    fake = FakeProvider()
    fake.will(*[no_match()] * 40, *[match()] * 40)
    with FaceVerifier(fake) as verifier, ThreadPoolExecutor(8) as threads:
        asked = [threads.submit(verifier.compare, PROBE, DOCUMENT) for _ in range(80)]
    assert sum(each.result().accepted for each in asked) == 40
    assert len(fake.asked) == 80


def test_code_that_opens_a_verifier_gets_the_fake(fake_facegate: FakeProvider) -> None:
    fake_facegate.will(no_match(), ProviderTimeout("too late"))
    with facegate.open("there is no such file.toml", provider="main") as verifier:
        assert not verifier.compare(**FACES).accepted
        with pytest.raises(ProviderTimeout, match="fake: too late"):
            verifier.compare(**FACES)


def test_a_verifier_can_be_handed_over(
    face_verifier: FaceVerifier, fake_facegate: FakeProvider
) -> None:
    assert face_verifier.compare(**FACES).accepted
    assert len(fake_facegate.asked) == 1
