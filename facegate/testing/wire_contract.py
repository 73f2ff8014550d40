"""The contract of a vendor's wire: requests that go out, and what each documented reply means."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import pytest

from facegate import Image, ImageFormat, Operation, UnmappedError
from facegate.plugin import NOT_LIVE
from facegate.testing.asking import Asker
from facegate.testing.cases import (
    Documented,
    Endpoint,
    Failure,
    VendorCall,
    differences,
    meaning,
)
from facegate.testing.claims import answered, assert_explained, assert_survives, brief, failed
from facegate.testing.data import NOWHERE
from facegate.testing.playback import Playback
from facegate.testing.sent import content, encoding, expected, keys, mislabelled, pictures, spoilt
from facegate.testing.server import Seen
from facegate.testing.wire_data import WireData


class WireContract(WireData):
    """The promise that requests, answers and errors are those of the vendor's documentation."""

    def test_every_operation_is_documented_with_a_yes_and_a_no(self) -> None:
        rows = {(each.call.operation, each.is_yes) for each in self.documented}
        wanted = {(each, yes) for each in self.make().capabilities for yes in (True, False)}
        lacking = [f"a {'yes' if yes else 'no'} of {each}" for each, yes in sorted(wanted - rows)]
        assert not lacking, f"documented lacks {', '.join(lacking)}"
        others = sorted({operation for operation, _ in rows - wanted})
        assert not others, f"documented, but the provider has no {', '.join(others)}"

    def test_a_request_is_as_documented(self, ask: Asker, call: VendorCall) -> None:
        most = self.provider.info.max_gallery or 2
        faces = [self.face(seed) for seed in range(min(most, 2) + 1)]
        playback, outcomes = self.asked(ask, call, faces, below="/below")
        assert playback.served, (
            f"{call} made no documented request: {brief(outcomes[0])}{playback.note()}"
        )
        for each in playback.served:
            wrong = self.otherwise(each.endpoint, each.plain)
            assert not wrong, f"{call} asked {each.endpoint} otherwise than documented: {wrong}"
        assert not playback.unknown, playback.note().lstrip("; ")
        gallery = 0 if call.operation is Operation.LIVENESS else len(faces) - 1
        wrong = playback.miscounted(call, 1, gallery)
        assert not wrong, f"{call}: {wrong}; this came: {brief(outcomes[0])}"

    def test_everybody_is_at_their_place(self, ask: Asker, call: VendorCall) -> None:
        most = self.provider.info.max_gallery or 2
        faces = [self.face(seed) for seed in range(min(most, 2) + 1)]
        playback, outcomes = self.asked(ask, call, faces)
        assert playback.served, (
            f"{call} made no documented request: {brief(outcomes[0])}{playback.note()}"
        )
        self.assert_placed(call, playback, faces)

    def test_every_picture_type_is_sent_as_it_is(
        self, ask: Asker, kind: ImageFormat, call: VendorCall
    ) -> None:
        faces = [self.face(seed, kind) for seed in range(2)]
        playback, outcomes = self.asked(ask, call, faces)
        assert playback.served, f"asked with a {kind}, it sends nothing: {brief(outcomes[0])}"
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
        requests = [each.seen for each in playback.served]
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
        assert_explained(result, self.make().info)
        assert_survives(result)

    def test_an_option_reaches_the_vendor(
        self, ask: Asker, option: str, call: VendorCall, faces: Sequence[bytes]
    ) -> None:
        other = {option: self.other(option, call)}
        plain, _ = self.asked(ask, call, faces)
        changed, outcomes = self.asked(ask, call, faces, options=other, calls=self.calls())
        requested = changed.served or changed.unknown
        assert requested, f"{call} with {other} sends nothing: {brief(outcomes[0])}"
        sent = plain.compared() != changed.compared() or bool(changed.unknown)
        if option in call.carries:
            assert sent, f"{other} changes no request of {call}: it is dropped"
        else:
            assert not sent, (
                f"{other} changes what {call} sends; say so with carries={{{option!r}}}, so that"
                f" it is looked for; this came: {brief(outcomes[0])}"
            )

    def test_an_option_is_carried_somewhere(self, option: str) -> None:
        carried = [call for call in self.calls() if option in call.carries]
        assert carried, f"no documented call carries the per-request option {option}"

    def test_a_documented_error_means_what_is_documented(
        self, ask: Asker, failure: Failure, faces: Sequence[bytes]
    ) -> None:
        call = failure.call or self.calls()[0]
        error = failed(self.refused(ask, call, faces, failure))
        assert meaning(error) is failure.raises, f"{failure} was read as {error!r}"
        attributes = {name: getattr(error, name) for name in failure.told}
        wrong = differences(failure.told, attributes)
        assert not wrong, f"{failure} was told otherwise: {'; '.join(wrong)}"
        assert error.attempts, "the error does not say which attempts were made"
        assert_survives(error)
        json.dumps(error.as_dict())

    def test_every_row_of_the_error_table_is_reached(
        self, ask: Asker, row: tuple[str | int, Any], faces: Sequence[bytes]
    ) -> None:
        code, wanted = row
        reply = (code, b"") if isinstance(code, int) else self.reply_for(code)
        if reply is None:
            bodies = [*(each.body for each in self.failures), *(d.body for d in self.documented)]
            assert str(code) in str(bodies), (
                f"nothing provokes {code}: give a Failure or Documented with it,"
                " or say in reply_for() how the vendor sends it"
            )
            pytest.skip(f"{code} is in failures or documented, which have tests of their own")
        status, body = reply
        failure = Failure(status, body, wanted)
        if wanted is NOT_LIVE:
            self.assert_not_live(ask, faces, failure)
            return
        error = failed(self.refused(ask, self.calls()[0], faces, failure))
        assert meaning(error) is wanted, f"the reply {reply} was read as {error!r}, not as its row"

    def test_an_unknown_error_is_never_guessed_at(
        self, ask: Asker, call: VendorCall, faces: Sequence[bytes]
    ) -> None:
        reply = self.reply_for(NOWHERE) or (400, {"code": NOWHERE})
        for status, body in (reply, (418, b""), (400, b"<html>")):
            failure = Failure(status, body, UnmappedError)
            error = failed(self.refused(ask, call, faces, failure))
            assert type(error) is UnmappedError, (
                f"nothing is known of a {status} with {body!r}, and it was read as {error!r}"
            )

    def otherwise(self, endpoint: Endpoint, seen: Seen) -> str:
        """The difference of a request from the documented one, pictures apart; empty if none."""
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
        """Every picture was sent to its documented place, and nowhere else."""
        images = {
            "the probe" if n < 0 else f"gallery[{n}]": Image.of(face)
            for n, face in enumerate(faces, -1)
        }
        for each in playback.served:
            label = mislabelled(each.seen, images)
            assert not label, f"{call} sent {label}"
        names = [*images][:1] if call.operation is Operation.LIVENESS else [*images]
        for alike in call.alike():
            served = [
                pictures(each.plain, alike, images)
                for each in playback.served
                if each.endpoint in alike
            ]
            wanted = [each for endpoint in alike for each in expected(endpoint, names)]
            wrong = [each for each in served if each not in wanted]
            right = (
                _places(wanted[0]) if wanted[0] else "no picture, as its Endpoint names no place"
            )
            assert not wrong, (
                f"{call} sent to {alike[0]} {_places(wrong[0])}; it has to send {right}"
            )
            lost = [each for each in wanted if served and each not in served]
            assert not lost, f"{call} never sent to {alike[0]} {_places(lost[0])}"
        answer = any(each.step is None for each in playback.served)
        assert answer, f"{call} never asked {call.endpoint}{playback.note()}"

    def assert_not_live(self, ask: Asker, faces: Sequence[bytes], failure: Failure) -> None:
        """A reply that says "not live" is an answer where liveness was asked."""
        calls = [each for each in self.calls() if each.operation is not Operation.COMPARE]
        for call in calls:
            result = answered(self.refused(ask, call, faces, failure))
            spoof = result.liveness is not None and not result.liveness.passed
            assert spoof, f"{call}: {failure} was read as {brief(result)}, and it is a spoof"


def _refused(verify: Callable[[Seen], None], seen: Seen) -> bool:
    try:
        verify(seen)
    except Exception:  # noqa: BLE001  of an author's own verify()
        return True
    return False


def _unlike(first: Sequence[Collection[Any]], second: Sequence[Collection[Any]]) -> str:
    if len(first) != len(second):
        return f"there are {len(first)} and {len(second)}"
    pairs = [{*one} ^ {*other} for one, other in zip(first, second, strict=True)]
    return ", ".join(sorted({name for each in pairs for name, _ in each}))


def _places(sent: Mapping[str, Sequence[str]]) -> str:
    places = [f"{place or 'the body'}: {' and '.join(names)}" for place, names in sent.items()]
    return ", ".join(places) or "no picture"
