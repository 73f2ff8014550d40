"""Spans and metrics by OpenTelemetry (extra ``opentelemetry``).

Both are made once a request has ended, with the times at which things happened: they take no time
from it, and need no more than the API. An SDK that the application sets up sends them somewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from opentelemetry import context, metrics, propagate, trace
from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import Span, Status, StatusCode, TracerProvider

from facegate.errors import Fault
from facegate.events import (
    BreakerTurned,
    BudgetPassed,
    CanaryFailed,
    Event,
    Finished,
    Refused,
    RoundEnded,
    Shadowed,
    ShadowSkipped,
    Stands,
    Tried,
)
from facegate.model import Attempt, Operation
from facegate.telemetry import App
from facegate.telemetry.labels import (
    SECONDS,
    STATES,
    of_attempt,
    of_breaker,
    of_budget,
    of_canaries,
    of_refusal,
    of_request,
    of_shadow,
)


class OpenTelemetryObserver:
    """Observer that makes a span of each request, below the caller's current one, and of each
    attempt; and histograms of both.

    Args:
        tracer_provider: where spans go; the application's global one where None.
        meter_provider: where metrics go; the application's global one where None.
    """

    def __init__(
        self,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
    ) -> None:
        self._tracer = trace.get_tracer("facegate", tracer_provider=tracer_provider)
        meter = metrics.get_meter("facegate", meter_provider=meter_provider)
        self._requests, self._attempts = (
            meter.create_histogram(
                f"facegate.{each}.duration",
                unit="s",
                description=description,
                explicit_bucket_boundaries_advisory=SECONDS,
            )
            for each, description in (
                ("request", "Time for a whole request."),
                ("attempt", "Time for asking a provider once."),
            )
        )
        self._breakers = meter.create_gauge(
            "facegate.breaker.state", description="0 closed, 1 half-open, 2 open."
        )
        self._shadows = meter.create_counter(
            "facegate.shadows", description="Requests put to a candidate too."
        )
        self._skipped = meter.create_counter(
            "facegate.shadows.skipped",
            description="Sampled requests that were not, for too many were going on.",
        )
        self._refusals = meter.create_counter(
            "facegate.refusals",
            description="Requests that the service turned away before any question was asked.",
        )
        self._budgets = meter.create_counter(
            "facegate.soft_budget.passed",
            description="Questions of a key that has spent more than its soft budget.",
        )
        self._canaries = meter.create_counter(
            "facegate.canaries", description="Canaries that a provider was asked about."
        )
        self._canaries_cost = meter.create_counter(
            "facegate.canaries.cost", description="Money that canaries cost, or may have."
        )
        self._evidence = meter.create_gauge(
            "facegate.sentinel.evidence",
            description="Evidence that a noisy provider's model changed.",
        )
        self._alarm = meter.create_gauge(
            "facegate.sentinel.alarm",
            description="1 where a provider's model is known to have changed, 0 where not.",
        )

    def __call__(self, event: Event) -> None:
        match event:
            case Finished():
                self._requests.record(event.seconds, _attributes(of_request(event)))
                self._spans(f"facegate.{event.operation}", event)
            case Tried():
                labels = of_attempt(event.operation, event.attempt)
                self._attempts.record(event.attempt.seconds, _attributes(labels))
            case Shadowed():
                self._shadows.add(1, _attributes(of_shadow(event)))
                self._spans("facegate.shadow", event.candidate)
            case ShadowSkipped():
                self._skipped.add(1, {"facegate.candidate": event.candidate})
            case Refused():
                self._refusals.add(1, _attributes(of_refusal(event)))
            case BudgetPassed():
                self._budgets.add(1, _attributes(of_budget(event)))
            case BreakerTurned():
                self._breakers.set(STATES[event.state], _attributes(of_breaker(event)))
            case CanaryFailed() | Stands() | RoundEnded():
                self._of_models(event)

    def _of_models(self, event: CanaryFailed | Stands | RoundEnded) -> None:
        of_provider = {"facegate.provider": event.provider}
        match event:
            case CanaryFailed():
                self._canaries.add(1, _attributes(of_canaries(event)))
            case RoundEnded():
                self._canaries.add(event.answered, _attributes(of_canaries(event)))
                self._canaries_cost.add(event.cost, of_provider)
            case Stands():
                self._evidence.set(event.evidence, of_provider)
                self._alarm.set(int(event.changed), of_provider)

    def _spans(self, name: str, event: Finished) -> None:
        labels = {**of_request(event), "request_id": event.request_id}
        span = self._tracer.start_span(
            name, attributes=_attributes(labels), start_time=_ns(event.at)
        )
        if event.error and event.error.fault is not Fault.CALLER:
            span.set_status(Status(StatusCode.ERROR))
        self._tried(span, event.operation, event.attempts, event.at)
        span.end(_ns(event.at, event.seconds))

    def _tried(
        self, request: Span, operation: Operation, attempts: Sequence[Attempt], since: datetime
    ) -> None:
        inside = trace.set_span_in_context(request)
        for attempt in attempts:
            began = attempt.at or since
            span = self._tracer.start_span(
                "facegate.attempt",
                inside,
                attributes=_attributes(of_attempt(operation, attempt)),
                start_time=_ns(began),
            )
            if attempt.error_code:
                span.set_status(Status(StatusCode.ERROR))
            span.end(_ns(began, attempt.seconds))


def _attributes(labels: Mapping[str, str]) -> dict[str, str]:
    """Labels in OpenTelemetry's manner: empty ones left out, the error as ``error.type``."""
    return {
        "error.type" if name == "error" else f"facegate.{name}": value
        for name, value in labels.items()
        if value
    }


def _ns(at: datetime, later_s: float = 0) -> int:
    return int((at.timestamp() + later_s) * 1e9)


def observer() -> OpenTelemetryObserver:
    """The observer that uses the application's global tracer and meter providers."""
    return OpenTelemetryObserver()


def around(app: App) -> App:
    """The application, its requests parts of the trace that the caller's headers name."""

    async def continuing(scope: Any, receive: Any, send: Any) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in _head(scope)}
        token = context.attach(propagate.extract(headers))
        try:
            await app(scope, receive, send)
        finally:
            context.detach(token)

    return continuing


def _head(scope: Any) -> Sequence[tuple[bytes, bytes]]:
    headers: Sequence[tuple[bytes, bytes]] = scope.get("headers", ())
    return headers
