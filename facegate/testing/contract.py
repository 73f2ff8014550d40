"""The contract that every provider meets, whatever is behind it."""

from __future__ import annotations

import logging
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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
from facegate.providers.registry import Registry
from facegate.question import Question
from facegate.testing.asking import (
    Ask,
    Came,
    Stage,
    ask_on_loop,
    at_once,
    at_once_async,
    one_by_one,
    one_by_one_async,
)
from facegate.testing.cases import Call
from facegate.testing.claims import answered, assert_explained, assert_survives, failed
from facegate.testing.leaks import leaks, shown
from facegate.testing.pictures import noise

WAYS = {"ask": [one_by_one, one_by_one_async], "together": [at_once, at_once_async]}
NOWHERE = "no_such_thing"
_CAME = pytest.StashKey[dict[Any, list[Came]]]()


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
    """

    provider: ClassVar[type[Provider[Any]]]
    settings: ClassVar[Mapping[str, Any]] = {}
    entry_points: ClassVar[Sequence[EntryPoint] | None] = None

    @pytest.fixture
    def faces(self) -> tuple[bytes, ...]:
        """A probe, and gallery pictures, that the provider gives an answer on."""
        return noise(1, self.kind()), noise(2, self.kind())

    @pytest.fixture
    def stage(self) -> Stage | Iterator[Stage]:
        """Where it can be asked."""
        return Stage(self.make)

    @pytest.fixture
    def came(
        self,
        request: pytest.FixtureRequest,
        ask: Ask,
        call: Call,
        stage: Stage,
        faces: Sequence[bytes],
    ) -> list[Came]:
        """What came of a plain question; asked once for all checks, as engines take their time."""
        known: dict[Any, list[Came]] = request.node.getparent(pytest.Class).stash.setdefault(
            _CAME, {}
        )
        key = (ask, repr(call))
        if key not in known:
            known[key] = ask(stage.make(), [self.question(call, faces)])
        return known[key]

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
        name = self.provider.info.plugin
        found = Registry(self.entry_points).provider_type(name)
        assert found is self.provider, f"{name!r} finds {found.__qualname__}"

    def test_a_setting_that_does_not_exist_is_refused_by_name(self) -> None:
        with pytest.raises(ValidationError, match=NOWHERE):
            pytest.fail(f"{self.make(**{NOWHERE: 1})} took it; extra has to be 'forbid'")

    def test_settings_and_the_provider_show_no_secret(self) -> None:
        provider = self.make()
        settings = provider.settings
        views = {
            "the text of its settings": f"{settings!r} {settings}",
            "the JSON of its settings": settings.model_dump_json(),
            "the data of its settings": f"{settings.model_dump()!r}",
            "the text of the provider": f"{provider!r} {provider}",
            "an attribute of the provider": f"{vars(provider)!r}",
        }
        self.assert_clean(views, ())

    def test_a_secret_of_the_wrong_type_is_not_shown(self) -> None:
        for name, value in self.make().settings:
            if isinstance(value, SecretStr):
                with pytest.raises(ValidationError) as caught:
                    self.make(**{name: [value.get_secret_value()]})
                text = f"{caught.value} {caught.value!r}"
                self.assert_clean({f"the complaint about the setting {name}": text}, ())

    def test_every_operation_answers_what_was_asked(self, call: Call, came: list[Came]) -> None:
        result = answered(came)
        assert result.operation is call.operation, f"{call} was answered as {result.operation}"
        spoof = result.liveness is not None and not result.liveness.passed  # need not be compared
        if call.operation is not Operation.LIVENESS and not spoof:
            assert result.match, "it tells neither match nor why there is none"
        if call.operation is not Operation.COMPARE:
            assert result.liveness is not None, "it was asked for liveness and does not tell it"
        assert result.attempts, "the result does not say which attempts were made"
        if self.provider.info.billed is Billed.NO:
            billed = {attempt.billed for attempt in result.attempts}
            assert billed == {Billed.NO}, "info says that nothing is billed, an attempt that it was"

    def test_a_verdict_tells_its_threshold_and_its_scale(self, came: list[Came]) -> None:
        assert_explained(answered(came), self.provider.info)

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
                assert told, f"{name} = {value} was dropped, and this came: {came!r}"
                if isinstance(came, VerificationResult) and used is not None:
                    assert used >= value, f"{name} = {value} was asked, {used} used"
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
            assert error.image == "probe", f"the error is about {error.image}, not the probe"
        if info.max_gallery is not None and call.operation is not Operation.LIVENESS:
            many = [noise(100 + number, self.kind()) for number in range(info.max_gallery + 1)]
            question = self.question(call, [faces[0], *many])
            error = self.assert_refused(ask, stage, question, InvalidRequest)
            first = f"gallery[{info.max_gallery}]"
            assert error.image == first, f"the error is about {error.image}, not {first}"

    def test_results_survive_json_and_a_pickle(self, came: list[Came]) -> None:
        assert_survives(answered(came))

    def test_eight_at_once_get_what_one_gets(
        self, together: Ask, stage: Stage, faces: Sequence[bytes]
    ) -> None:
        kinds = [self.question(call, faces) for call in self.calls()]
        questions = [kinds[number % len(kinds)] for number in range(8)]
        alone = [answered([came]) for came in one_by_one(stage.make(), kinds)]
        for number, came in enumerate(together(stage.make(), questions)):
            result, expected = answered([came]), alone[number % len(kinds)]
            found, wanted = ((each.match, each.liveness) for each in (result, expected))
            assert found == wanted, f"among eight at once {found} came, and alone {wanted}"

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
        assert not on_loop, f"{on_loop[0]} ran on the event loop's thread, which it blocks"

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

    def assert_refused(
        self, ask: Ask, stage: Stage, question: Question, kind: type[FacegateError]
    ) -> FacegateError:
        """It is refused with this error, and the vendor never hears of it."""
        already = len(stage.seen)
        provider = stage.make()
        asked: list[Any] = []
        provider.answer = asked.append  # type: ignore[method-assign,assignment]
        came = ask(provider, [question])
        assert not asked, f"{kind.__name__} has to be raised before the provider is asked"
        error = failed(came)
        assert type(error) is kind, f"it is refused with {error!r}, not with {kind.__name__}"
        assert len(stage.seen) == already, f"{kind.__name__} was raised after a request was made"
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
        pictures = [*map(Image.of, faces)]
        for each in came:
            self.assert_clean(shown(each), pictures)
        for record in caplog.records:
            text = f"{record.getMessage()} {vars(record)}"
            self.assert_clean({f"a log record of {record.name}": text}, pictures)
        self.assert_clean({"a warning": str([str(each.message) for each in warned])}, pictures)

    def assert_clean(self, texts: Mapping[str, str], pictures: Iterable[Image]) -> None:
        """No secret and none of the pictures is in any of these texts, which have names."""
        leaked = leaks(texts, self.secrets(), pictures)
        assert not leaked, "; ".join(leaked)


def _others(spec: ScoreSpec) -> list[float]:
    """A laxer and a stricter threshold than the default."""
    between = ((spec.threshold + end) / 2 for end in spec.bounds)
    return [each for each in between if each != spec.scale.farthest]


def _name(case: Any) -> str:
    case = case[0] if isinstance(case, tuple) else case
    return getattr(case, "__name__", None) or str(case)
