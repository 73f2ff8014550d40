"""The contract between a plugin's two directions: what one writes, the other reads."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from facegate import CaptureReason, CaptureRejected, FacegateError, Image, Operation, RateLimited
from facegate.flow import HttpReply
from facegate.plugin import Answer, Asked, Dialect, Provider
from facegate.policy import Terms
from facegate.question import Question
from facegate.testing import made
from facegate.testing.cases import meaning
from facegate.testing.direct import Asking, heard, requests
from facegate.testing.mutations import UNREADABLE, mutations


class DialectContract:
    """What every vendor-compatible API promises its plugin's own client.

    No socket is opened: the client's request is handed to the API, and its reply to the client::

        class TestAcmeApi(DialectContract):
            provider = Acme
            settings = {"base_url": "https://api.example", "token": KEY}
            dialect = AcmeApi
            key = KEY
            heard = {AuthenticationFailed: ProviderUnavailable}   # the operator's, not the caller's

    Attributes:
        provider: the client.
        settings: what it needs to be set up; its credential is ``key``.
        dialect: the API.
        dialect_settings: its switches.
        key: what a caller has to present.
        heard: errors, as classes or reasons, that the client hears as another one, or as one of
            several; all others it hears as what they are.
        other_options: values of per-request options whose type does not list any.
        examples: how many questions and answers to make up for each law.
    """

    provider: ClassVar[type[Provider[Any]]]
    settings: ClassVar[Mapping[str, Any]] = {}
    dialect: ClassVar[type[Dialect[Any]]]
    dialect_settings: ClassVar[Mapping[str, Any]] = {}
    key: ClassVar[str]
    heard: ClassVar[Mapping[Any, Any]] = {}
    other_options: ClassVar[Mapping[str, Any]] = {}
    examples: ClassVar[int] = 60

    def sayable(self, asked: Asked, answer: Answer) -> Answer | None:  # noqa: ARG002
        """What is left of an answer in this vendor's words; None where they have none for it."""
        return answer

    def client(self) -> Provider[Any]:
        """The client."""
        settings = self.provider.settings_type.model_validate(self.settings)
        return self.provider(settings, "contract")

    def api(self, *keys: str) -> Dialect[Any]:
        """The API, for callers who hold one of these keys."""
        settings = self.dialect.settings_type.model_validate(self.dialect_settings)
        return self.dialect(settings, keys)

    def test_a_question_is_read_as_it_was_asked(self) -> None:
        """The first law: decoding an encoded request gives the request back."""
        client, api = self.client(), self.api()

        def law(data: st.DataObject) -> None:
            question = data.draw(made.questions(client, self.other_options))
            sent = requests(client, question)
            for asking in sent:
                bound, asked = asking.bound, api.decode(asking.request)
                assert isinstance(asked, Asked), asked
                assert asked.operation is bound.operation
                assert _digest(asked.probe) == bound.probe.digest
                gallery = getattr(bound, "gallery", ())
                assert [*map(_digest, asked.gallery)] == [each.digest for each in gallery]
                self.assert_told(client, question, sent, asked)

        self.for_examples(law)

    def test_an_answer_is_read_as_it_was_given(self) -> None:
        """The second law: decoding an encoded answer gives it back, as far as it can be said."""
        client, api = self.client(), self.api()

        def law(data: st.DataObject) -> None:
            question = data.draw(made.questions(client, self.other_options, most=1))
            (asking,) = requests(client, question)
            asked = api.decode(asking.request)
            assert isinstance(asked, Asked), asked
            # A threshold that does not travel is the client's own; the default is known to both.
            names = ("threshold", "liveness_threshold")
            untold: dict[str, Any] = {each: None for each in names if getattr(asked, each) is None}
            (asking,) = requests(client, replace(question, **untold))
            answer = data.draw(made.answers(api, asked))
            reply = api.encode(asked, answer)
            found, wanted = heard(client, asking.bound, reply), self.sayable(asked, answer)
            if wanted is None:
                assert isinstance(found, FacegateError), found
                return
            assert isinstance(found, Answer), f"{found!r} from {reply.body!r}"
            assert _said(found) == _said(wanted)
            operation = asking.bound.operation
            assert _is_yes(found, operation) == _is_yes(answer, operation)

        self.for_examples(law)

    def test_an_error_is_heard_as_what_it_is(self) -> None:
        api = self.api()
        for client, asking in self.plain_questions():
            asked = api.decode(asking.request)
            assert isinstance(asked, Asked), asked
            for error in every_error():
                for known in (asked, None):
                    came = heard(client, asking.bound, api.encode_error(error, known))
                    assert isinstance(came, FacegateError), f"{error!r} was heard as an answer"
                    allowed = self.heard.get(meaning(error), meaning(error))
                    several = isinstance(allowed, Collection) and not isinstance(allowed, str)
                    assert meaning(came) in (allowed if several else [allowed]), (
                        f"{asking.bound.operation}: {error!r} was heard as {came!r}"
                    )
                    if isinstance(error, RateLimited) and isinstance(came, RateLimited):
                        assert came.retry_after == error.retry_after

    def test_a_documented_error_is_never_heard_as_a_yes(self) -> None:
        api = self.api()
        for client, asking in self.plain_questions():
            for name in api.errors:
                came = heard(client, asking.bound, api.error(name))
                yes = isinstance(came, Answer) and _is_yes(came, asking.bound.operation)
                assert not yes, name

    def test_only_who_holds_the_key_is_let_in(self) -> None:
        for _, asking in self.plain_questions():
            request = asking.request
            bare = replace(request, headers={"content-type": "application/json"})
            assert self.api(self.key).authorise(request) == self.key
            assert isinstance(self.api(f"{self.key}x").authorise(request), HttpReply)
            assert isinstance(self.api(self.key).authorise(bare), HttpReply)
            assert self.api().authorise(bare) == ""

    def test_a_request_that_makes_no_sense_is_answered(self) -> None:
        api = self.api()
        for _, asking in self.plain_questions():
            body = json.loads(b"".join(asking.request.body))
            for name, spoilt in {**UNREADABLE, **dict(mutations(body))}.items():
                try:
                    asked = api.decode(replace(asking.request, body=(spoilt,)))
                except FacegateError as error:
                    asked = api.encode_error(error)
                refused = isinstance(asked, HttpReply) and asked.status >= 400
                assert refused or (isinstance(asked, Asked) and name not in UNREADABLE), name

    def plain_questions(self) -> Iterator[tuple[Provider[Any], Asking]]:
        """One question for each operation, with nothing special about it."""
        client = self.client()
        probe, claimed, *_ = made.pictures(client)
        for operation in sorted(client.capabilities):
            gallery = () if operation is Operation.LIVENESS else (claimed,)
            (asking,) = requests(client, Question(operation, probe, gallery))
            yield client, asking

    def for_examples(self, law: Callable[[st.DataObject], None]) -> None:
        """Try a law on made-up data."""
        steady = hypothesis_settings(
            max_examples=self.examples,
            deadline=None,
            database=None,
            phases=(Phase.explicit, Phase.generate, Phase.shrink),
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        )
        steady(given(st.data())(law))()

    def assert_told(
        self, client: Provider[Any], question: Question, sent: Sequence[Asking], asked: Asked
    ) -> None:
        """Whatever changes the request, is read from it; and nothing else is made up."""

        def changed(**changes: Any) -> bool:
            others = requests(client, replace(question, **changes))
            return [each.request for each in others] != [each.request for each in sent]

        info, bound = client.info, sent[0].bound
        for name, spec in (("threshold", info.match), ("liveness_threshold", info.liveness)):
            wanted = getattr(bound, name, None)
            if wanted is not None and spec is not None:
                low, high = spec.bounds
                other = high if wanted != high else (low + high) / 2
                said = wanted if changed(**{name: other}) else None
                assert getattr(asked, name) == said, f"{name}: {getattr(asked, name)}, not {said}"
        read = Terms.of(client, question.operation, options=asked.options).settings
        options = (question.options or {}).get(info.plugin, {})
        for name in sorted(client.settings_type.per_call_fields()):
            wanted = getattr(bound.settings, name)
            choices = made.values(client.settings_type, name) or [self.other_options.get(name)]
            others = [each for each in choices if each not in (wanted, None)]
            if others and changed(options={info.plugin: {**options, name: others[0]}}):
                assert getattr(read, name) == wanted, f"option {name} was lost"


def _digest(image: Image | str) -> str:
    return image.digest if isinstance(image, Image) else image


def _said(answer: Answer) -> list[Any]:
    match, liveness = answer.match, answer.liveness
    return [
        match and (match.is_match, match.score),
        liveness and (liveness.passed, liveness.score),
    ]


def _is_yes(answer: Answer, operation: Operation) -> bool:
    same = answer.match is not None and answer.match.is_match
    live = answer.liveness is not None and answer.liveness.passed
    return {
        Operation.COMPARE: same and (live or answer.liveness is None),
        Operation.LIVENESS: live,
        Operation.COMPARE_LIVE: same and live,
    }[operation]


def every_error(base: type[FacegateError] = FacegateError) -> Iterator[FacegateError]:
    """One of each class at the ends of the tree, and one for each reason."""
    for kind in base.__subclasses__():
        if not kind.__module__.startswith("facegate."):
            continue
        if kind is CaptureRejected:
            for reason in CaptureReason:
                yield CaptureRejected("", reason=reason, image="probe")
        elif kind is RateLimited:
            yield RateLimited("", retry_after=7.0)
        elif kind.__subclasses__():
            yield from every_error(kind)
        else:
            yield kind("")
