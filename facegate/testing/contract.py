"""The contract that every provider meets, whatever is behind it."""

from __future__ import annotations

import logging
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint
from typing import Any, ClassVar

import anyio
import pytest
from pydantic import SecretStr, ValidationError

from facegate import (
    Billed,
    FacegateError,
    Image,
    ImageFormat,
    ImageRejected,
    InvalidRequest,
    Operation,
    UnsupportedOperation,
    UnsupportedOption,
    VerificationResult,
)
from facegate.plugin import BlockingProvider, Provider, ScoreSpec
from facegate.question import Question
from facegate.registry import Registry
from facegate.testing.asking import (
    Ask,
    ask_on_loop,
    at_once,
    at_once_async,
    one_by_one,
    one_by_one_async,
)
from facegate.testing.cases import Call
from facegate.testing.claims import answered, assert_survives, failed
from facegate.testing.leaks import shown, spellings
from facegate.testing.pictures import noise
from facegate.testing.server import Seen

WAYS = {"ask": [one_by_one, one_by_one_async], "together": [at_once, at_once_async]}
NOWHERE = "no_such_thing"


@dataclass(frozen=True)
class Stage:
    """Where a provider can be asked and gets its answers.

    Attributes:
        make: a new provider, with some of its settings changed.
        seen: the requests that reached the vendor, where there is one.
    """

    make: Callable[..., Provider[Any]]
    seen: list[Seen] = field(default_factory=list)


class ProviderContract:
    """What every provider promises.

    Subclass it in the tests of a plugin, with data alone::

        class TestLocal(ProviderContract):
            provider = Local
            settings = {"pull": False}

            @pytest.fixture
            def faces(self, portraits):
                return portraits["ann_1"].read_bytes(), portraits["ann_2"].read_bytes()

    A provider behind HTTP adopts :class:`HttpProviderContract`, which holds all of this and more.

    Attributes:
        provider: the class under test.
        settings: what it needs to be set up, secrets included.
        entry_points: where to find a plugin that is not installed; the installed ones by default.
        patience_s: seconds to wait for something that a sound provider does at once.
    """

    provider: ClassVar[type[Provider[Any]]]
    settings: ClassVar[Mapping[str, Any]] = {}
    entry_points: ClassVar[Sequence[EntryPoint] | None] = None
    patience_s: ClassVar[float] = 5.0

    @pytest.fixture
    def faces(self) -> tuple[bytes, ...]:
        """A probe, and gallery pictures, that the provider gives an answer on."""
        return noise(1, self.kind()), noise(2, self.kind())

    @pytest.fixture
    def stage(self) -> Stage | Iterator[Stage]:
        """Where it can be asked."""
        return Stage(self.make)

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Runs a test once for each case of what its arguments name."""
        for name, cases in self.cases().items():
            if name in metafunc.fixturenames:
                metafunc.parametrize(name, cases, ids=_name)

    @classmethod
    def cases(cls) -> dict[str, Sequence[Any]]:
        """The data, by the names that tests take it under."""
        return {**WAYS, "call": cls.calls()}

    @classmethod
    def calls(cls) -> Sequence[Call]:
        """Every way of asking."""
        return [Call(operation) for operation in sorted(cls.make().capabilities)]

    @classmethod
    def make(cls, **changes: Any) -> Provider[Any]:
        """A provider with some of its settings changed."""
        settings = cls.provider.settings_type.model_validate({**cls.given(), **changes})
        return cls.provider(settings, "contract")

    @classmethod
    def given(cls) -> dict[str, Any]:
        """The settings, complete."""
        return dict(cls.settings)

    @classmethod
    def kind(cls) -> ImageFormat:
        """A picture type it takes, of those that can be made here."""
        taken = cls.provider.info.formats
        return ImageFormat.PNG if ImageFormat.PNG in taken else ImageFormat.JPEG

    @classmethod
    def secrets(cls) -> list[str]:
        """The values of its secret settings."""
        values = dict(cls.make().settings).values()
        return [value.get_secret_value() for value in values if isinstance(value, SecretStr)]

    @classmethod
    def question(cls, call: Call, faces: Sequence[bytes], **changes: Any) -> Question:
        """A call about these faces."""
        probe, *gallery = map(Image.of, faces)
        return call.question(cls.provider.info.plugin, probe, tuple(gallery), **changes)

    def test_the_registry_finds_it_by_its_name(self) -> None:
        registry = Registry(self.entry_points)
        assert registry.provider_type(self.provider.info.plugin) is self.provider

    def test_a_setting_that_does_not_exist_is_refused_by_name(self) -> None:
        with pytest.raises(ValidationError, match=NOWHERE):
            self.make(**{NOWHERE: 1})

    def test_settings_and_the_provider_show_no_secret(self) -> None:
        provider = self.make()
        settings = provider.settings
        views = [f"{settings!r} {settings}", settings.model_dump_json(), f"{provider!r} {provider}"]
        views.append(f"{vars(provider)!r} {settings.model_dump()!r}")
        self.assert_clean("\n".join(views), ())

    def test_a_secret_of_the_wrong_type_is_not_shown(self) -> None:
        for name, value in self.make().settings:
            if isinstance(value, SecretStr):
                with pytest.raises(ValidationError) as caught:
                    self.make(**{name: [value.get_secret_value()]})
                self.assert_clean(f"{caught.value} {caught.value!r}", ())

    def test_every_operation_answers_what_was_asked(
        self, ask: Ask, call: Call, stage: Stage, faces: Sequence[bytes]
    ) -> None:
        result = answered(ask(stage.make(), [self.question(call, faces)]))
        assert result.operation is call.operation
        if call.operation is not Operation.LIVENESS and not self.is_spoof(result):
            assert result.match, "no match, and no reason why not"
        if call.operation is not Operation.COMPARE:
            assert result.liveness, "an operation that asks for liveness answers it"
        assert result.attempts
        if self.provider.info.billed is Billed.NO:
            assert {attempt.billed for attempt in result.attempts} == {Billed.NO}

    def test_a_verdict_tells_its_threshold_and_its_scale(
        self, ask: Ask, call: Call, stage: Stage, faces: Sequence[bytes]
    ) -> None:
        self.assert_explained(answered(ask(stage.make(), [self.question(call, faces)])))

    def test_a_threshold_is_used_or_refused(
        self, ask: Ask, call: Call, stage: Stage, faces: Sequence[bytes]
    ) -> None:
        for name, part, spec in self.thresholds(call):
            asked = [None, *_others(spec)]
            questions = [self.question(call, faces, **{name: each}) for each in asked]
            already = len(stage.seen)
            plain, *changed = ask(stage.make(), questions)
            sent = [(seen.target, seen.body) for seen in stage.seen[already:]]
            for value, came in zip(asked[1:], changed, strict=True):
                found = getattr(came, part, None)
                used = getattr(found, "threshold", None)
                told = len(set(sent)) == len(asked) or used == value
                assert told, f"{name} = {value} went nowhere: {came!r}"
                if isinstance(came, VerificationResult) and used is not None:
                    assert used >= value, f"{name} = {value} asked, decided by {used}"
            answered([plain])

    def test_an_operation_it_lacks_is_refused_unasked(
        self, ask: Ask, stage: Stage, faces: Sequence[bytes]
    ) -> None:
        for lacking in set(Operation) - self.make().capabilities:
            question = self.question(Call(lacking), faces)
            self.assert_refused(ask, stage, question, UnsupportedOperation)

    def test_what_it_cannot_be_told_is_refused_unasked(
        self, ask: Ask, call: Call, stage: Stage, faces: Sequence[bytes]
    ) -> None:
        question = self.question(call, faces, options={NOWHERE: 1})
        self.assert_refused(ask, stage, question, UnsupportedOption)
        for name, _, spec in self.thresholds(call):
            question = self.question(call, faces, **{name: spec.bounds[1] * 2 + 1})
            self.assert_refused(ask, stage, question, InvalidRequest)

    def test_pictures_it_does_not_take_are_refused_unasked(
        self, ask: Ask, call: Call, stage: Stage, faces: Sequence[bytes]
    ) -> None:
        info = self.provider.info
        for kind in {ImageFormat.PNG, ImageFormat.JPEG} - info.formats:
            question = self.question(call, [noise(3, kind), *faces[1:]])
            error = self.assert_refused(ask, stage, question, ImageRejected)
            assert error.image == "probe"
        if info.max_gallery is not None and call.operation is not Operation.LIVENESS:
            many = [noise(100 + number, self.kind()) for number in range(info.max_gallery + 1)]
            question = self.question(call, [faces[0], *many])
            error = self.assert_refused(ask, stage, question, InvalidRequest)
            assert error.image == f"gallery[{info.max_gallery}]"

    def test_results_survive_json_and_a_pickle(
        self, ask: Ask, call: Call, stage: Stage, faces: Sequence[bytes]
    ) -> None:
        assert_survives(answered(ask(stage.make(), [self.question(call, faces)])))

    def test_eight_at_once_get_what_one_gets(
        self, together: Ask, stage: Stage, faces: Sequence[bytes]
    ) -> None:
        kinds = [self.question(call, faces) for call in self.calls()]
        questions = [kinds[number % len(kinds)] for number in range(8)]
        alone = [answered([came]) for came in one_by_one(stage.make(), kinds)]
        for number, came in enumerate(together(stage.make(), questions)):
            result, expected = answered([came]), alone[number % len(kinds)]
            assert (result.match, result.liveness) == (expected.match, expected.liveness)

    def test_the_event_loop_is_never_blocked(
        self, call: Call, stage: Stage, faces: Sequence[bytes], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        provider, loop = stage.make(), threading.get_ident()
        on_loop: list[str] = []

        def noticed(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
            def run(*arguments: Any) -> Any:
                if threading.get_ident() == loop:
                    on_loop.append(name)
                return function(*arguments)

            return run

        monkeypatch.setattr("time.sleep", noticed("time.sleep", time.sleep))
        if isinstance(provider, BlockingProvider):
            asked = noticed(call.operation, getattr(provider, call.operation))
            monkeypatch.setattr(provider, call.operation, asked)
        answered([anyio.run(ask_on_loop, provider, self.question(call, faces))])
        assert not on_loop, "it blocks the event loop's thread"

    def test_no_face_and_no_secret_shows(
        self,
        ask: Ask,
        call: Call,
        stage: Stage,
        faces: Sequence[bytes],
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        nobody = [noise(5, self.kind()), noise(6, self.kind())]
        questions = [self.question(call, each) for each in (faces, nobody)]
        self.assert_private(ask, stage.make(), questions, [*faces, *nobody], caplog)

    def thresholds(self, call: Call) -> Iterator[tuple[str, str, ScoreSpec]]:
        """The thresholds a call may set: argument, part of the result, what they are held to."""
        info = self.provider.info
        if info.match and call.operation is not Operation.LIVENESS:
            yield "threshold", "match", info.match
        if info.liveness and call.operation is not Operation.COMPARE:
            yield "liveness_threshold", "liveness", info.liveness

    def is_spoof(self, result: VerificationResult) -> bool:
        """Whether liveness failed, after which a vendor need not compare."""
        return result.liveness is not None and not result.liveness.passed

    def assert_explained(self, result: VerificationResult) -> None:
        """A verdict can be judged: it says what it was held against, on which scale."""
        info = self.provider.info
        for found, spec in ((result.match, info.match), (result.liveness, info.liveness)):
            if found and spec:
                assert found.threshold is not None, f"a verdict without a threshold: {found!r}"
                assert found.scale == spec.scale
            elif found:
                assert found.score is None or found.scale, f"a score without a scale: {found!r}"

    def assert_refused(
        self, ask: Ask, stage: Stage, question: Question, kind: type[FacegateError]
    ) -> FacegateError:
        """It is refused with this error, and the vendor never hears of it."""
        provider, already = stage.make(), len(stage.seen)
        asked: list[Any] = []
        provider.answer = asked.append  # type: ignore[method-assign,assignment]
        error = failed(ask(provider, [question]))
        assert type(error) is kind
        assert not asked, "the provider was asked"
        assert len(stage.seen) == already, "a request was made"
        return error

    def assert_private(
        self,
        ask: Ask,
        provider: Provider[Any],
        questions: Sequence[Question],
        faces: Iterable[bytes],
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """Neither results nor errors, logs or warnings show a face or a secret."""
        caplog.set_level(logging.DEBUG)
        caplog.clear()
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            came = ask(provider, questions)
        told = [str(each.message) for each in warned]
        told += [f"{record.getMessage()} {vars(record)}" for record in caplog.records]
        self.assert_clean("\n".join([*map(shown, came), *told]), map(Image.of, faces))

    def assert_clean(self, text: str, pictures: Iterable[Any]) -> None:
        """No secret and none of the pictures is in a text."""
        leaked = sorted(piece for piece in spellings(self.secrets(), pictures) if piece in text)
        assert not leaked, f"shown: {leaked}"


def _others(spec: ScoreSpec) -> list[float]:
    """A laxer and a stricter threshold than the default."""
    between = ((spec.threshold + end) / 2 for end in spec.bounds)
    return [each for each in between if each > spec.scale.low]


def _name(case: Any) -> str:
    case = case[0] if isinstance(case, tuple) else case
    return getattr(case, "__name__", None) or str(case)
