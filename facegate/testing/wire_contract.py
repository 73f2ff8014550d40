"""What goes out to a vendor, and what each documented reply of it means."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import pytest

from facegate import Image, Operation, UnmappedError
from facegate.plugin import NOT_LIVE
from facegate.testing.asking import Ask, Came, Stage
from facegate.testing.cases import Call, Documented, Failure, differences, meaning
from facegate.testing.claims import answered, assert_explained, assert_survives, failed
from facegate.testing.contract import NOWHERE, ProviderContract
from facegate.testing.made import values
from facegate.testing.pictures import noise
from facegate.testing.server import Act, Line, Seen, Server, reply


class WireContract(ProviderContract):
    """Requests, answers and errors are those of the vendor's documentation."""

    headers: ClassVar[Mapping[str, str]] = {}
    documented: ClassVar[Sequence[Documented]] = ()
    failures: ClassVar[Sequence[Failure]] = ()
    other_options: ClassVar[Mapping[str, Any]] = {}
    patience_s: ClassVar[float] = 60.0

    @pytest.fixture
    def stage(self) -> Iterator[Stage]:
        """The vendor, played by a server that gives the first documented reply to each call."""
        with Server(self.play) as server:
            yield Stage(lambda **changes: self.make(base_url=server.url, **changes), server.seen)

    @classmethod
    def given(cls) -> dict[str, Any]:
        """The settings, complete; nobody listens at this address."""
        return {"base_url": "http://127.0.0.1:9", **cls.settings}

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
            "option": sorted(cls.provider.settings_type.per_call_fields()),
        }

    @classmethod
    def calls(cls) -> Sequence[Call]:
        """Every way of asking that is documented."""
        found: list[Call] = []
        for each in cls.documented:
            if each.call not in found:
                found.append(each.call)
        return found

    @classmethod
    def secrets(cls) -> list[str]:
        """Its secret settings, and whatever else of its settings is in a header."""
        sent = " ".join(cls.headers.values())
        texts = {each for each in cls.settings.values() if isinstance(each, str)}
        return [*super().secrets(), *(each for each in texts if len(each) >= 6 and each in sent)]

    def reply_for(self, code: str) -> tuple[int, Any] | None:
        """How the vendor sends a code of the table: status and body.

        None where it cannot be said in general; ``failures`` or ``documented`` then hold it.
        """
        return 400, {"code": code}

    def test_every_operation_is_documented_with_a_yes_and_a_no(self) -> None:
        told = {(each.call.operation, each.is_yes) for each in self.documented}
        wanted = {(each, yes) for each in self.make().capabilities for yes in (True, False)}
        lacking = [f"a {'yes' if yes else 'no'} of {each}" for each, yes in sorted(wanted - told)]
        assert not lacking, f"documented lacks {', '.join(lacking)}"
        others = sorted({operation for operation, _ in told - wanted})
        assert not others, f"documented, but the provider has no {', '.join(others)}"

    def test_a_request_is_as_documented(self, ask: Ask, call: Call) -> None:
        most = self.provider.info.max_gallery or 2
        faces = [noise(seed, self.kind()) for seed in range(min(most, 2) + 1)]
        wanted = next(each for each in self.documented if each.call == call)
        with Server(self.reply(wanted)) as server:
            ask(self.make(base_url=f"{server.url}/below"), [self.question(call, faces)])
        named = {
            Image.of(face).base64.decode(): f"gallery[{index - 1}]" if index else "the probe"
            for index, face in enumerate(faces)
        }
        probe, *gallery = named.values()
        gallery = [] if call.operation is Operation.LIVENESS else gallery
        expected = [{probe, each} for each in gallery] if call.each else [{probe, *gallery}]
        sent = [
            {named.get(text, "something else") for text in _long_texts(seen.json)}
            for seen in server.seen
        ]
        assert sorted(map(sorted, sent)) == sorted(map(sorted, expected)), (
            f"{call} sent these pictures as bare, unwrapped base64, request by request: {sent};"
            f" it has to send {expected}"
        )
        for seen in server.seen:
            told = f"{seen.method} {seen.target.removeprefix('/below')}"
            assert told == f"{call.method} {call.path}", f"{call} asked {told}"
            assert seen.target == f"/below{call.path}", "the path of base_url was lost"
            keys = sorted(set(seen.json) ^ set(call.keys))
            assert not keys, f"the body's keys differ from the documented ones in {keys}"
            wrong = [
                name for name, value in self.headers.items() if seen.headers.get(name) != value
            ]
            assert not wrong, f"other headers than documented, or none: {', '.join(wrong)}"

    def test_a_documented_reply_is_read_as_documented(
        self, ask: Ask, documented: Documented, faces: Sequence[bytes]
    ) -> None:
        result = answered(self.replied(ask, documented.call, faces, self.reply(documented)))
        wrong = differences(documented.expected, result.model_dump(mode="json"))
        assert not wrong, f"{documented} was read otherwise: {'; '.join(wrong)}"
        assert_explained(result, self.provider.info)
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
        error = failed(self.replied(ask, call, faces, act))
        assert meaning(error) is failure.raises, f"{failure} was read as {error!r}"
        told = {name: getattr(error, name) for name in failure.told}
        wrong = differences(failure.told, told)
        assert not wrong, f"{failure} was told otherwise: {'; '.join(wrong)}"
        assert error.attempts, "the error does not say which attempts were made"
        assert_survives(error)
        json.dumps(error.as_dict())

    def test_every_row_of_the_error_table_is_reached(
        self, ask: Ask, row: tuple[str | int, Any], faces: Sequence[bytes]
    ) -> None:
        code, wanted = row
        said = (code, b"") if isinstance(code, int) else self.reply_for(code)
        if said is None:
            told = [*(each.body for each in self.failures), *(d.body for d in self.documented)]
            assert str(code) in str(told), (
                f"nothing provokes {code}: give a Failure or Documented with it,"
                " or say in reply_for() how the vendor sends it"
            )
            return
        came = self.replied(ask, self.calls()[0], faces, reply(*said))
        if wanted is NOT_LIVE:
            assert not answered(came).accepted, f"the reply {said} was taken for a living person"
            return
        error = failed(came)
        assert meaning(error) is wanted, f"the reply {said} was read as {error!r}, not as its row"

    def test_an_unknown_error_is_never_guessed_at(
        self, ask: Ask, call: Call, faces: Sequence[bytes]
    ) -> None:
        said = self.reply_for(NOWHERE) or (400, {"code": NOWHERE})
        for status, body in (said, (418, b""), (400, b"<html>")):
            error = failed(self.replied(ask, call, faces, reply(status, body)))
            assert type(error) is UnmappedError, (
                f"nothing is known of a {status} with {body!r}, and it was read as {error!r}"
            )

    def play(self, line: Line) -> bool:
        """Answers as the documentation does."""
        told = [self.reply(each) for each in self.documented if self.is_asked(each, line.request)]
        return (told or [reply(404)])[0](line)

    def is_asked(self, documented: Documented, request: Seen) -> bool:
        """Whether a request is the one that this reply answers."""
        call = documented.call
        return request.target == call.path and set(request.json) == set(call.keys)

    def reply(self, documented: Documented) -> Act:
        """A documented reply as it is sent."""
        return reply(documented.status, documented.body)

    def replied(
        self, ask: Ask, call: Call, faces: Sequence[bytes], *acts: Act, **settings: Any
    ) -> list[Came]:
        """What came of asking once for each act, with exactly one request each time."""
        with Server(*acts) as server:
            provider = self.make(base_url=server.url, **settings)
            came = ask(provider, [self.question(call, faces)] * len(acts))
            # Who gives up early has hung up before a busy server has read the request.
            server.asked.wait(self.patience_s)
        assert len(server.seen) == len(acts), (
            f"{len(acts)} questions made {len(server.seen)} requests;"
            " each is one request, and none is repeated"
        )
        return came

    def other(self, option: str) -> Any:
        """Another value of a per-request option than the one it has."""
        if option in self.other_options:
            return self.other_options[option]
        now = getattr(self.make().settings, option)
        for value in values(self.provider.settings_type, option):
            if value != now:
                return value
        pytest.fail(f"give another value of {option} in other_options")


def _long_texts(body: Any) -> Iterator[str]:
    """Every text in a body that is long enough to be a picture."""
    if isinstance(body, str) and len(body) >= 100:
        yield body
    elif isinstance(body, dict | list):
        for each in body.values() if isinstance(body, dict) else body:
            yield from _long_texts(each)
