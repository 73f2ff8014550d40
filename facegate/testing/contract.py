"""The contract of every provider, whatever is behind it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import anyio
import pytest
from pydantic import SecretStr, ValidationError

from facegate import (
    Billed,
    ImageFormat,
    ImageRejected,
    InvalidRequest,
    Operation,
    UnsupportedOperation,
    UnsupportedOption,
    VerificationResult,
)
from facegate.plugin import BlockingProvider, ScoreSpec
from facegate.providers.registry import Registry
from facegate.testing.asking import (
    Asker,
    ResultOrError,
    Stage,
    ask_on_loop,
    one_by_one,
)
from facegate.testing.cases import Endpoint, VendorCall
from facegate.testing.claims import answered, assert_explained, assert_survives, brief
from facegate.testing.data import NOWHERE, ContractData
from facegate.testing.pictures import noise


class ProviderContract(ContractData):
    """The promises of every provider, as tests.

    Subclass it in the tests of a plugin, with data alone::

        class TestLocal(ProviderContract):
            contract_version = 1
            provider = Local
            settings = {"pull": False}
            formats = {ImageFormat.JPEG, ImageFormat.PNG}

            @pytest.fixture
            def faces(self, portraits):
                return portraits["ann_1"].read_bytes(), portraits["ann_2"].read_bytes()

    A provider behind HTTP adopts :class:`HttpProviderContract`, which holds all of this and more.

    Attributes:
        contract_version: the version of the contract that the class was written for. A check that
            a later version adds warns for one minor release before it fails.
        provider: the class under test.
        settings: settings that the provider needs, secrets included.
        formats: every picture type that the documentation says is taken.
        pictures: the documented limits of a picture's weight and size.
        entry_points: where to find a plugin that is not installed; the installed ones by default.
    """

    def test_the_registry_finds_it_by_its_name(self) -> None:
        name = self.provider.info.plugin
        registered = Registry(self.entry_points).provider_type(name)
        assert registered is self.provider, f"{name!r} finds {registered.__qualname__}"

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

    def test_the_picture_types_it_takes_are_the_documented_ones(self) -> None:
        stated = getattr(self, "formats", None)
        assert stated is not None, (
            "formats has to state every picture type that the documentation says is taken"
        )
        claimed = self.provider.info.formats
        for kind in ImageFormat:
            assert kind in stated or kind not in claimed, (
                f"info says that {kind} is taken, and the documentation does not"
            )
            assert kind not in stated or kind in claimed, (
                f"the documentation says that {kind} is taken, and info does not"
            )

    def test_the_picture_limits_are_the_documented_ones(self) -> None:
        claimed = self.provider.info.pictures
        assert claimed == self.pictures, f"info has {claimed}, documented are {self.pictures}"

    def test_a_secret_of_the_wrong_type_is_not_shown(self) -> None:
        if not any(isinstance(value, SecretStr) for _, value in self.make().settings):
            pytest.skip("no setting is a secret")
        for name, value in self.make().settings:
            if isinstance(value, SecretStr):
                with pytest.raises(ValidationError) as caught:
                    self.make(**{name: [value.get_secret_value()]})
                text = f"{caught.value} {caught.value!r}"
                self.assert_clean({f"the complaint about the setting {name}": text}, ())

    def test_every_operation_answers_what_was_asked(
        self, call: VendorCall, outcomes: list[ResultOrError], stage: Stage
    ) -> None:
        result = answered(outcomes, stage.note())
        assert result.operation is call.operation, f"{call} was answered as {result.operation}"
        spoof = result.liveness is not None and not result.liveness.passed  # need not be compared
        if call.operation is not Operation.LIVENESS and not spoof:
            assert result.match is not None, "it tells neither match nor why there is none"
        if call.operation is not Operation.COMPARE:
            assert result.liveness is not None, "it was asked for liveness and does not tell it"
        assert result.attempts, "the result does not say which attempts were made"
        if self.provider.info.billed is Billed.NO:
            billed = {attempt.billed for attempt in result.attempts}
            assert billed == {Billed.NO}, "info says that nothing is billed, an attempt that it was"

    def test_a_verdict_tells_its_threshold_and_its_scale(
        self, outcomes: list[ResultOrError]
    ) -> None:
        assert_explained(answered(outcomes), self.make().info)

    def test_a_threshold_is_used_or_refused(
        self, ask: Asker, call: VendorCall, stage: Stage, faces: Sequence[bytes]
    ) -> None:
        for name, part, spec in self.thresholds(call):
            values = [None, *_others(spec)]
            questions = [self.question(call, faces[:2], **{name: each}) for each in values]
            stage.forget()
            plain, *changed = ask(stage.make(), questions)
            sent = stage.playback is not None and stage.playback.distinct(len(values))
            for value, outcome in zip(values[1:], changed, strict=True):
                used = getattr(getattr(outcome, part, None), "threshold", None)
                heeded = sent or used == value
                assert heeded, f"{name} = {value} was dropped, and this came: {brief(outcome)}"
                if isinstance(outcome, VerificationResult) and used is not None:
                    lower = spec.scale.lower_is_closer
                    strict = used <= value if lower else used >= value
                    assert strict, f"{name} = {value} was asked, {used} used"
            answered([plain], stage.note())

    def test_an_operation_it_lacks_is_refused_unasked(
        self, ask: Asker, stage: Stage, faces: Sequence[bytes]
    ) -> None:
        lacking = set(Operation) - self.make().capabilities
        if not lacking:
            pytest.skip("it lacks no operation")
        for operation in lacking:
            question = self.question(VendorCall(operation, Endpoint("")), faces)
            self.assert_refused(ask, stage, question, UnsupportedOperation)

    def test_an_option_it_does_not_have_is_refused_unasked(
        self, ask: Asker, call: VendorCall, stage: Stage, faces: Sequence[bytes]
    ) -> None:
        question = self.question(call, faces, options={NOWHERE: 1})
        self.assert_refused(ask, stage, question, UnsupportedOption)

    def test_a_threshold_out_of_bounds_is_refused_unasked(
        self, ask: Asker, call: VendorCall, stage: Stage, faces: Sequence[bytes]
    ) -> None:
        for name, _, spec in self.thresholds(call):
            question = self.question(call, faces, **{name: spec.bounds[1] * 2 + 1})
            self.assert_refused(ask, stage, question, InvalidRequest)

    def test_pictures_it_does_not_take_are_refused_unasked(
        self, ask: Asker, call: VendorCall, stage: Stage, faces: Sequence[bytes]
    ) -> None:
        others = set(ImageFormat) - self.provider.info.formats
        if not others:
            pytest.skip("it takes every picture type")
        for kind in others:
            question = self.question(call, [noise(3, kind), *faces[1:]])
            error = self.assert_refused(ask, stage, question, ImageRejected)
            assert error.image == "probe", f"the error is about {error.image}, not the probe"

    def test_more_gallery_pictures_than_it_takes_are_refused_unasked(
        self, ask: Asker, call: VendorCall, stage: Stage, faces: Sequence[bytes]
    ) -> None:
        most = self.provider.info.max_gallery
        if most is None or call.operation is Operation.LIVENESS:
            pytest.skip("it takes any number of gallery pictures, or none at all")
        many = [self.face(100 + number) for number in range(most + 1)]
        question = self.question(call, [faces[0], *many])
        error = self.assert_refused(ask, stage, question, InvalidRequest)
        first = f"gallery[{most}]"
        assert error.image == first, f"the error is about {error.image}, not {first}"

    def test_results_survive_json_and_a_pickle(self, outcomes: list[ResultOrError]) -> None:
        assert_survives(answered(outcomes))

    def test_eight_at_once_get_what_one_gets(
        self, together: Asker, stage: Stage, faces: Sequence[bytes]
    ) -> None:
        kinds = [self.question(call, faces) for call in self.calls()]
        questions = [kinds[number % len(kinds)] for number in range(8)]
        outcomes = one_by_one(stage.make(), kinds)
        alone = [answered([each], stage.note()) for each in outcomes]
        for number, each in enumerate(together(stage.make(), questions)):
            result, wanted = answered([each], stage.note()), alone[number % len(kinds)]
            same = (result.match, result.liveness) == (wanted.match, wanted.liveness)
            assert same, f"among eight at once came {brief(result)}, and alone {brief(wanted)}"

    def test_the_event_loop_is_never_blocked(
        self,
        call: VendorCall,
        stage: Stage,
        faces: Sequence[bytes],
        monkeypatch: pytest.MonkeyPatch,
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
            watched = noticed(call.operation, getattr(provider, call.operation))
            monkeypatch.setattr(provider, call.operation, watched)
        outcome = anyio.run(ask_on_loop, provider, self.question(call, faces))
        answered([outcome], stage.note())
        assert not on_loop, f"{on_loop[0]} ran on the event loop's thread, which it blocks"

    def test_no_face_and_no_secret_shows(
        self,
        ask: Asker,
        call: VendorCall,
        stage: Stage,
        faces: Sequence[bytes],
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        nobody = self.nobody()
        questions = [self.question(call, each) for each in (faces, nobody)]
        self.assert_private(ask, stage.make(), questions, [*faces, *nobody], caplog)


def _others(spec: ScoreSpec) -> list[float]:
    """A laxer and a stricter threshold than the default."""
    low, high = spec.bounds
    ends = [low, high]
    if spec.typical_of_strangers is not None:  # laxer ones are refused
        ends[spec.scale.lower_is_closer] = spec.typical_of_strangers
    between = ((spec.threshold + end) / 2 for end in ends)
    return [each for each in between if each != spec.scale.farthest]
