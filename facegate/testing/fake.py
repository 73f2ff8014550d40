"""A provider that answers as the script says, for the tests of an application."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import Any

from facegate import Billed, ConfigurationError, FacegateError, ImageFormat, Liveness, Match
from facegate.plugin import (
    Answer,
    CompareLiveRequest,
    CompareRequest,
    FacePolicy,
    Flow,
    FlowProvider,
    Handling,
    Kept,
    LivenessRequest,
    ProviderInfo,
    ProviderSettings,
    Scale,
    ScoreSpec,
    SeveralFaces,
)
from facegate.providers.requests import BoundRequest

MATCH = ScoreSpec(Scale(name="fake"), threshold=0.7)
LIVENESS = ScoreSpec(Scale(name="fake liveness"), threshold=0.5)


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores to answer with; the decision follows from the threshold that holds for the question.

    Attributes:
        match: 0 to 1; the fake's usual score where None.
        liveness: 0 to 1; the fake's usual score where None.
        reason: why the probe is not live.
    """

    match: float | None = None
    liveness: float | None = None
    reason: str | None = None


def match(score: float = 0.95) -> Scores:
    """A comparison of the same person, with a score of 0 to 1."""
    return Scores(match=score)


def no_match(score: float = 0.05) -> Scores:
    """A comparison of two people, with a score of 0 to 1."""
    return Scores(match=score)


def live(score: float = 0.95) -> Scores:
    """A living person on the probe, with a score of 0 to 1."""
    return Scores(liveness=score)


def not_live(score: float = 0.05, reason: str | None = "spoof") -> Scores:
    """A print, a screen or a mask on the probe, with a score of 0 to 1 and the reason given."""
    return Scores(liveness=score, reason=reason)


class FakeProvider(FlowProvider[ProviderSettings]):
    """Provider that answers every question as scripted, at once and without a vendor.

    Give it to a verifier of any kind::

        fake = FakeProvider(match=0.93)
        fake.will(no_match(), not_live(), RateLimited("slow down", retry_after=7))

        with FaceVerifier(fake) as verifier:
            assert not verifier.compare(selfie, passport).accepted      # as scripted
            assert not verifier.liveness(selfie).accepted               # as scripted
            with pytest.raises(RateLimited):                            # as scripted
                verifier.compare(selfie, passport)
            assert verifier.compare(selfie, passport).accepted          # 0.93, as ever after

        assert [each.operation for each in fake.asked] == [...]
        assert fake.asked[0].probe.digest == Image.of(selfie).digest

    An error is raised by the fake itself, so a verifier that retries or fails over does so.
    Thresholds are 0.7 for a match and 0.5 for liveness, of 0 to 1, unless ``settings`` or the
    question say otherwise. Any number of threads may ask.

    Args:
        match: the usual match score, 0 to 1: of every comparison that is not scripted.
        liveness: the usual liveness score, 0 to 1: of every liveness check that is not scripted.
        name: the provider's name in results and errors.
        **settings: fields of :class:`ProviderSettings`.

    Attributes:
        asked: the questions so far; their pictures show no pixels.
        closed: how often the provider was closed.
    """

    settings_type = ProviderSettings
    info = ProviderInfo(
        plugin="fake",
        lineage="fake",
        handling=Handling(
            recipient="this process", keeps=Kept.NOTHING, enrols=False, searches=False, trains=False
        ),
        formats=frozenset(ImageFormat),
        several_faces=SeveralFaces(FacePolicy.REFUSES, FacePolicy.REFUSES),
        match=MATCH,
        liveness=LIVENESS,
        billed=Billed.NO,
    )

    def __init__(
        self, match: float = 0.95, liveness: float = 0.95, name: str = "fake", **settings: Any
    ) -> None:
        super().__init__(ProviderSettings.model_validate(settings), name)
        self.asked: list[BoundRequest[ProviderSettings]] = []
        self.closed = 0
        self._usual = {"match": match, "liveness": liveness}
        self._script: deque[Scores | Answer | FacegateError] = deque()
        self._lock = threading.Lock()

    def will(self, *outcomes: Scores | Answer | FacegateError) -> None:
        """Append outcomes, one for each question to come; an :class:`Answer` goes out as it is."""
        self._script.extend(outcomes)

    def compare(self, request: CompareRequest[ProviderSettings]) -> Flow[Answer]:
        scores = self._next(request, {"match"})
        yield from ()
        return scores if isinstance(scores, Answer) else Answer(match=self._match(request, scores))

    def compare_live(self, request: CompareLiveRequest[ProviderSettings]) -> Flow[Answer]:
        scores = self._next(request, {"match", "liveness"})
        yield from ()
        if isinstance(scores, Answer):
            return scores
        return Answer(self._match(request, scores), self._liveness(request, scores))

    def liveness(self, request: LivenessRequest[ProviderSettings]) -> Flow[Answer]:
        scores = self._next(request, {"liveness"})
        yield from ()
        if isinstance(scores, Answer):
            return scores
        return Answer(liveness=self._liveness(request, scores))

    def close(self) -> None:
        self.closed += 1

    def _next(self, request: BoundRequest[ProviderSettings], parts: set[str]) -> Scores | Answer:
        with self._lock:
            self.asked.append(request)
            outcome = self._script.popleft() if self._script else Scores()
        if isinstance(outcome, FacegateError):
            raise outcome
        for part in self._usual.keys() - parts:
            if isinstance(outcome, Scores) and getattr(outcome, part) is not None:
                raise ConfigurationError(
                    f"the script has a {part} score next, but the question is {request.operation}"
                )
        return outcome

    def _match(self, request: _Comparing, scores: Scores) -> Match:
        score = self._usual["match"] if scores.match is None else scores.match
        return MATCH.match(score, request.threshold)

    def _liveness(self, request: _Judging, scores: Scores) -> Liveness:
        score = self._usual["liveness"] if scores.liveness is None else scores.liveness
        liveness = LIVENESS.liveness(score, request.liveness_threshold)
        return liveness.model_copy(update={"reason": scores.reason})


_Comparing = CompareRequest[ProviderSettings] | CompareLiveRequest[ProviderSettings]
_Judging = LivenessRequest[ProviderSettings] | CompareLiveRequest[ProviderSettings]
