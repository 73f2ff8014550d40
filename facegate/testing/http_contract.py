"""The contract of providers behind HTTP: the vendor's documentation, and what no page shows."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import anyio
import anyio.to_thread
import pytest

from facegate import (
    BadReply,
    ConnectionFailed,
    FacegateError,
    Image,
    ProviderTimeout,
    VerificationResult,
)
from facegate.testing.asking import Asker, ResultOrError, ask_on_loop
from facegate.testing.cases import Documented, Interaction, VendorCall, differences
from facegate.testing.claims import answered, brief, failed, invented
from facegate.testing.mutations import UNREADABLE, mutations, some_mutations, truncations
from facegate.testing.playback import Playback, Round
from facegate.testing.sent import holds
from facegate.testing.server import (
    Act,
    PendingRequest,
    Server,
    deaf,
    drip,
    echo,
    message,
    raw,
    refused,
    reply,
    reset,
    stall,
    unanswered,
)
from facegate.testing.wire_contract import WireContract


class HttpProviderContract(WireContract):
    """The promises of every provider behind HTTP, asked over real sockets on this machine.

    Subclass it with the vendor's documentation as data::

        COMPARE = VendorCall(
            Operation.COMPARE,
            Endpoint("/v1/compare", {"selfie", "passport", "mode"}, "selfie", "passport"),
            carries={"mode"},
        )

        class TestAcme(HttpProviderContract):
            contract_version = 1
            provider = Acme
            settings = {"token": "tok-3f9a1c77"}
            headers = {"authorization": "Token tok-3f9a1c77"}
            formats = {ImageFormat.JPEG, ImageFormat.PNG}
            documented = (
                Documented(COMPARE, {"score": 0.93}, {"accepted": True, "match": {"score": 0.93}}),
                Documented(COMPARE, {"score": 0.12}, {"accepted": False}),
            )
            failures = (
                Failure(400, {"code": "no_face"}, CaptureReason.FACE_NOT_FOUND),
                Failure(429, {"code": "slow_down"}, RateLimited, {"Retry-After": "7"}),
            )

            def reply_for(self, code):      # how the vendor sends a code of the error table
                return 400, {"code": code}

    The rest of the attributes are those of :class:`ProviderContract`. A vendor whose requests go
    elsewhere than to ``base_url``, as for a token, overrides :meth:`addressed` as well.

    Attributes:
        headers: of every request, names in lower case, the credential among them. Their values
            are secrets; what only tells one operation from another belongs to its ``Endpoint``.
        moving: names of headers, query arguments and top-level fields that differ from request to
            request, such as a date, a nonce and a signature; :meth:`verify` checks them.
        documented: every documented answer; for each operation at least one yes and one no.
        failures: every documented error.
        other_options: another value of a per-request option, where its type does not offer one.
        patience_s: seconds after which a provider is taken to hang; no sound one waits for it.
        every_mutation: spoil every field of every documented reply in every way, and not only in a
            fifth of them; takes five times as many requests, and is worth it in a nightly run.
    """

    every_mutation: ClassVar[bool] = False

    def test_an_unreadable_reply_is_a_bad_reply(
        self, ask: Asker, call: VendorCall, faces: Sequence[bytes]
    ) -> None:
        for at, sound in self.answers(call):
            # What the vendor documents for this very reply, such as an empty list of faces.
            sent = [each.body for each in self.failures if each.at == at and each.status == 200]
            known = [
                body if isinstance(body, bytes) else json.dumps(body).encode() for body in sent
            ]
            bodies = {name: body for name, body in UNREADABLE.items() if body not in known}
            for body in sound:
                bodies.update(truncations(body))
            acts = [reply(200, body) for body in bodies.values()]
            outcomes = self.replied(ask, call, faces, *acts, at=at)
            wrong = [
                f"a body that is {name} was read as {brief(each)}"
                for name, each in zip(bodies, outcomes, strict=True)
                if type(each) is not BadReply
            ]
            assert not wrong, f"{at.endpoint if at else call.endpoint}: {'; '.join(wrong)}"

    def test_a_spoilt_field_makes_no_yes_and_no_score(
        self, ask: Asker, documented: Documented, faces: Sequence[bytes]
    ) -> None:
        chosen = mutations if self.every_mutation else some_mutations
        as_success = any(  # it may be an error then
            each.status == 200 and each.at is None and each.call in (None, documented.call)
            for each in self.failures
        )
        is_answer = documented.status == 200 and not as_success
        spoilt = dict(chosen(documented.body))
        acts = [reply(documented.status, body) for body in spoilt.values()]
        acts = [self.reply(documented), *acts]
        sound, *outcomes = self.replied(ask, documented.call, faces, *acts, asked=documented.asked)
        wrong = [
            f"with {name}, {complaint}: {brief(each)}"
            for name, each in zip(spoilt, outcomes, strict=True)
            if (complaint := invented(sound, each, is_answer=is_answer))
        ]
        assert not wrong, "; ".join(wrong)

    def test_a_yes_beside_an_error_is_no_yes(
        self, ask: Asker, documented: Documented, faces: Sequence[bytes]
    ) -> None:
        error = self.error_body()
        if not documented.is_yes or not isinstance(documented.body, dict) or error is None:
            pytest.skip("it takes a yes, and an error, that are objects")
        both = {**error, **documented.body}
        if both == documented.body:  # answers say by the same fields that they are no errors
            both = {**documented.body, **error}
        act, asked = reply(documented.status, both), documented.asked
        (outcome,) = self.replied(ask, documented.call, faces, act, asked=asked, fewer=True)
        yes = isinstance(outcome, VerificationResult) and outcome.accepted
        assert not yes, f"an answer that says {error} as well was read as {brief(outcome)}"

    def test_a_spoilt_step_makes_no_yes_and_no_score(
        self, ask: Asker, call: VendorCall, faces: Sequence[bytes]
    ) -> None:
        steps = [each for each in call.before if isinstance(each.body, dict | list)]
        if not steps:
            pytest.skip(f"{call} reads nothing but the answer")
        answers = [each for each in self.documented if each.call == call]
        answer = min(answers, key=lambda each: each.is_yes)  # a no, from which a yes would show
        (sound,) = self.replied(ask, call, faces, self.reply(answer), asked=answer.asked)
        chosen = mutations if self.every_mutation else some_mutations
        for at in steps:
            for name, body in chosen(at.body):
                act = reply(at.status, body, **at.headers)
                played: dict[str, Any] = {"at": at, "answer": answer, "asked": answer.asked}
                (outcome,) = self.replied(ask, call, faces, act, counted=False, **played)
                complaint = invented(sound, outcome, is_answer=False)
                assert not complaint, f"{at.endpoint}: with {name}, {complaint}: {brief(outcome)}"

    def test_an_outage_is_never_an_answer(
        self, ask: Asker, call: VendorCall, faces: Sequence[bytes]
    ) -> None:
        for at, (body, *_) in self.answers(call):
            self.assert_no_outage_answers(ask, call, faces, at, message(200, body))

    def assert_no_outage_answers(
        self,
        ask: Asker,
        call: VendorCall,
        faces: Sequence[bytes],
        at: Interaction | None,
        whole: bytes,
    ) -> None:
        """Every outage in place of a reply ends in an error that says so."""
        outages: dict[str, tuple[Act, type[FacegateError]]] = {
            "no reply": (raw(b""), BadReply),
            "a reset": (reset, BadReply),
            "a reset in the body": (raw(whole[:-3], reset), BadReply),
            "too long a length": (raw(whole[:-3]), BadReply),
            "too short a length": (raw(_shortened(whole)), BadReply),
            "not HTTP": (raw(b"+PONG\r\n\r\n"), BadReply),
            "an HTML 502": (reply(502, b"<html>"), BadReply),
            "silence": (stall, ProviderTimeout),
            "silence in the head": (raw(whole[:20], stall), ProviderTimeout),
            "silence in the body": (raw(whole[:-3], stall), ProviderTimeout),
            "a drip": (drip(whole), ProviderTimeout),
        }
        for name, (act, kind) in outages.items():
            limits: dict[str, Any] = (
                {"read_s": 0.05 if call.before else 0.01} if "silence" in name else {}
            )
            limits |= {"deadline_s": 0.1} if name == "a drip" else {}
            error = failed(self.replied(ask, call, faces, act, at=at, fewer=True, **limits))
            where = at.endpoint if at else call.endpoint
            assert type(error) is kind, (
                f"{name} from {where} is a {kind.__name__}, and ended in {error!r}"
            )

    def test_no_connection_is_never_an_answer(
        self, ask: Asker, call: VendorCall, faces: Sequence[bytes]
    ) -> None:
        with unanswered() as hanging:
            for url, what in ((refused(), "refused"), (hanging, "not answered")):
                provider = self.make(**self.addressed(url), connect_s=0.05)
                error = failed(ask(provider, [self.question(call, faces)]))
                assert type(error) is ConnectionFailed, (
                    f"a connection that is {what} ended in {error!r}"
                )

    def test_a_vendor_that_stops_reading_is_never_an_answer(
        self, ask: Asker, call: VendorCall, faces: Sequence[bytes]
    ) -> None:
        heavy = self.face(4, padding=5 * 2**20)  # more than the system holds in between
        if limit := self.provider.info.pictures.broken_by(Image.of(heavy)):
            pytest.skip(f"no picture is heavy enough: {limit}")
        with deaf() as url:
            provider = self.make(**self.addressed(url), write_s=0.05, read_s=0.05)
            error = failed(ask(provider, [self.question(call, [heavy, *faces[1:]])]))
        assert type(error) is ProviderTimeout, (
            f"a request that nobody reads to its end ended in {error!r}"
        )

    def test_redirects_are_not_followed(
        self, ask: Asker, call: VendorCall, faces: Sequence[bytes]
    ) -> None:
        with Server(reply(200, self.documented[0].body)) as elsewhere:
            for status in (301, 302, 303, 307, 308):
                act = reply(status, Location=elsewhere.url + call.endpoint.path)
                failed(self.replied(ask, call, faces, act))
                gone = len(elsewhere.seen)
                assert not gone, f"a {status} sent credential and faces on to a stranger"

    def test_eight_at_once_each_get_their_own_answer(self, together: Asker) -> None:
        cases = [self.documented[number % len(self.documented)] for number in range(8)]
        faces = [[self.face(10 + number), self.face(2)] for number in range(8)]
        mine = [(each, Image.of(face[0])) for each, face in zip(cases, faces, strict=True)]
        if any(each.call.has_untold_rounds() for each in cases):
            pytest.skip("without ids, requests of several questions cannot be told apart")
        all_there, arrived = threading.Barrier(8), set[str]()

        def answers(turn: Round, step: Interaction | None) -> Act | None:
            if step is not None:
                return None
            latest = reversed(turn.seen)
            whose = [case for seen in latest for case, probe in mine if holds(seen, probe)]
            return self.reply(whose[0]) if whose else reply(404)

        def act(line: PendingRequest) -> bool:
            new = {probe.digest for _, probe in mine if holds(line.request, probe)} - arrived
            arrived.update(new)
            if new:
                with contextlib.suppress(threading.BrokenBarrierError):
                    all_there.wait(self.patience_s)
            return playback(line)

        probes = [probe for _, probe in mine]
        playback = Playback(self.calls(), answers, probes, moving=self.moving)
        questions = [
            self.question(each.call, face, **each.asked)
            for each, face in zip(cases, faces, strict=True)
        ]
        with Server(act) as server:
            outcomes = together(self.make(**self.addressed(server.url)), questions)
        assert not all_there.broken, (
            f"of eight questions asked at once, {len(arrived)} reached the vendor while the others"
            " waited: they have to be in work at the same time, each with its own pictures"
        )
        for each, one in zip(cases, outcomes, strict=True):
            result = answered([one], playback.note())
            wrong = differences(each.expected, result.model_dump(mode="json"))
            assert not wrong, f"{each} got the answer to another question: {'; '.join(wrong)}"

    def test_the_event_loop_goes_on_while_the_vendor_thinks(
        self, call: VendorCall, faces: Sequence[bytes]
    ) -> None:
        went_on = threading.Event()
        in_time: list[bool] = []
        outcomes: list[ResultOrError] = []

        def act(line: PendingRequest) -> bool:
            in_time.append(went_on.wait(self.patience_s))
            return playback(line)

        async def ask() -> None:
            outcomes.append(await ask_on_loop(provider, self.question(call, faces)))

        async def main() -> None:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(ask)
                await anyio.to_thread.run_sync(server.asked.wait, self.patience_s)
                went_on.set()

        playback = self.playback([call], probes=faces[:1])
        with Server(act) as server:
            provider = self.make(**self.addressed(server.url))
            anyio.run(main)
        stood_still = not all(in_time) or isinstance(outcomes[0], FacegateError)
        assert not stood_still, f"the event loop stood still until this came: {brief(outcomes[0])}"

    def test_no_face_and_no_secret_shows_however_it_ends(
        self, ask: Asker, call: VendorCall, faces: Sequence[bytes], caplog: pytest.LogCaptureFixture
    ) -> None:
        echoed = "".join(self.secrets())
        acts = [reply(each.status, each.body) for each in self.failures]
        acts += [echo(status) for status in (200, 400, 422, 500)]
        acts += [
            reply(400, {"code": f"bad {echoed}"}),
            reply(200, {echoed: echoed, "score": echoed}),
        ]
        acts += [reply(502, f"<p>{echoed}".encode()), raw(f"{echoed}\r\n".encode()), reset, stall]
        playback = self.playback([call], iter(acts), probes=faces[:1])
        with Server(playback) as server:
            provider = self.make(**self.addressed(server.url), read_s=0.1)
            questions = [self.question(call, faces)] * len(acts)
            self.assert_private(ask, provider, questions, faces, caplog)

    def test_no_face_and_no_secret_is_in_a_recording(
        self, ask: Asker, call: VendorCall, faces: Sequence[bytes]
    ) -> None:
        from facegate.testing.recording import credentials, recording

        provider = self.make()
        with recording([*credentials(provider.settings), *self.secrets()]) as tape:
            self.asked(ask, call, faces)
        texts = {
            "the request that a cassette keeps": f"{[vars(each) for each in tape.requests]}",
            "the reply that a cassette keeps": f"{tape.responses}",
        }
        self.assert_clean(texts, map(Image.of, faces))

    def answers(self, call: VendorCall) -> Iterator[tuple[Interaction | None, list[Any]]]:
        """Every interaction of a call that is read, None for the answer, and its sound replies."""
        yield from ((each, [each.body]) for each in call.before if each.body)
        answers = [each for each in self.documented if each.call == call]
        yield None, [each.body for each in answers if each.status == 200] or [answers[0].body]


def _shortened(whole: bytes) -> bytes:
    """A reply that promises one byte less than comes."""
    head, _, body = whole.partition(b"\r\n\r\n")
    length = str(len(body)).encode()
    return head.replace(length, str(len(body) - 1).encode()) + b"\r\n\r\n" + body
