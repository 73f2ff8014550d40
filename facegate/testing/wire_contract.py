"""What goes out to a vendor, and what each documented reply of it means."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from facegate import (
    Image,
    Operation,
    UnmappedError,
)
from facegate.testing.asking import Ask
from facegate.testing.cases import Call, Documented, Failure, differences, meaning
from facegate.testing.claims import (
    answered,
    assert_survives,
    failed,
    long_texts,
)
from facegate.testing.contract import NOWHERE
from facegate.testing.http_case import HttpCase
from facegate.testing.pictures import noise
from facegate.testing.server import (
    Server,
    reply,
)


class WireContract(HttpCase):
    """Requests, answers and errors are those of the documentation."""

    def test_every_operation_is_documented_with_a_yes_and_a_no(self) -> None:
        told = {(each.call.operation, each.is_yes) for each in self.documented}
        wanted = {(each, yes) for each in self.make().capabilities for yes in (True, False)}
        assert told == wanted

    def test_a_request_is_as_documented(self, ask: Ask, call: Call) -> None:
        most = self.provider.info.max_gallery or 2
        faces = [noise(seed, self.kind()) for seed in range(min(most, 2) + 1)]
        (wanted,) = [each for each in self.documented if each.call == call][:1]
        with Server(self.reply(wanted)) as server:
            ask(self.make(base_url=f"{server.url}/below"), [self.question(call, faces)])
        probe, *gallery = (Image.of(face).base64.decode() for face in faces)
        gallery = [] if call.operation is Operation.LIVENESS else gallery
        expected = [{probe, each} for each in gallery] if call.each else [{probe, *gallery}]
        assert len(server.seen) == len(expected)
        assert sorted(map(sorted, expected)) == sorted(
            sorted(set(long_texts(seen.json))) for seen in server.seen
        ), "pictures are bare, unwrapped base64, each where it belongs"
        for seen in server.seen:
            assert (seen.method, seen.target) == (call.method, f"/below{call.path}")
            assert set(seen.json) == set(call.keys)
            assert not differences(self.headers, seen.headers)

    def test_a_documented_reply_is_read_as_documented(
        self, ask: Ask, documented: Documented, faces: Sequence[bytes]
    ) -> None:
        result = answered(self.came(ask, documented.call, faces, self.reply(documented)))
        assert not differences(documented.expected, result.model_dump(mode="json"))
        self.assert_explained(result)
        assert_survives(result)

    def test_an_option_reaches_the_vendor(
        self, ask: Ask, option: str, faces: Sequence[bytes]
    ) -> None:
        other = {option: self.other(option)}
        for call in self.calls():
            plain, changed = self.question(call, faces), self.question(call, faces, options=other)
            with Server(reply(503)) as server:
                ask(self.make(base_url=server.url), [plain, changed])
            first, *_, last = [(seen.target, seen.headers, seen.body) for seen in server.seen]
            if first != last:
                return
        pytest.fail(f"{other} changes no request: it is dropped")

    def test_a_documented_error_means_what_is_documented(
        self, ask: Ask, failure: Failure, faces: Sequence[bytes]
    ) -> None:
        call = failure.call or self.calls()[0]
        act = reply(failure.status, failure.body, **failure.headers)
        error = failed(self.came(ask, call, faces, act))
        assert meaning(error) is failure.raises, f"{error!r}"
        told = {name: getattr(error, name) for name in failure.told}
        assert told == dict(failure.told)
        assert error.attempts
        assert_survives(error)
        json.dumps(error.as_dict())

    def test_every_row_of_the_error_table_is_reached(
        self, ask: Ask, row: tuple[str | int, Any], faces: Sequence[bytes]
    ) -> None:
        code, wanted = row
        said = (code, b"") if isinstance(code, int) else self.reply_for(code)
        if said is None:
            told = [*(each.body for each in self.failures), *(d.body for d in self.documented)]
            assert str(code) in str(told), f"nothing documents {code}"
            return
        error = failed(self.came(ask, self.calls()[0], faces, reply(*said)))
        assert meaning(error) is wanted, f"{error!r}"

    def test_an_unknown_error_is_never_guessed_at(
        self, ask: Ask, call: Call, faces: Sequence[bytes]
    ) -> None:
        said = self.reply_for(NOWHERE) or (400, {"code": NOWHERE})
        for act in (reply(*said), reply(418), reply(400, b"<html>")):
            error = failed(self.came(ask, call, faces, act))
            assert type(error) is UnmappedError
