"""The documented vendor, for checks to ask: its data, and a server that plays it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import pytest

from facegate import Image
from facegate.images.metadata import REMOVABLE
from facegate.plugin import NOT_LIVE
from facegate.testing.asking import Asker, ResultOrError, Stage
from facegate.testing.cases import (
    Documented,
    Failure,
    Interaction,
    VendorCall,
)
from facegate.testing.claims import brief
from facegate.testing.contract import ProviderContract
from facegate.testing.leaks import credentials
from facegate.testing.playback import Playback
from facegate.testing.server import Act, Seen, Server, reply
from facegate.testing.strategies import values

_PUBLIC = {"accept", "accept-encoding", "content-type", "user-agent"}
"""Headers that hold no credential."""


class WireData(ProviderContract):
    """Data from a vendor's documentation, and the vendor played by it."""

    headers: ClassVar[Mapping[str, str]] = {}
    moving: ClassVar[Collection[str]] = ()
    documented: ClassVar[Sequence[Documented]] = ()
    failures: ClassVar[Sequence[Failure]] = ()
    other_options: ClassVar[Mapping[str, Any]] = {}
    patience_s: ClassVar[float] = 60.0

    @pytest.fixture
    def stage(self, faces: Sequence[bytes]) -> Iterator[Stage]:
        """The vendor, played by a server that gives the first documented reply to each call."""
        playback = self.playback(self.calls(), probes=(faces[0], self.nobody()[0]))
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
            "kind": sorted(cls.provider.info.formats & REMOVABLE),
            "option": cls.options(),
            "moved": sorted(cls.moving),
        }

    @classmethod
    def calls(cls) -> Sequence[VendorCall]:
        """Every way of asking that is documented."""
        calls: list[VendorCall] = []
        for each in cls.documented:
            if each.call not in calls:
                calls.append(each.call)
        return calls

    @classmethod
    def options(cls) -> Sequence[str]:
        """The per-request options."""
        return sorted(cls.provider.settings_type.per_call_fields())

    @classmethod
    def secrets(cls) -> list[str]:
        """Values of secret settings, of credential headers, and of other settings in these."""
        endpoints = [endpoint for call in cls.calls() for endpoint in call.endpoints()]
        pairs = [*cls.headers.items(), *(p for each in endpoints for p in each.headers.items())]
        names = cls.headers.keys() - _PUBLIC
        headers = [value for name, value in pairs if value and name in names]
        sent = " ".join(headers)
        texts = {each for each in cls.settings.values() if isinstance(each, str)}
        parts = [part for value in headers for part in credentials(value)]
        return [
            *super().secrets(),
            *parts,
            *(each for each in texts if len(each) >= 6 and each in sent),
        ]

    def reply_for(self, code: str) -> tuple[int, Any] | None:
        """Status and body with which the vendor sends a code of the error table.

        None where it cannot be said in general; ``failures`` or ``documented`` then hold it.
        """
        return 400, {"code": code}

    def error_body(self) -> dict[str, Any] | None:
        """The body that the vendor sends for the first code of the table, where it is an object."""
        table = getattr(self.provider, "errors", None)
        codes = [code for code, row in getattr(table, "codes", {}).items() if row is not NOT_LIVE]
        reply = self.reply_for(codes[0]) if codes else None
        return reply[1] if reply and isinstance(reply[1], dict) else None

    def verify(self, request: Seen) -> None:  # noqa: ARG002
        """Raise unless what ``moving`` names, such as a signature, is right in this request."""
        raise AssertionError(
            f"moving names {', '.join(sorted(self.moving))}, and verify() has to be written: it"
            " raises for a request on which these are wrong"
        )

    def asked(
        self,
        ask: Asker,
        call: VendorCall,
        faces: Sequence[bytes],
        below: str = "",
        calls: Sequence[VendorCall] = (),
        **changes: Any,
    ) -> tuple[Playback, list[ResultOrError]]:
        """The vendor after one question, with the requests it got, and the question's outcome."""
        playback = self.playback(calls or [call], probes=faces[:1], below=below)
        with Server(playback) as server:
            provider = self.make(**self.addressed(server.url + below))
            outcomes = ask(provider, [self.question(call, faces, **changes)])
        return playback, outcomes

    def playback(
        self,
        calls: Sequence[VendorCall],
        acts: Iterator[Act] | None = None,
        *,
        at: Interaction | None = None,
        probes: Sequence[bytes] = (),
        below: str = "",
        answer: Documented | None = None,
    ) -> Playback:
        """The vendor, as it is documented; or with these ``acts`` for an interaction's reply."""

        def answers(turn: Any, step: Interaction | None) -> Act | None:
            if step is at and acts is not None:
                return next(acts, reply(500, b"asked more often than documented"))
            if step is not None:
                return None
            of_call = (each for each in self.documented if each.call == turn.call)
            return self.reply(answer or next(of_call))

        return Playback(calls, answers, map(Image.of, probes), below, self.moving)

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
        answer: Documented | None = None,
        fewer: bool = False,
        renewed: bool = False,
        counted: bool = True,
        **settings: Any,
    ) -> list[ResultOrError]:
        """Outcomes of asking once for each act, each time with the documented requests.

        Args:
            ask: how to ask: blocking or on an event loop.
            call: what is asked.
            faces: the probe and the gallery, of which one picture at most is taken.
            *acts: replies to the interaction ``at``, one for each question.
            at: an interaction of the call; its answer's own if None.
            asked: thresholds and options of the questions.
            answer: how the vendor answers; the first documented answer to the call if None.
            fewer: a question may end before it has come to ``at``.
            renewed: a question may be asked once more with another token.
            counted: check that only documented requests were made, as often as documented.
            **settings: of the provider.
        """
        if at is not None and at.once and len(acts) > 1:
            each = (self.replied(ask, call, faces, act, at=at, **settings) for act in acts)
            return [outcome for (outcome,) in each]
        replies = iter(acts * 2 if renewed else acts)
        playback = self.playback([call], replies, at=at, probes=faces[:1], answer=answer)
        with Server(playback) as server:
            provider = self.make(**self.addressed(server.url), **settings)
            question = self.question(call, faces[:2], **(asked or {}))
            outcomes = ask(provider, [question] * len(acts))
        if counted:
            assert not playback.unknown, playback.note().lstrip("; ")
            wrong = playback.miscounted(
                call, len(acts), 1, ended=True, at=at, fewer=fewer, renewed=renewed
            )
            assert not wrong, f"{wrong}; this came: {brief(outcomes[-1])}"
        return outcomes

    def refused(
        self, ask: Asker, call: VendorCall, faces: Sequence[bytes], failure: Failure
    ) -> list[ResultOrError]:
        """The outcome of one question that got an error; a 401 may renew a token once."""
        act, asked = reply(failure.status, failure.body, **failure.headers), failure.asked
        renewed = failure.status == 401 and call.keeps_a_token()
        return self.replied(ask, call, faces, act, at=failure.at, asked=asked, renewed=renewed)

    def other(self, option: str, call: VendorCall) -> Any:
        """Another value of a per-request option than the one a call is asked with."""
        if option in self.other_options:
            return self.other_options[option]
        now = call.options.get(option, getattr(self.make().settings, option))
        for value in values(self.provider.settings_type, option):
            if value != now:
                return value
        pytest.fail(f"give another value of {option} in other_options")
