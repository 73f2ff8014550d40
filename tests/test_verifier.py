"""What an application holds: questions in, results and errors out, blocking and async alike."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import anyio
import pytest

from acme import DOCUMENT, PASSPORT, PROBE, SAME, SCALE, Engine, Scripted
from both import Ask, ask_async, ask_sync, both_ways
from facegate import (
    AsyncFaceVerifier,
    Attempt,
    BadReply,
    Billed,
    CaptureReason,
    CaptureRejected,
    Decision,
    FacegateError,
    FaceVerifier,
    Image,
    ImageRejected,
    InvalidRequest,
    Liveness,
    Match,
    Operation,
    Outcome,
    ProviderTimeout,
    ProviderUnavailable,
    RateLimited,
    UnmappedError,
    VerificationResult,
)
from facegate.plugin import Answer, Flow, call, sleep

SECRET = "what the plugin was just looking at"
OTHER = Answer(match=Match(is_match=False, score=0.2, threshold=0.8, scale=SCALE))
LIVE = Liveness(passed=True, score=0.9)
SPOOF = Liveness(passed=False, reason="SCREEN")


def answering(answer: Answer) -> Scripted:
    def script(request: Any) -> Flow[Answer]:
        yield from sleep(0)
        return (yield from call(lambda: answer))

    return Scripted(script)


def raising(error: BaseException) -> Scripted:
    def fail() -> Answer:
        raise error

    return Scripted(lambda request: call(fail))


@both_ways
def test_a_result_says_everything(ask: Ask) -> None:
    answer = Answer(SAME.match, LIVE, "ref", {"signature": "s", "kid": "1"}, ("dark",))
    result = ask(answering(answer), "compare_live", probe=PROBE, gallery=DOCUMENT)
    (attempt,) = result.attempts
    assert SAME.match is not None
    assert result == VerificationResult(
        operation=Operation.COMPARE_LIVE,
        decision=Decision.ACCEPT,
        match=SAME.match.model_copy(
            update={"fmr": 1e-4, "fmr_by": "stated by Acme, and measured by nobody else"}
        ),
        liveness=LIVE,
        provider="main",
        plugin="acme",
        lineage="acme-1",
        vendor_reference="ref",
        vendor_signature={"signature": "s", "kid": "1"},
        attempts=(
            Attempt(
                provider="main",
                plugin="acme",
                outcome=Outcome.ANSWERED,
                seconds=attempt.seconds,
                billed=Billed.YES,
                at=attempt.at,
                lineage="acme-1",
            ),
        ),
        elapsed=result.elapsed,
        warnings=("dark",),
        request_id=result.request_id,
    )
    assert 0 < attempt.seconds <= result.elapsed
    assert VerificationResult.model_validate_json(result.model_dump_json()) == result


@both_ways
@pytest.mark.parametrize(
    ("operation", "answer", "decision"),
    [
        ("compare", SAME, "accept"),
        ("compare", OTHER, "reject"),
        ("liveness", Answer(liveness=LIVE), "accept"),
        ("liveness", Answer(liveness=SPOOF), "reject"),
        ("liveness", Answer(), "reject"),
        ("compare_live", Answer(SAME.match, SPOOF), "reject"),
        ("compare_live", Answer(SAME.match), "reject"),
        ("compare_live", Answer(OTHER.match, LIVE), "reject"),
        ("compare_live", Answer(liveness=SPOOF), "reject"),
    ],
)
def test_what_is_decided(ask: Ask, operation: str, answer: Answer, decision: str) -> None:
    pictures = {"probe": PROBE} | ({} if operation == "liveness" else {"gallery": DOCUMENT})
    assert ask(answering(answer), operation, **pictures).decision == decision


@both_ways
@pytest.mark.parametrize(
    ("operation", "answer"), [("compare", Answer()), ("compare_live", Answer(liveness=LIVE))]
)
def test_an_answer_that_leaves_identity_open_is_no_decision(
    ask: Ask, operation: str, answer: Answer
) -> None:
    with pytest.raises(BadReply, match="leaves open"):
        ask(answering(answer), operation, probe=PROBE, gallery=DOCUMENT)


@both_ways
@pytest.mark.parametrize("kind", [ProviderUnavailable, ProviderTimeout, RateLimited, BadReply])
def test_a_provider_error_says_who_was_asked_and_how_that_went(
    ask: Ask, kind: type[FacegateError]
) -> None:
    with pytest.raises(kind) as caught:
        ask(raising(kind("gone")), probe=PROBE, gallery=DOCUMENT)
    (attempt,) = caught.value.attempts
    assert str(caught.value) == "main: gone"
    assert (attempt.provider, attempt.outcome) == ("main", Outcome.FAILED)
    assert (attempt.error_code, attempt.billed) == (kind.__name__, kind.billed)


@both_ways
def test_a_picture_a_vendor_rejects_is_no_providers_fault(ask: Ask) -> None:
    rejected = CaptureRejected("", reason=CaptureReason.EYES_CLOSED, image="probe")
    with pytest.raises(CaptureRejected) as caught:
        ask(raising(rejected), probe=PROBE, gallery=DOCUMENT)
    assert (caught.value.reason, caught.value.provider) == (CaptureReason.EYES_CLOSED, None)
    assert caught.value.attempts[0].error_code == "CaptureRejected", "the vendor was asked"


def number(request: Any) -> Flow[Answer]:
    yield 7  # type: ignore[misc]
    return SAME


def nothing(request: Any) -> Any:
    yield from ()


def wrong_type(request: Any) -> Any:
    yield from ()
    return Answer(match=SAME.match, vendor_reference=[SECRET])  # type: ignore[arg-type]


def stopping(request: Any) -> Any:
    yield from call(lambda: next(iter(())))


BUGS: dict[str, Scripted] = {
    "an exception": raising(KeyError(SECRET)),
    "an exception on the way": Scripted(lambda request: SECRET[request]),  # type: ignore[arg-type,return-value]
    "no result": Scripted(nothing),
    "no flow": Scripted(lambda request: SAME),  # type: ignore[arg-type,return-value]
    "no effect": Scripted(number),
    "StopIteration": Scripted(stopping),
}


@both_ways
@pytest.mark.parametrize("provider", BUGS.values(), ids=BUGS)
def test_a_plugins_bug_ends_in_the_tree_without_its_text(ask: Ask, provider: Scripted) -> None:
    with pytest.raises(UnmappedError, match=r"\w+ at \w+\.py:\d+, a bug in") as caught:
        ask(provider, probe=PROBE, gallery=DOCUMENT)
    assert caught.value.provider == "main"
    assert caught.value.attempts
    assert SECRET not in str(caught.value)
    assert "leaf.py" in "".join(caught.value.__notes__), "the way there is shown"
    assert SECRET not in repr(caught.value.__context__), "nor does the cause tell"


def contradicting(request: Any) -> Any:
    yield from ()
    return Answer(Match(is_match=True, score=0.1, threshold=0.8))


@both_ways
@pytest.mark.parametrize("operation", [wrong_type, contradicting])
def test_an_answer_that_cannot_be_is_none(ask: Ask, operation: Any) -> None:
    with pytest.raises(BadReply, match="an answer that cannot be") as caught:
        ask(Scripted(operation), probe=PROBE, gallery=DOCUMENT)
    assert SECRET not in str(caught.value)


def opened(path: Path) -> Any:
    return io.BytesIO(path.read_bytes())


GALLERIES: dict[str, tuple[Callable[[Path], Any], int]] = {
    "a path": (lambda path: path, 1),
    "a path as text": (str, 1),
    "bytes": (lambda path: path.read_bytes(), 1),
    "a memoryview": (lambda path: memoryview(path.read_bytes()), 1),
    "a file": (opened, 1),
    "an Image": (Image.from_path, 1),
    "a data URI": (lambda path: f"data:;base64,{Image.of(path).base64.decode()}", 1),
    "a list": (lambda path: [path, PASSPORT], 2),
    "a tuple": (lambda path: (opened(path), PASSPORT), 2),
    "a generator": (lambda path: (each for each in (path, PASSPORT)), 2),
}


@both_ways
@pytest.mark.parametrize(("form", "count"), GALLERIES.values(), ids=GALLERIES)
def test_a_gallery_comes_in_any_form(
    ask: Ask, form: Callable[[Path], Any], count: int, tmp_path: Path
) -> None:
    asked = []

    def script(request: Any) -> Any:
        asked.append(request)
        yield from ()
        return SAME

    path = tmp_path / "document.png"
    path.write_bytes(DOCUMENT)
    ask(Scripted(script), probe=PROBE, gallery=form(path))
    assert [image.data for image in asked[0].gallery] == [DOCUMENT, PASSPORT][:count]


@both_ways
@pytest.mark.parametrize(
    ("gallery", "error", "image", "why"),
    [
        ([], InvalidRequest, None, "empty"),
        (None, InvalidRequest, None, "NoneType"),
        ([PROBE], InvalidRequest, "gallery[0]", "same picture as the probe"),
        ([DOCUMENT, PROBE], InvalidRequest, "gallery[1]", "same picture as the probe"),
        ([DOCUMENT, b"no picture"], ImageRejected, "gallery[1]", "not a picture"),
        ([DOCUMENT, "missing.png"], ImageRejected, "gallery[1]", "cannot read"),
        ([DOCUMENT, 7], ImageRejected, "gallery[1]", "from int"),
        (["https://pictures.example/a.png"], ImageRejected, "gallery[0]", "not fetched"),
    ],
)
def test_a_gallery_that_is_refused(
    ask: Ask, gallery: Any, error: type[FacegateError], image: str | None, why: str
) -> None:
    with pytest.raises(error, match=why) as caught:
        ask(answering(SAME), probe=PROBE, gallery=gallery)
    assert (caught.value.image, caught.value.provider) == (image, None)


@both_ways
def test_a_probe_that_is_refused_is_named(ask: Ask) -> None:
    with pytest.raises(ImageRejected, match=r"^probe: not a picture"):
        ask(answering(Answer(liveness=LIVE)), "liveness", probe=b"no picture")


def test_closing_twice_closes_the_provider_once() -> None:
    for ask in (ask_sync, ask_async):
        provider = answering(SAME)
        ask(provider, probe=PROBE, gallery=DOCUMENT)
        assert provider.closed == 1
    verifier = FaceVerifier(provider)
    for _ in range(2):
        verifier.close()
    assert provider.closed == 2
    with pytest.raises(InvalidRequest, match="the verifier is closed"):
        verifier.compare(PROBE, DOCUMENT)


def test_leaving_the_block_on_an_error_closes_too() -> None:
    provider = raising(BadReply("no"))
    for ask in (ask_sync, ask_async):
        with pytest.raises(BadReply):
            ask(provider, probe=PROBE, gallery=DOCUMENT)
    assert provider.closed == 2


def test_threads_get_their_own_answers() -> None:
    def own(request: Any) -> Answer:
        return Answer(SAME.match, vendor_reference=request.probe.digest)

    probes = [Image.of(source) for source in (PROBE, PASSPORT)] * 40
    with FaceVerifier(Engine(own)) as verifier, ThreadPoolExecutor(8) as threads:
        results = threads.map(lambda probe: verifier.compare(probe, DOCUMENT), probes)
        assert [each.vendor_reference for each in results] == [each.digest for each in probes]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_cancelled_question_ends_the_providers_flow(backend: str) -> None:
    asked, ended = threading.Event(), []

    def script(request: Any) -> Flow[Answer]:
        asked.set()
        try:
            yield from sleep(60)
        finally:
            ended.append("finally")
        return SAME

    async def main() -> None:
        async with AsyncFaceVerifier(Scripted(script)) as verifier:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(verifier.compare, PROBE, DOCUMENT)
                await anyio.to_thread.run_sync(asked.wait, 60)
                tasks.cancel_scope.cancel()
            assert ended == ["finally"]

    anyio.run(main, backend=backend)


@both_ways
def test_a_verifier_knows_what_will_not_be_refused(ask: Ask) -> None:
    kind = FaceVerifier if ask is ask_sync else AsyncFaceVerifier
    assert kind(Engine(lambda request: SAME)).capabilities == {Operation.COMPARE}


@both_ways
def test_the_settings_deadline_holds(ask: Ask) -> None:
    provider = Scripted(lambda request: sleep(60), deadline_s=0.1)  # type: ignore[arg-type,return-value]
    with pytest.raises(ProviderTimeout, match=r"^main: no answer within the deadline of 0\.1 s"):
        ask(provider, probe=PROBE, gallery=DOCUMENT)
