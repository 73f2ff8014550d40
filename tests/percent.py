"""Two doubles of other vendors: scores from 0 to 100, and none at all."""

from __future__ import annotations

from typing import Any

from pydantic import SecretStr

from facegate import ImageFormat, Liveness, Match, Scale
from facegate.plugin import (
    Answer,
    BlockingProvider,
    CompareLiveRequest,
    CompareRequest,
    Handling,
    Kept,
    LivenessRequest,
    ProviderInfo,
    ProviderSettings,
    Rates,
    ScoreSpec,
    per_call,
)


class Settings(ProviderSettings):
    mode: str = per_call("FAST", pattern="^(FAST|ACCURATE)$")
    pin: SecretStr | None = per_call(None, max_length=4)
    region: str = "eu"


class Percent(BlockingProvider[Settings]):
    """Scores from 0 to 100; takes thresholds from 50 up, and three pictures."""

    settings_type = Settings
    info = ProviderInfo(
        plugin="percent",
        lineage="none",
        handling=Handling("nobody", keeps=Kept.NOTHING, enrols=False, searches=False, trains=False),
        formats=frozenset({ImageFormat.JPEG, ImageFormat.PNG}),
        match=ScoreSpec(
            Scale(name="percent", high=100),
            70,
            settable=(50, 100),
            rates=Rates(thresholds={1e-3: 65, 1e-4: 80}, by="Percent"),
        ),
        liveness=ScoreSpec(Scale(name="live"), 0.5),
        max_gallery=3,
    )

    def compare(self, request: CompareRequest[Settings]) -> Answer:
        return Answer(Match(is_match=True))

    def compare_live(self, request: CompareLiveRequest[Settings]) -> Answer:
        return Answer(Match(is_match=True), Liveness(passed=True))

    def liveness(self, request: LivenessRequest[Settings]) -> Answer:
        return Answer(liveness=Liveness(passed=True))


class Verdict(BlockingProvider[Settings]):
    """Says yes or no, and nothing else."""

    settings_type = Settings
    info = ProviderInfo(
        plugin="verdict",
        lineage="none",
        handling=Handling("nobody", keeps=Kept.NOTHING, enrols=False, searches=False, trains=False),
        formats=frozenset({ImageFormat.PNG}),
    )

    def compare(self, request: CompareRequest[Settings]) -> Answer:
        return Answer(Match(is_match=True))


def percent(**settings: Any) -> Percent:
    return Percent(Settings(**settings), "main")


def verdict(**settings: Any) -> Verdict:
    return Verdict(Settings(**settings), "main")
