"""A vendor that answers, or fails, at once: what is left is what facegate costs."""

from __future__ import annotations

from facegate import Billed, ImageFormat
from facegate.plugin import (
    Answer,
    CompareRequest,
    Flow,
    FlowProvider,
    Handling,
    Kept,
    ProviderInfo,
    ProviderSettings,
    ProviderUnavailable,
    Scale,
    ScoreSpec,
    hookimpl,
)

SPEC = ScoreSpec(Scale(name="instant"), threshold=0.7)


class InstantSettings(ProviderSettings):
    """How it behaves."""

    down: bool = False


class Instant(FlowProvider[InstantSettings]):
    """Everybody is the same person."""

    settings_type = InstantSettings
    info = ProviderInfo(
        plugin="instant",
        lineage="instant",
        handling=Handling(
            "this process", keeps=Kept.NOTHING, enrols=False, searches=False, trains=False
        ),
        formats=frozenset(ImageFormat),
        match=SPEC,
        billed=Billed.NO,
    )

    def compare(self, request: CompareRequest[InstantSettings]) -> Flow[Answer]:
        yield from ()
        if request.settings.down:
            raise ProviderUnavailable("closed for the day")
        return Answer(SPEC.match(0.9, request.threshold))


@hookimpl
def facegate_providers() -> list[type[Instant]]:
    """Tell facegate of it."""
    return [Instant]
