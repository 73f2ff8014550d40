"""The contract between a plugin's two directions: what one writes, the other reads."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, ClassVar

from hypothesis import HealthCheck, Phase, Verbosity, given, reject
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from facegate import (
    FacegateError,
    Image,
    InputError,
    JournalUnavailable,
    Operation,
    ProviderUnavailable,
    RateLimited,
    UnsupportedOption,
)
from facegate.plugin import (
    Answer,
    CompatibleApi,
    DecodedRequest,
    HttpProvider,
    Provider,
    SigningApi,
)
from facegate.policy import Terms
from facegate.providers.requests import BoundRequest
from facegate.question import Question
from facegate.runtime.flow import HttpReply, HttpRequest
from facegate.testing import strategies
from facegate.testing.cases import meaning
from facegate.testing.claims import brief
from facegate.testing.direct import SentRequest, read_reply, requests
from facegate.testing.mutations import UNREADABLE, mutations
from facegate.testing.versions import Versioned


class CompatibleApiContract(Versioned):
    """The promises of every compatible API to its plugin's own client.

    No socket is opened: the client's request is handed to the API, and its reply to the client::

        class TestAcmeApi(CompatibleApiContract):
            contract_version = 1
            provider = Acme
            settings = {"base_url": "https://api.example", "token": KEY}
            api_type = AcmeApi
            key = KEY
            heard = {AuthenticationFailed: ProviderUnavailable}   # the operator's, not the caller's

    Attributes:
        contract_version: the version of the contract that the class was written for; a check of a
            later version warns for one minor release before it fails.
        provider: the client's class.
        settings: the client's settings; its credential is ``key``.
        api_type: the compatible API's class.
        api_settings: the API's switches.
        key: the credential that a caller has to present.
        heard: errors, as classes or reasons, that the client hears as another one, or as one of
            several. It hears all others as what they are, except JournalUnavailable: no vendor has
            a word for that, so it is heard as ProviderUnavailable.
        other_options: values of per-request options whose type does not list any.
        examples: number of questions and answers made up for each law.
    """

    provider: ClassVar[type[Provider]]
    settings: ClassVar[Mapping[str, Any]] = {}
    api_type: ClassVar[type[CompatibleApi]]
    api_settings: ClassVar[Mapping[str, Any]] = {}
    key: ClassVar[str]
    heard: ClassVar[Mapping[Any, Any]] = {}
    other_options: ClassVar[Mapping[str, Any]] = {}
    examples: ClassVar[int] = 60

    def sayable(self, decoded: DecodedRequest, answer: Answer) -> Answer | None:  # noqa: ARG002
        """The answer as far as this vendor's words can say it; None where they cannot."""
        return answer

    def client(self) -> Provider:
        """The client, set up; it signs at a fixed time, so that equal questions are sent alike."""
        settings = self.provider.settings_type.model_validate(self.settings)
        client = self.provider(settings, "contract")
        if isinstance(client, HttpProvider):
            client.clock = _now
        return client

    def api(self, *keys: str) -> CompatibleApi:
        """The API, for callers who hold one of these keys."""
        settings = self.api_type.settings_type.model_validate(self.api_settings)
        api = self.api_type(settings, keys)
        if isinstance(api, SigningApi):
            api.clock = _now
        return api

    def test_a_question_is_read_as_it_was_asked(self) -> None:
        """The first law: decoding an encoded request gives the request back."""
        client, api = self.client(), self.api()
        for question in self.questions_with_an_option(client):
            sent_requests: Sequence[SentRequest] = ()
            with contextlib.suppress(*_REFUSED):
                sent_requests = requests(client, question)
            self.assert_read(client, api, question, sent_requests)

        def law(data: st.DataObject) -> None:
            question = data.draw(strategies.questions(client, self.other_options))
            self.assert_read(client, api, question, _requests_or_reject(client, question))

        self.for_examples(law)

    def test_an_answer_is_read_as_it_was_given(self) -> None:
        """The second law: decoding an encoded answer gives it back, as far as it can be said."""
        client, api = self.client(), self.api()

        def law(data: st.DataObject) -> None:
            question = data.draw(strategies.questions(client, self.other_options, most=1))
            (sent,) = _requests_or_reject(client, question)
            decoded = self.understood(api, sent)
            # A threshold that does not travel is the client's own; the default is known to both.
            names = ("threshold", "liveness_threshold")
            untold: dict[str, Any] = {
                each: None for each in names if getattr(decoded, each) is None
            }
            (sent,) = _requests_or_reject(client, replace(question, **untold))
            answer = data.draw(strategies.answers(api, decoded))
            reply = api.encode(decoded, answer)
            outcome, wanted = read_reply(client, sent.bound, reply), self.sayable(decoded, answer)
            encoded = f"{reply.status} {reply.body[:400]!r}"
            case = f"{brief(answer)}, sent as {encoded}, was heard as {brief(outcome)}"
            if wanted is None:
                assert isinstance(outcome, FacegateError), f"what cannot be said was said: {case}"
                return
            assert isinstance(outcome, Answer), case
            assert _verdicts(outcome) == _verdicts(wanted), f"{case}, not as {_verdicts(wanted)}"
            operation = sent.bound.operation
            assert _is_yes(outcome, operation) == _is_yes(answer, operation), case

        self.for_examples(law)

    def test_an_error_is_heard_as_what_it_is(self) -> None:
        api = self.api()
        meant = {JournalUnavailable: ProviderUnavailable, **self.heard}
        for client, sent in self.plain_questions():
            for error in strategies.every_error():
                outcome = read_reply(client, sent.bound, api.encode_error(error))
                case = f"{sent.bound.operation}: {error!r} was heard as {brief(outcome)}"
                assert isinstance(outcome, FacegateError), case
                allowed = meant.get(meaning(error), meaning(error))
                several = isinstance(allowed, Collection) and not isinstance(allowed, str)
                assert meaning(outcome) in (allowed if several else [allowed]), (
                    f"{case}; if there is no better word for it, say so in heard"
                )
                if isinstance(error, RateLimited) and isinstance(outcome, RateLimited):
                    assert outcome.retry_after == error.retry_after, (
                        f"{error.retry_after} s to wait were heard as {outcome.retry_after}"
                    )

    def test_a_documented_error_is_never_heard_as_a_yes(self) -> None:
        api = self.api()
        for client, sent in self.plain_questions():
            for name in api.errors:
                outcome = read_reply(client, sent.bound, api.error(name))
                yes = isinstance(outcome, Answer) and _is_yes(outcome, sent.bound.operation)
                assert not yes, (
                    f"{sent.bound.operation}: the error {name} was heard as {brief(outcome)}"
                )

    def test_only_who_holds_the_key_is_let_in(self) -> None:
        for _, sent in self.plain_questions():
            request = sent.request
            bare = replace(request, headers={"content-type": "application/json"})
            known = self.api(self.key).authorise(request) == self.key
            assert known, "authorise() does not give the key that the client presented"
            assert _let_in(self.api(self.key), request), "prove() refuses what the client signed"
            assert not _let_in(self.api(f"{self.key}x"), request), "another key is let in"
            assert not _let_in(self.api(self.key), bare), "who presents no key is let in"
            assert self.api().authorise(bare) == "", "an API without keys turns a caller away"
            assert _let_in(self.api(), bare), "an API without keys wants something proved"

    def test_a_request_that_makes_no_sense_is_answered(self) -> None:
        api = self.api()
        for client, sent in self.plain_questions():
            body = json.loads(b"".join(sent.request.body))
            for name, spoilt in {**UNREADABLE, **dict(mutations(body))}.items():
                case = f"{sent.bound.operation}: a request that is, or has, {name}"
                try:
                    decoded = api.decode(replace(sent.request, body=(spoilt,)))
                except FacegateError as error:
                    decoded = api.encode_error(error)
                except Exception as error:
                    kind = type(error).__name__
                    raise AssertionError(f"{case}: decode() raised {kind}") from error
                refused = isinstance(decoded, HttpReply) and isinstance(
                    read_reply(client, sent.bound, decoded), FacegateError
                )
                taken = isinstance(decoded, DecodedRequest) and name not in UNREADABLE
                assert refused or taken, (
                    f"{case} was answered with {getattr(decoded, 'status', 'a question')}"
                )

    def understood(self, api: CompatibleApi, sent: SentRequest) -> DecodedRequest:
        """The client's own request, decoded by the API."""
        decoded = api.decode(sent.request)
        assert isinstance(decoded, DecodedRequest), (
            f"the client asked {_what(sent.bound)}, the API refused with"
            f" {decoded.status} {decoded.body!r}"
        )
        return decoded

    def questions_with_an_option(self, client: Provider) -> Iterator[Question]:
        """A question for each operation and each value of each option: chance may miss one."""
        probe, claimed, *_ = strategies.pictures(client)
        for option in sorted(client.settings_type.per_call_fields()):
            choices = strategies.values(client.settings_type, option)
            if not choices and option not in self.other_options:
                raise AssertionError(f"give a value of {option} in other_options")
            for value in choices or [self.other_options[option]]:
                for operation in sorted(client.capabilities):
                    gallery = () if operation is Operation.LIVENESS else (claimed,)
                    options = {client.info.plugin: {option: value}}
                    yield Question(
                        operation=operation, probe=probe, gallery=gallery, options=options
                    )

    def plain_questions(self) -> Iterator[tuple[Provider, SentRequest]]:
        """One question for each operation, with nothing special about it."""
        client = self.client()
        probe, claimed, *_ = strategies.pictures(client)
        for operation in sorted(client.capabilities):
            gallery = () if operation is Operation.LIVENESS else (claimed,)
            question = Question(operation=operation, probe=probe, gallery=gallery)
            (sent,) = requests(client, question)
            yield client, sent

    def for_examples(self, law: Callable[[st.DataObject], None]) -> None:
        """Try a law on made-up data."""
        steady = hypothesis_settings(
            max_examples=self.examples,
            deadline=None,
            report_multiple_bugs=False,  # one sentence, not a group of exceptions
            database=None,
            verbosity=Verbosity.quiet,  # it would print whole pictures; the assertions say enough
            phases=(Phase.explicit, Phase.generate, Phase.shrink),
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        )
        steady(given(st.data())(law))()

    def assert_read(
        self,
        client: Provider,
        api: CompatibleApi,
        question: Question,
        sent_requests: Sequence[SentRequest],
    ) -> None:
        """Every request of a question is read as what was asked."""
        for sent in sent_requests:
            decoded, bound = self.understood(api, sent), sent.bound
            what = _what(bound)
            assert decoded.operation is bound.operation, f"{what} was read as {decoded.operation}"
            same = _digest(decoded.probe) == bound.probe.digest
            assert same, f"{what}: another probe was read"
            gallery = [each.digest for each in getattr(bound, "gallery", ())]
            read = [*map(_digest, decoded.gallery)]
            assert read == gallery, (
                f"{len(gallery)} gallery pictures were sent and {len(read)} read,"
                f" or others, or in another order: {what}"
            )
            self.assert_told(client, question, sent_requests, decoded)

    def assert_told(
        self,
        client: Provider,
        question: Question,
        sent_requests: Sequence[SentRequest],
        decoded: DecodedRequest,
    ) -> None:
        """Thresholds and options that change the request are read from it; none is made up."""

        def changed(**changes: Any) -> bool:
            try:
                others = requests(client, replace(question, **changes))
            except _REFUSED:
                return False
            return [each.request for each in others] != [each.request for each in sent_requests]

        info, bound = client.info, sent_requests[0].bound
        for name, spec in (("threshold", info.match), ("liveness_threshold", info.liveness)):
            wanted = getattr(bound, name, None)
            if wanted is not None and spec is not None:
                low, high = spec.bounds
                others = {high, (low + 3 * high) / 4, (low + high) / 2} - {wanted}
                sent = wanted if any(changed(**{name: other}) for other in others) else None
                read = getattr(decoded, name)
                assert read == sent, f"a {name} of {sent} was read as {read}: {_what(bound)}"
        kept = Terms.of(client, question.operation, options=decoded.options).settings
        options = (question.options or {}).get(info.plugin, {})
        for name in sorted(client.settings_type.per_call_fields()):
            wanted, read = getattr(bound.settings, name), getattr(kept, name)
            choices = strategies.values(client.settings_type, name)
            choices = choices or [self.other_options.get(name)]
            other = next((each for each in choices if each not in (wanted, None)), None)
            if other is not None and changed(options={info.plugin: {**options, name: other}}):
                assert read == wanted, f"the option {name} = {wanted!r} was read as {read!r}"


def _now() -> datetime:
    return datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


_REFUSED = (InputError, UnsupportedOption)


def _requests_or_reject(client: Provider, question: Question) -> list[SentRequest]:
    """The requests of a question; one that the client refuses says nothing about its API."""
    try:
        return requests(client, question)
    except _REFUSED:
        reject()


def _what(bound: BoundRequest) -> str:
    """A question's operation and thresholds in a few words."""
    thresholds = [
        f"{name} {value}"
        for name in ("threshold", "liveness_threshold")
        if (value := getattr(bound, name, None)) is not None
    ]
    return ", ".join([f"a question of {bound.operation}", *thresholds])


def _let_in(api: CompatibleApi, request: HttpRequest) -> bool:
    key = api.authorise(request)
    return not isinstance(key, HttpReply) and api.prove(request, key) is None


def _digest(image: Image | str) -> str:
    return image.digest if isinstance(image, Image) else image


def _verdicts(answer: Answer) -> list[Any]:
    match, liveness = answer.match, answer.liveness
    return [
        None if match is None else (match.is_match, match.score),
        None if liveness is None else (liveness.passed, liveness.score),
    ]


def _is_yes(answer: Answer, operation: Operation) -> bool:
    same = answer.match is not None and answer.match.is_match
    live = answer.liveness is not None and answer.liveness.passed
    return {
        Operation.COMPARE: same and (live or answer.liveness is None),
        Operation.LIVENESS: live,
        Operation.COMPARE_LIVE: same and live,
    }[operation]
