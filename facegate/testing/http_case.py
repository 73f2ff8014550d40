"""A vendor's documentation as data, and a server that answers as it says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import pytest

from facegate.testing.asking import Ask, Came
from facegate.testing.cases import Call, Documented, Failure
from facegate.testing.contract import ProviderContract, Stage
from facegate.testing.made import values
from facegate.testing.server import (
    Act,
    Line,
    Seen,
    Server,
    reply,
)


class HttpCase(ProviderContract):
    """What the checks of a provider behind HTTP work with."""

    headers: ClassVar[Mapping[str, str]] = {}
    documented: ClassVar[Sequence[Documented]] = ()
    failures: ClassVar[Sequence[Failure]] = ()
    other_options: ClassVar[Mapping[str, Any]] = {}

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

    def came(
        self, ask: Ask, call: Call, faces: Sequence[bytes], *acts: Act, **settings: Any
    ) -> list[Came]:
        """What came of asking once for each act, with exactly one request each time."""
        with Server(*acts) as server:
            provider = self.make(base_url=server.url, **settings)
            came = ask(provider, [self.question(call, faces)] * len(acts))
        assert len(server.seen) == len(acts), "a question is one request, and none is repeated"
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
