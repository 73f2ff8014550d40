"""What OpenTelemetry is told: spans with the right times in the caller's trace, and metrics."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import anyio
import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from acme import DOCUMENT, PROBE
from facegate import (
    AsyncFaceVerifier,
    CaptureReason,
    CaptureRejected,
    FacegateError,
    FaceVerifier,
    Operation,
    ProviderTimeout,
)
from facegate.events import BreakerTurned, Finished, Observer, Shadowed, ShadowSkipped
from facegate.routing.leaf import Leaf
from facegate.routing.route import Route
from facegate.routing.shadow import Shadow
from facegate.telemetry import OpenTelemetryObserver
from facegate.testing import FakeProvider

SUBJECT = "user-81-d2c9"


class Telemetry:
    """An SDK as an application sets it up, exporting into memory."""

    def __init__(self) -> None:
        self.exported = InMemorySpanExporter()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exported))
        self.reader = InMemoryMetricReader()
        self.meters = MeterProvider([self.reader])
        self.observer = OpenTelemetryObserver(self.tracers, self.meters)

    @contextmanager
    def callers_span(self) -> Iterator[Any]:
        with self.tracers.get_tracer("application").start_as_current_span("signup") as span:
            yield span

    def span(self, name: str) -> ReadableSpan:
        (found,) = [span for span in self.exported.get_finished_spans() if span.name == name]
        return found

    def metrics(self) -> dict[str, Any]:
        """The last point of each, by name."""
        data = self.reader.get_metrics_data()
        assert data is not None
        (scope,) = data.resource_metrics[0].scope_metrics
        return {metric.name: metric.data.data_points[-1] for metric in scope.metrics}


@pytest.fixture
def telemetry() -> Iterator[Telemetry]:
    telemetry = Telemetry()
    yield telemetry
    telemetry.tracers.shutdown()
    telemetry.meters.shutdown()


def ask_sync(telemetry: Telemetry, provider: Any, *more: Observer) -> None:
    with (
        FaceVerifier(provider, observers=[telemetry.observer, *more]) as verifier,
        telemetry.callers_span(),
    ):
        verifier.compare(PROBE, DOCUMENT, subject=SUBJECT, request_id="r-1")


def ask_async(telemetry: Telemetry, provider: Any, *more: Observer) -> None:
    async def main() -> None:
        async with AsyncFaceVerifier(provider, observers=[telemetry.observer, *more]) as verifier:
            with telemetry.callers_span():
                await verifier.compare(PROBE, DOCUMENT, subject=SUBJECT, request_id="r-1")

    anyio.run(main)


both_ways = pytest.mark.parametrize("ask", [ask_sync, ask_async])
Ask = Callable[..., None]


def failing(error: FacegateError) -> FakeProvider:
    fake = FakeProvider()
    fake.will(error)
    return fake


@both_ways
def test_a_request_is_a_span_of_the_callers_trace(telemetry: Telemetry, ask: Ask) -> None:
    ask(telemetry, FakeProvider(match=0.1))
    caller, request = telemetry.span("signup"), telemetry.span("facegate.compare")
    assert request.context.trace_id == caller.context.trace_id
    assert request.parent == caller.context
    assert request.attributes == {
        "facegate.operation": "compare",
        "facegate.route": "fake",
        "facegate.provider": "fake",
        "facegate.outcome": "reject",
        "facegate.request_id": "r-1",
    }
    assert request.status.status_code is StatusCode.UNSET


@both_ways
def test_each_attempt_is_a_span_inside_it_with_the_time_it_took(
    telemetry: Telemetry, ask: Ask
) -> None:
    heard: list[Any] = []
    ask(telemetry, FakeProvider(), heard.append)
    (finished,) = (event for event in heard if isinstance(event, Finished))
    (tried,) = finished.attempts
    assert tried.at is not None
    request, attempt = map(telemetry.span, ("facegate.compare", "facegate.attempt"))
    assert attempt.parent == request.context
    assert times(request) == when(finished.at, finished.seconds)
    assert times(attempt) == when(tried.at, tried.seconds)


def times(span: ReadableSpan) -> tuple[int | None, int | None]:
    return span.start_time, span.end_time


def when(at: datetime, seconds: float) -> Any:
    """Nanoseconds, as exact as a float holds the date."""
    return pytest.approx([at.timestamp() * 1e9, (at.timestamp() + seconds) * 1e9], rel=0, abs=1000)


def test_attempts_one_after_the_other_are_shown_so(telemetry: Telemetry) -> None:
    heard: list[Any] = []
    with FaceVerifier(FakeProvider(), observers=[heard.append]) as verifier:
        verifier.compare(PROBE, DOCUMENT)
    (finished,) = (event for event in heard if isinstance(event, Finished))
    (tried,) = finished.attempts
    assert tried.at is not None
    began = [finished.at + timedelta(seconds=seconds) for seconds in (0, 7)]
    attempts = tuple(tried.model_copy(update={"at": at, "seconds": 5.0}) for at in began)
    telemetry.observer(dataclasses.replace(finished, attempts=attempts))
    spans = telemetry.exported.get_finished_spans()
    shown = [times(span) for span in spans if span.name == "facegate.attempt"]
    assert shown == [when(at, 5) for at in began]


@both_ways
def test_a_shadow_belongs_to_the_callers_trace_too(telemetry: Telemetry, ask: Ask) -> None:
    shadow = Shadow(Leaf(FakeProvider(name="candidate")), 1)
    ask(telemetry, Route("kyc", Leaf(FakeProvider(name="main")), 10, 1, shadow=shadow))
    found = telemetry.span("facegate.shadow")
    assert found.context.trace_id == telemetry.span("signup").context.trace_id
    assert (found.attributes or {})["facegate.provider"] == "candidate"


def test_a_failure_is_a_status_and_a_class_and_no_text(telemetry: Telemetry) -> None:
    with pytest.raises(ProviderTimeout):
        ask_sync(telemetry, failing(ProviderTimeout("late", vendor_code="E-5521")))
    for name in ("facegate.compare", "facegate.attempt"):
        span = telemetry.span(name)
        assert span.status.status_code is StatusCode.ERROR
        assert span.status.description is None
        assert (span.attributes or {})["error.type"] == "ProviderTimeout"
        assert not span.events
        assert "E-5521" not in span.to_json()


def test_what_the_caller_got_wrong_is_no_failure_of_the_service(telemetry: Telemetry) -> None:
    no_face = CaptureRejected("no face", reason=CaptureReason.FACE_NOT_FOUND, image="probe")
    with pytest.raises(CaptureRejected):
        ask_sync(telemetry, failing(no_face))
    span = telemetry.span("facegate.compare")
    assert span.status.status_code is StatusCode.UNSET
    assert (span.attributes or {})["error.type"] == "CaptureRejected"


def test_a_span_never_says_whom_it_is_about(telemetry: Telemetry) -> None:
    ask_sync(telemetry, FakeProvider())
    for span in telemetry.exported.get_finished_spans():
        assert SUBJECT not in span.to_json()


def test_metrics_have_bounded_attributes_and_fit_buckets(telemetry: Telemetry) -> None:
    ask_sync(telemetry, FakeProvider())
    metrics = telemetry.metrics()
    request = metrics["facegate.request.duration"]
    assert request.attributes == {
        "facegate.operation": "compare",
        "facegate.route": "fake",
        "facegate.provider": "fake",
        "facegate.outcome": "accept",
    }
    assert (request.explicit_bounds[0], request.explicit_bounds[-1]) == (0.05, 30)
    assert metrics["facegate.attempt.duration"].attributes == {
        "facegate.operation": "compare",
        "facegate.provider": "fake",
        "facegate.outcome": "answered",
        "facegate.billed": "no",
    }


def test_a_breaker_and_a_shadow_are_measured(telemetry: Telemetry) -> None:
    heard: list[Any] = []
    with FaceVerifier(FakeProvider(), observers=[heard.append]) as verifier:
        verifier.compare(PROBE, DOCUMENT, request_id="r-1")
    (finished,) = [event for event in heard if isinstance(event, Finished)]
    for event in (
        Shadowed(finished, finished),
        ShadowSkipped("r-2", "candidate"),
        BreakerTurned("main", Operation.COMPARE, "open"),
    ):
        telemetry.observer(event)
    metrics = telemetry.metrics()
    assert metrics["facegate.breaker.state"].value == 2
    assert metrics["facegate.shadows"].attributes["facegate.outcome"] == "agreed"
    assert metrics["facegate.shadows.skipped"].attributes == {"facegate.candidate": "candidate"}
    shadow = telemetry.span("facegate.shadow")
    assert (shadow.attributes or {})["facegate.request_id"] == "r-1"


def test_without_an_sdk_nothing_is_sent_and_nothing_fails() -> None:
    with FaceVerifier(FakeProvider(), observers=[OpenTelemetryObserver()]) as verifier:
        assert verifier.compare(PROBE, DOCUMENT).accepted
