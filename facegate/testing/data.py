"""The data of a contract, and the questions and claims that its checks are made of."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from importlib.metadata import EntryPoint
from typing import Any, ClassVar

import pytest
from pydantic import SecretStr

from facegate import (
    FacegateError,
    Image,
    ImageFormat,
    Operation,
)
from facegate.plugin import PictureLimits, Provider, ScoreSpec
from facegate.question import Question
from facegate.testing.asking import (
    Asker,
    ResultOrError,
    Stage,
    at_once,
    at_once_async,
    one_by_one,
    one_by_one_async,
)
from facegate.testing.cases import Endpoint, VendorCall
from facegate.testing.claims import failed
from facegate.testing.leaks import leaks, shown
from facegate.testing.pictures import fitting
from facegate.testing.versions import Versioned

WAYS = {"ask": [one_by_one, one_by_one_async], "together": [at_once, at_once_async]}
NOWHERE = "no_such_thing"
_OUTCOMES = pytest.StashKey[dict[Any, list[ResultOrError]]]()


class ContractData(Versioned):
    """Data from a plugin's author, and questions made of it; see :class:`ProviderContract`."""

    provider: ClassVar[type[Provider]]
    settings: ClassVar[Mapping[str, Any]] = {}
    formats: ClassVar[Collection[ImageFormat]]
    pictures: ClassVar[PictureLimits] = PictureLimits()
    entry_points: ClassVar[Sequence[EntryPoint] | None] = None

    @pytest.fixture
    def faces(self) -> tuple[bytes, ...]:
        """A probe, and gallery pictures, that the provider gives an answer on."""
        return self.face(1), self.face(2)

    @pytest.fixture
    def stage(self) -> Stage | Iterator[Stage]:
        """The place where the provider can be asked."""
        return Stage(self.make)

    @pytest.fixture
    def outcomes(
        self,
        request: pytest.FixtureRequest,
        ask: Asker,
        call: VendorCall,
        stage: Stage,
        faces: Sequence[bytes],
    ) -> list[ResultOrError]:
        """Outcomes of a plain question; asked once for all checks, as engines take their time."""
        known: dict[Any, list[ResultOrError]] = request.node.getparent(
            pytest.Class
        ).stash.setdefault(_OUTCOMES, {})
        key = (ask, repr(call))
        if key not in known:
            known[key] = ask(stage.make(), [self.question(call, faces)])
        return known[key]

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run a test once for each case of the data that its arguments name."""
        for name, cases in self.cases().items():
            if name in metafunc.fixturenames:
                metafunc.parametrize(name, cases, ids=_name)

    @classmethod
    def cases(cls) -> dict[str, Sequence[Any]]:
        """The data, by the names that tests take it under."""
        return {**WAYS, "call": cls.calls()}

    @classmethod
    def calls(cls) -> Sequence[VendorCall]:
        """Every way of asking the provider."""
        nowhere = Endpoint("")
        return [VendorCall(each, nowhere) for each in sorted(cls.make().capabilities)]

    @classmethod
    def make(cls, **changes: Any) -> Provider:
        """A provider with some of its settings changed."""
        settings = cls.provider.settings_type.model_validate({**cls.given(), **changes})
        return cls.provider(settings, "contract")

    @classmethod
    def given(cls) -> dict[str, Any]:
        """The settings, complete."""
        return dict(cls.settings)

    @classmethod
    def face(cls, seed: int, kind: ImageFormat | None = None, padding: int = 0) -> bytes:
        """A picture that the provider takes.

        Args:
            seed: another one is another picture.
            kind: its type; PNG if it is taken and none is given.
            padding: bytes that it holds beside the picture, about.
        """
        return fitting(cls.provider.info, seed, kind, padding)

    @classmethod
    def nobody(cls) -> list[bytes]:
        """A probe and a gallery picture of others than ``faces``."""
        return [cls.face(5), cls.face(6)]

    @classmethod
    def secrets(cls) -> list[str]:
        """Values of the provider's secret settings."""
        values = dict(cls.make().settings).values()
        return [value.get_secret_value() for value in values if isinstance(value, SecretStr)]

    @classmethod
    def question(cls, call: VendorCall, faces: Sequence[bytes], **changes: Any) -> Question:
        """The question of a call about these faces, the probe first."""
        probe, *gallery = map(Image.of, faces)
        return call.question(cls.provider.info.plugin, probe, tuple(gallery), **changes)

    def thresholds(self, call: VendorCall) -> list[tuple[str, str, ScoreSpec]]:
        """Thresholds a call may set: the argument, the part of the result, and its scale."""
        # The class's word counts, unless it leaves a scale to the settings.
        info, own, thresholds = self.provider.info, self.make().info, []
        match, liveness = info.match or own.match, info.liveness or own.liveness
        if match is not None and call.operation is not Operation.LIVENESS:
            thresholds.append(("threshold", "match", match))
        if liveness is not None and call.operation is not Operation.COMPARE:
            thresholds.append(("liveness_threshold", "liveness", liveness))
        if not thresholds:
            pytest.skip(f"{call.operation} has no threshold")
        return thresholds

    def assert_refused(
        self, ask: Asker, stage: Stage, question: Question, kind: type[FacegateError]
    ) -> FacegateError:
        """The question is refused with this error, and no request reaches the vendor."""
        already = len(stage.seen)
        provider = stage.make()
        requests: list[Any] = []
        provider.answer = requests.append  # type: ignore[method-assign,assignment]
        outcomes = ask(provider, [question])
        assert not requests, f"{kind.__name__} has to be raised before the provider is asked"
        error = failed(outcomes)
        assert isinstance(error, kind), f"it is refused with {error!r}, not with {kind.__name__}"
        assert len(stage.seen) == already, f"{kind.__name__} was raised after a request was made"
        return error

    def assert_private(
        self,
        ask: Asker,
        provider: Provider,
        questions: Sequence[Question],
        faces: Iterable[bytes],
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """Neither results nor errors, logs or warnings show a face or a secret."""
        caplog.set_level(logging.DEBUG)
        caplog.clear()
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            outcomes = ask(provider, questions)
        pictures = [*map(Image.of, faces)]
        for each in outcomes:
            self.assert_clean(shown(each), pictures)
        for record in caplog.records:
            text = f"{record.getMessage()} {vars(record)}"
            self.assert_clean({f"a log record of {record.name}": text}, pictures)
        self.assert_clean({"a warning": str([str(each.message) for each in warned])}, pictures)

    def assert_clean(self, texts: Mapping[str, str], pictures: Iterable[Image]) -> None:
        """No secret and none of the pictures is in any of these texts, which have names."""
        leaked = leaks(texts, self.secrets(), pictures)
        assert not leaked, "; ".join(leaked)


def _name(case: Any) -> str:
    case = case[0] if isinstance(case, tuple) else case
    return getattr(case, "__name__", None) or str(case)
