"""A vendor that takes its time before it answers."""

from __future__ import annotations

from dataclasses import replace

from instant import SPEC, Instant

from facegate.plugin import (
    Answer,
    CompareRequest,
    Flow,
    FlowProvider,
    ProviderSettings,
    hookimpl,
    sleep,
)


class PatientSettings(ProviderSettings):
    """How it behaves."""

    seconds: float = 0.3


class Patient(FlowProvider[PatientSettings]):
    """Everybody is the same person, after a while."""

    settings_type = PatientSettings
    info = replace(Instant.info, plugin="patient")

    def compare(self, request: CompareRequest[PatientSettings]) -> Flow[Answer]:
        yield from sleep(request.settings.seconds)
        return Answer(SPEC.match(0.9, request.threshold))


@hookimpl
def facegate_providers() -> list[type[Patient]]:
    """Tell facegate of it."""
    return [Patient]
