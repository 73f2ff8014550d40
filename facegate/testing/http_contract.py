"""The contract of providers behind HTTP: the vendor's documentation, and what no page shows."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence
from typing import ClassVar

import anyio
import anyio.to_thread
import pytest

from facegate import BadReply, ConnectionFailed, FacegateError, Image, ProviderTimeout
from facegate.testing.asking import Ask, Came, ask_on_loop
from facegate.testing.cases import Call, Documented, differences
from facegate.testing.claims import answered, failed, invented
from facegate.testing.mutations import UNREADABLE, mutations, some_mutations, truncations
from facegate.testing.pictures import noise
from facegate.testing.server import (
    Act,
    Line,
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
    """What every provider behind HTTP promises; it is asked over real sockets on this machine.

    Subclass it with the vendor's documentation as data::

        COMPARE = Call(Operation.COMPARE, "/v1/compare", {"probe", "gallery", "mode"})

        class TestAcme(HttpProviderContract):
            provider = Acme
            settings = {"token": "tok-3f9a1c77"}
            headers = {"authorization": "Token tok-3f9a1c77"}
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

    The rest of the attributes are those of :class:`ProviderContract`.

    Attributes:
        headers: of every request, names in lower case, the credential among them.
        documented: every documented answer; for each operation at least one yes and one no.
        failures: every documented error.
        other_options: another value of a per-request option, where its type does not offer one.
        patience_s: seconds after which a provider is taken to hang; a sound one never waits for it.
        every_mutation: spoil every field of every documented reply in every way, and not only in a
            fifth of them; takes five times as many requests, and is worth it in a nightly run.
    """

    patience_s: ClassVar[float] = 60.0
    every_mutation: ClassVar[bool] = False

    def test_an_unreadable_reply_is_a_bad_reply(
        self, ask: Ask, call: Call, faces: Sequence[bytes]
    ) -> None:
        bodies = dict(UNREADABLE)
        for each in self.documented:
            if each.call == call and each.status == 200:
                bodies.update(truncations(each.body))
        came = self.replied(ask, call, faces, *(reply(200, body) for body in bodies.values()))
        wrong = [
            f"a body that is {name} was read as {each!r}"
            for name, each in zip(bodies, came, strict=True)
            if type(each) is not BadReply
        ]
        assert not wrong, "; ".join(wrong)

    def test_a_spoilt_field_makes_no_yes_and_no_score(
        self, ask: Ask, documented: Documented, faces: Sequence[bytes]
    ) -> None:
        chosen = mutations if self.every_mutation else some_mutations
        spoilt = dict(chosen(documented.body))
        acts = [reply(documented.status, body) for body in spoilt.values()]
        sound, *came = self.replied(ask, documented.call, faces, self.reply(documented), *acts)
        wrong = [
            f"with {name}, {complaint}: {each!r}"
            for name, each in zip(spoilt, came, strict=True)
            if (complaint := invented(sound, each, is_answer=documented.status == 200))
        ]
        assert not wrong, "; ".join(wrong)

    def test_an_outage_is_never_an_answer(
        self, ask: Ask, call: Call, faces: Sequence[bytes]
    ) -> None:
        body = next(each.body for each in self.documented if each.call == call)
        whole = message(200, body)
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
            limits = {"read_s": 0.01} if "silence" in name else {}
            limits |= {"deadline_s": 0.2} if name == "a drip" else {}
            error = failed(self.replied(ask, call, faces, act, **limits))
            assert type(error) is kind, f"{name} is a {kind.__name__}, and ended in {error!r}"

    def test_no_connection_is_never_an_answer(
        self, ask: Ask, call: Call, faces: Sequence[bytes]
    ) -> None:
        with unanswered() as hanging:
            for url, what in ((refused(), "refused"), (hanging, "not answered")):
                provider = self.make(base_url=url, connect_s=0.05)
                error = failed(ask(provider, [self.question(call, faces)]))
                assert type(error) is ConnectionFailed, (
                    f"a connection that is {what} ended in {error!r}"
                )

    def test_a_vendor_that_stops_reading_is_never_an_answer(
        self, ask: Ask, call: Call, faces: Sequence[bytes]
    ) -> None:
        heavy = noise(4, self.kind(), padding=5 * 2**20)  # more than the system holds in between
        with deaf() as url:
            provider = self.make(base_url=url, write_s=0.05, read_s=0.05)
            error = failed(ask(provider, [self.question(call, [heavy, *faces[1:]])]))
        assert type(error) is ProviderTimeout, (
            f"a request that nobody reads to its end ended in {error!r}"
        )

    def test_redirects_are_not_followed(self, ask: Ask, call: Call, faces: Sequence[bytes]) -> None:
        with Server(reply(200, self.documented[0].body)) as elsewhere:
            for status in (301, 302, 303, 307, 308):
                act = reply(status, Location=elsewhere.url + call.path)
                failed(self.replied(ask, call, faces, act))
                gone = len(elsewhere.seen)
                assert not gone, f"a {status} sent credential and faces on to a stranger"

    def test_eight_at_once_each_get_their_own_answer(self, together: Ask) -> None:
        cases = [self.documented[number % len(self.documented)] for number in range(8)]
        faces = [[noise(10 + number, self.kind()), noise(2, self.kind())] for number in range(8)]
        probes = [Image.of(probe).base64 for probe, _ in faces]
        cases_by_probe = [*zip(cases, probes, strict=True)]
        all_there = threading.Barrier(8)

        def act(line: Line) -> bool:
            mine = [case for case, probe in cases_by_probe if probe in line.request.body]
            with contextlib.suppress(threading.BrokenBarrierError):
                all_there.wait(self.patience_s)
            return self.reply(mine[0])(line) if mine else False

        questions = [
            self.question(each.call, face) for each, face in zip(cases, faces, strict=True)
        ]
        with Server(act) as server:
            came = together(self.make(base_url=server.url), questions)
        assert not all_there.broken, "eight questions were not in work at the same time"
        for each, one in zip(cases, came, strict=True):
            wrong = differences(each.expected, answered([one]).model_dump(mode="json"))
            assert not wrong, f"{each} got the answer to another question: {'; '.join(wrong)}"

    def test_the_event_loop_goes_on_while_the_vendor_thinks(
        self, call: Call, faces: Sequence[bytes]
    ) -> None:
        went_on = threading.Event()
        in_time: list[bool] = []
        came: list[Came] = []

        def act(line: Line) -> bool:
            in_time.append(went_on.wait(self.patience_s))
            return self.play(line)

        async def ask() -> None:
            came.append(await ask_on_loop(provider, self.question(call, faces)))

        async def main() -> None:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(ask)
                await anyio.to_thread.run_sync(server.asked.wait, self.patience_s)
                went_on.set()

        with Server(act) as server:
            provider = self.make(base_url=server.url)
            anyio.run(main)
        stood_still = not all(in_time) or isinstance(came[0], FacegateError)
        assert not stood_still, f"the event loop stood still until this came: {came[0]!r}"

    def test_no_face_and_no_secret_shows_however_it_ends(
        self, ask: Ask, call: Call, faces: Sequence[bytes], caplog: pytest.LogCaptureFixture
    ) -> None:
        echoed = "".join(self.secrets())
        acts = [reply(each.status, each.body) for each in self.failures]
        acts += [echo(status) for status in (200, 400, 422, 500)]
        acts += [
            reply(400, {"code": f"bad {echoed}"}),
            reply(200, {echoed: echoed, "score": echoed}),
        ]
        acts += [reply(502, f"<p>{echoed}".encode()), raw(f"{echoed}\r\n".encode()), reset, stall]
        with Server(*acts) as server:
            provider = self.make(base_url=server.url, read_s=0.1)
            questions = [self.question(call, faces)] * len(acts)
            self.assert_private(ask, provider, questions, faces, caplog)

    def test_no_face_and_no_secret_is_in_a_recording(
        self, ask: Ask, call: Call, faces: Sequence[bytes]
    ) -> None:
        from facegate.testing.recording import credentials, recording

        documented = next(each for each in self.documented if each.call == call)
        provider = self.make()
        with recording(credentials(provider.settings)) as tape:
            self.replied(ask, call, faces, self.reply(documented))
        kept = {
            "the request that a cassette keeps": f"{[vars(each) for each in tape.requests]}",
            "the reply that a cassette keeps": f"{tape.responses}",
        }
        self.assert_clean(kept, map(Image.of, faces))


def _shortened(whole: bytes) -> bytes:
    """A reply that promises one byte less than comes."""
    head, _, body = whole.partition(b"\r\n\r\n")
    length = str(len(body)).encode()
    return head.replace(length, str(len(body) - 1).encode()) + b"\r\n\r\n" + body
