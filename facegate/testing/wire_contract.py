"""What goes out to a vendor, and what each documented reply of it means."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import pytest

from facegate import Image, ImageFormat, Operation, UnmappedError
from facegate.plugin import NOT_LIVE
from facegate.testing.asking import Asker, ResultOrError, Stage
from facegate.testing.cases import (
    Documented,
    Endpoint,
    Failure,
    Interaction,
    VendorCall,
    differences,
    meaning,
)
from facegate.testing.claims import answered, assert_explained, assert_survives, brief, failed
from facegate.testing.contract import ProviderContract
from facegate.testing.data import NOWHERE
from facegate.testing.leaks import credentials
from facegate.testing.made import values
from facegate.testing.pictures import noise
from facegate.testing.playback import Playback
from facegate.testing.sent import content, encoding, expected, keys, pictures, spoilt
from facegate.testing.server import Act, Seen, Server, reply

_PUBLIC = {"accept", "accept-encoding", "content-type", "user-agent"}
"""Headers that hold no credential."""


class WireContract(ProviderContract):
    """Requests, answers and errors are those of the vendor's documentation."""

    headers: ClassVar[Mapping[str, str]] = {}
    moving: ClassVar[Collection[str]] = ()
    documented: ClassVar[Sequence[Documented]] = ()
    failures: ClassVar[Sequence[Failure]] = ()
    other_options: ClassVar[Mapping[str, Any]] = {}

    @pytest.fixture
    def stage(self) -> Iterator[Stage]:
        """The vendor, played by a server that gives the first documented reply to each call."""
        playback = self.playback(self.calls())
        with Server(playback) as server:
            yield Stage(
                lambda **changes: self.make(**self.addressed(server.url), **changes),
                server.seen,
                playback,
            )

    @classmethod
    def given(cls) -> dict[str, Any]:
        """The settings, complete; nobody listens at this address."""
        return {**cls.addressed("http://127.0.0.1:9"), **cls.settings}

    @classmethod
    def addressed(cls, url: str) -> dict[str, Any]:
        """The settings that send every request to this URL."""
        return {"base_url": url}

    @classmethod
    def cases(cls) -> dict[str, Sequence[Any]]:
        """The data, by the names that tests take it under."""
        table = getattr(cls.provider, "errors", None)
        rows = [*getattr(table, "codes", {}).items(), *getattr(table, "statuses", {}).items()]
        return {
            **super().cases(),
            "documented": cls.documented,
            "failure": cls.failures,
            "row": rows,
            "kind": sorted(cls.provider.info.formats),
            "option": cls.options(),
            "moved": sorted(cls.moving),
        }

    @classmethod
    def calls(cls) -> Sequence[VendorCall]:
        """Every way of asking that is documented."""
        found: list[VendorCall] = []
        for each in cls.documented:
            if each.call not in found:
                found.append(each.call)
        return found

    @classmethod
    def options(cls) -> Sequence[str]:
        """The per-request options."""
        return sorted(cls.provider.settings_type.per_call_fields())

    @classmethod
    def secrets(cls) -> list[str]:
        """Its secret settings, its credential headers, and other settings that are in them."""
        headers = [value for name, value in cls.headers.items() if name not in _PUBLIC]
        sent = " ".join(headers)
        texts = {each for each in cls.settings.values() if isinstance(each, str)}
        parts = [part for value in headers for part in credentials(value)]
        return [
            *super().secrets(),
            *parts,
            *(each for each in texts if len(each) >= 6 and each in sent),
        ]

    def reply_for(self, code: str) -> tuple[int, Any] | None:
        """How the vendor sends a code of the table: status and body.

        None where it cannot be said in general; ``failures`` or ``documented`` then hold it.
        """
        return 400, {"code": code}

    def verify(self, request: Seen) -> None:  # noqa: ARG002
        """What ``moving`` names is right, such as a signature; it raises if it is not."""
        raise AssertionError(
            f"moving names {', '.join(sorted(self.moving))}, and verify() has to be written: it"
            " raises for a request on which these are wrong"
        )

    def test_every_operation_is_documented_with_a_yes_and_a_no(self) -> None:
        told = {(each.call.operation, each.is_yes) for each in self.documented}
        wanted = {(each, yes) for each in self.make().capabilities for yes in (True, False)}
        lacking = [f"a {'yes' if yes else 'no'} of {each}" for each, yes in sorted(wanted - told)]
        assert not lacking, f"documented lacks {', '.join(lacking)}"
        others = sorted({operation for operation, _ in told - wanted})
        assert not others, f"documented, but the provider has no {', '.join(others)}"

    def test_a_request_is_as_documented(self, ask: Asker, call: VendorCall) -> None:
        most = self.provider.info.max_gallery or 2
        faces = [noise(seed, self.kind()) for seed in range(min(most, 2) + 1)]
        playback, came = self.asked(ask, call, faces, below="/below")
        assert playback.served, (
            f"{call} made no documented request: {brief(came[0])}{playback.note()}"
        )
        for _, step, seen in playback.served:
            endpoint = step.endpoint if step else call.endpoint
            wrong = self.otherwise(endpoint, seen)
            assert not wrong, f"{call} asked {endpoint} otherwise than documented: {wrong}"
        assert not playback.unknown, playback.note().lstrip("; ")
        gallery = 0 if call.operation is Operation.LIVENESS else len(faces) - 1
        wrong = playback.miscounted(call, 1, gallery)
        assert not wrong, f"{call}: {wrong}; this came: {brief(came[0])}"

    def test_everybody_is_at_their_place(self, ask: Asker, call: VendorCall) -> None:
        most = self.provider.info.max_gallery or 2
        faces = [noise(seed, self.kind()) for seed in range(min(most, 2) + 1)]
        playback, came = self.asked(ask, call, faces)
        assert playback.served, (
            f"{call} made no documented request: {brief(came[0])}{playback.note()}"
        )
        self.assert_placed(call, playback, faces)

    def test_every_picture_type_is_sent_as_it_is(
        self, ask: Asker, kind: ImageFormat, call: VendorCall
    ) -> None:
        faces = [noise(seed, kind) for seed in range(2)]
        playback, came = self.asked(ask, call, faces)
        assert playback.served, f"asked with a {kind}, it sends nothing: {brief(came[0])}"
        self.assert_placed(call, playback, faces)

    def test_the_same_question_makes_the_same_requests(
        self, ask: Asker, call: VendorCall, faces: Sequence[bytes]
    ) -> None:
        first, second = (self.asked(ask, call, faces)[0].compared() for _ in range(2))
        assert first == second, (
            f"{call}, asked twice, made requests that differ: {_unlike(first, second)}; name in"
            " moving what differs from time to time, and verify() it"
        )

    def test_what_moves_is_verified(
        self, ask: Asker, moved: str, call: VendorCall, faces: Sequence[bytes]
    ) -> None:
        playback, _ = self.asked(ask, call, faces)
        requests = [seen for _, _, seen in playback.served]
        others = [other for seen in requests if (other := spoilt(seen, moved))]
        if not others:
            pytest.skip(f"{call} has no {moved}")
        for seen in requests:
            self.verify(seen)
        for other in others:
            assert _refused(self.verify, other), (
                f"verify() takes a request with another {moved}, and so takes any"
            )

    def test_a_documented_reply_is_read_as_documented(
        self, ask: Asker, documented: Documented, faces: Sequence[bytes]
    ) -> None:
        act = self.reply(documented)
        result = answered(self.replied(ask, documented.call, faces, act, asked=documented.asked))
        wrong = differences(documented.expected, result.model_dump(mode="json"))
        assert not wrong, f"{documented} was read otherwise: {'; '.join(wrong)}"
        assert_explained(result, self.provider.info)
        assert_survives(result)

    def test_an_option_reaches_the_vendor(
        self, ask: Asker, option: str, call: VendorCall, faces: Sequence[bytes]
    ) -> None:
        other = {option: self.other(option, call)}
        plain, _ = self.asked(ask, call, faces)
        changed, came = self.asked(ask, call, faces, options=other, calls=self.calls())
        sent = plain.compared() != changed.compared() or bool(changed.unknown)
        if option in call.carries:
            assert sent, f"{other} changes no request of {call}: it is dropped"
        else:
            assert not sent, (
                f"{other} changes what {call} sends; say so with carries={{{option!r}}}, so that"
                f" it is looked for; this came: {brief(came[0])}"
            )

    def test_an_option_is_carried_somewhere(self, option: str) -> None:
        carried = [call for call in self.calls() if option in call.carries]
        assert carried, f"no documented call carries the per-request option {option}"

    def test_a_documented_error_means_what_is_documented(
        self, ask: Asker, failure: Failure, faces: Sequence[bytes]
    ) -> None:
        call = failure.call or self.calls()[0]
        said = (failure.status, failure.body, failure.headers)
        error = failed(self.refused(ask, call, faces, *said, at=failure.at, asked=failure.asked))
        assert meaning(error) is failure.raises, f"{failure} was read as {error!r}"
        told = {name: getattr(error, name) for name in failure.told}
        wrong = differences(failure.told, told)
        assert not wrong, f"{failure} was told otherwise: {'; '.join(wrong)}"
        assert error.attempts, "the error does not say which attempts were made"
        assert_survives(error)
        json.dumps(error.as_dict())

    def test_every_row_of_the_error_table_is_reached(
        self, ask: Asker, row: tuple[str | int, Any], faces: Sequence[bytes]
    ) -> None:
        code, wanted = row
        said = (code, b"") if isinstance(code, int) else self.reply_for(code)
        if said is None:
            told = [*(each.body for each in self.failures), *(d.body for d in self.documented)]
            assert str(code) in str(told), (
                f"nothing provokes {code}: give a Failure or Documented with it,"
                " or say in reply_for() how the vendor sends it"
            )
            pytest.skip(f"{code} is in failures or documented, which have tests of their own")
        if wanted is NOT_LIVE:
            self.assert_not_live(ask, faces, *said)
            return
        error = failed(self.refused(ask, self.calls()[0], faces, *said))
        assert meaning(error) is wanted, f"the reply {said} was read as {error!r}, not as its row"

    def test_an_unknown_error_is_never_guessed_at(
        self, ask: Asker, call: VendorCall, faces: Sequence[bytes]
    ) -> None:
        said = self.reply_for(NOWHERE) or (400, {"code": NOWHERE})
        for status, body in (said, (418, b""), (400, b"<html>")):
            error = failed(self.refused(ask, call, faces, status, body))
            assert type(error) is UnmappedError, (
                f"nothing is known of a {status} with {body!r}, and it was read as {error!r}"
            )

    def otherwise(self, endpoint: Endpoint, seen: Seen) -> str:
        """How a request differs from what is documented, pictures apart; empty if not at all."""
        if seen.body and encoding(seen) != endpoint.encoding:
            return f"its body is {encoding(seen)}, not {endpoint.encoding}"
        others = sorted(keys(seen) ^ set(endpoint.keys))
        if others:
            return f"the body's keys differ from the documented ones in {others}"
        fields = differences(endpoint.fields, content(seen))
        if fields:
            return "; ".join(fields)
        headers = {**self.headers, **endpoint.headers}
        wrong = [name for name, value in headers.items() if seen.headers.get(name) != value]
        return f"other headers than documented, or none: {', '.join(wrong)}" if wrong else ""

    def assert_placed(self, call: VendorCall, playback: Playback, faces: Sequence[bytes]) -> None:
        """Every picture was sent, to its documented place and nowhere else."""
        images = {
            "the probe" if n < 0 else f"gallery[{n}]": Image.of(face)
            for n, face in enumerate(faces, -1)
        }
        asked = [*images][:1] if call.operation is Operation.LIVENESS else [*images]
        for alike in call.alike():
            served = [
                pictures(seen, alike, images)
                for _, step, seen in playback.served
                if (step.endpoint if step else call.endpoint) in alike
            ]
            wanted = [each for endpoint in alike for each in expected(endpoint, asked)]
            wrong = [each for each in served if each not in wanted]
            assert not wrong, (
                f"{call} sent to {alike[0]} {_told(wrong[0])}; it has to send {_told(wanted[0])}"
            )
            lost = [each for each in wanted if served and each not in served]
            assert not lost, f"{call} never sent to {alike[0]} {_told(lost[0])}"
        answer = any(step is None for _, step, _ in playback.served)
        assert answer, f"{call} never asked {call.endpoint}{playback.note()}"

    def asked(
        self,
        ask: Asker,
        call: VendorCall,
        faces: Sequence[bytes],
        below: str = "",
        calls: Sequence[VendorCall] = (),
        **changes: Any,
    ) -> tuple[Playback, list[ResultOrError]]:
        """What was asked of the documented vendor in one question, and what came of it."""
        playback = self.playback(calls or [call], below=below)
        with Server(playback) as server:
            provider = self.make(**self.addressed(server.url + below))
            came = ask(provider, [self.question(call, faces, **changes)])
        return playback, came

    def playback(
        self,
        calls: Sequence[VendorCall],
        acts: Iterator[Act] | None = None,
        at: Interaction | None = None,
        below: str = "",
    ) -> Playback:
        """The vendor, as it is documented; or with these ``acts`` for an interaction's reply."""

        def answers(turn: Any, step: Interaction | None) -> Act | None:
            if step is at and acts is not None:
                return next(acts, reply(500, b"asked more often than documented"))
            if step is not None:
                return None
            return self.reply(next(each for each in self.documented if each.call == turn.call))

        return Playback(calls, answers, below, self.moving)

    def reply(self, documented: Documented) -> Act:
        """A documented reply as it is sent."""
        return reply(documented.status, documented.body)

    def replied(
        self,
        ask: Asker,
        call: VendorCall,
        faces: Sequence[bytes],
        *acts: Act,
        at: Interaction | None = None,
        asked: Mapping[str, Any] | None = None,
        fewer: bool = False,
        renewed: bool = False,
        counted: bool = True,
        **settings: Any,
    ) -> list[ResultOrError]:
        """What came of asking once for each act, each time with the documented requests.

        Args:
            ask: how to ask.
            call: what is asked.
            faces: about whom; one gallery picture at most is taken.
            *acts: replies to the interaction ``at``, one for each question.
            at: an interaction of the call; its answer's own if None.
            asked: thresholds and options.
            fewer: a question may end before it has come to ``at``.
            renewed: a question may be asked once more with another token.
            counted: only documented requests were made, as often as documented.
            **settings: of the provider.
        """
        if at is not None and at.once and len(acts) > 1:
            each = (self.replied(ask, call, faces, act, at=at, **settings) for act in acts)
            return [came for (came,) in each]
        playback = self.playback([call], iter(acts * 2 if renewed else acts), at)
        with Server(playback) as server:
            provider = self.make(**self.addressed(server.url), **settings)
            question = self.question(call, faces[:2], **(asked or {}))
            came = ask(provider, [question] * len(acts))
        if counted:
            assert not playback.unknown, playback.note().lstrip("; ")
            wrong = playback.miscounted(
                call, len(acts), 1, ended=True, at=at, fewer=fewer, renewed=renewed
            )
            assert not wrong, f"{wrong}; this came: {brief(came[-1])}"
        return came

    def refused(
        self,
        ask: Asker,
        call: VendorCall,
        faces: Sequence[bytes],
        status: int,
        body: Any,
        headers: Mapping[str, str] | None = None,
        **how: Any,
    ) -> list[ResultOrError]:
        """What came of one question that got an error; a 401 may renew a token once."""
        act, renewed = (
            reply(status, body, **(headers or {})),
            status == 401 and call.keeps_a_token(),
        )
        return self.replied(ask, call, faces, act, renewed=renewed, **how)

    def assert_not_live(self, ask: Asker, faces: Sequence[bytes], status: int, body: Any) -> None:
        """A reply that says "not live" is an answer to who asked for liveness."""
        calls = [each for each in self.calls() if each.operation is not Operation.COMPARE]
        for call in calls:
            result = answered(self.refused(ask, call, faces, status, body))
            spoof = result.liveness is not None and not result.liveness.passed
            assert spoof, f"{call}: {body} was read as {brief(result)}, and says that it is a spoof"

    def other(self, option: str, call: VendorCall) -> Any:
        """Another value of a per-request option than the one a call is asked with."""
        if option in self.other_options:
            return self.other_options[option]
        now = call.options.get(option, getattr(self.make().settings, option))
        for value in values(self.provider.settings_type, option):
            if value != now:
                return value
        pytest.fail(f"give another value of {option} in other_options")


def _refused(verify: Callable[[Seen], None], seen: Seen) -> bool:
    try:
        verify(seen)
    except Exception:  # noqa: BLE001  an author's own
        return True
    return False


def _unlike(first: Sequence[Collection[Any]], second: Sequence[Collection[Any]]) -> str:
    if len(first) != len(second):
        return f"there are {len(first)} and {len(second)}"
    pairs = [{*one} ^ {*other} for one, other in zip(first, second, strict=True)]
    return ", ".join(sorted({name for each in pairs for name, _ in each}))


def _told(sent: Mapping[str, Sequence[str]]) -> str:
    told = [f"{place or 'the body'}: {' and '.join(names)}" for place, names in sent.items()]
    return ", ".join(told) or "no picture"
