"""Metrics for Prometheus (extra ``prometheus``)."""

from __future__ import annotations

import os
import threading
from functools import cache
from typing import Any

from anyio.to_thread import run_sync
from prometheus_client import (
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.multiprocess import MultiProcessCollector

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
from facegate.telemetry import App
from facegate.telemetry.labels import (
    ATTEMPT,
    BREAKER,
    BUDGET,
    CANARY,
    REFUSAL,
    REQUEST,
    SECONDS,
    SHADOW,
    STATES,
    of_attempt,
    of_breaker,
    of_budget,
    of_canaries,
    of_refusal,
    of_request,
    of_shadow,
)
from facegate.telemetry.processes import FOLDER

_PATH = "/metrics"


class PrometheusObserver:
    """Observer that counts and times events; a registry takes only one.

    Args:
        registry: where the metrics go. :func:`observer` gives the one of the default registry.
    """

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self._requests = Counter(
            "facegate_requests",
            "Requests that were answered or failed.",
            REQUEST,
            registry=registry,
        )
        self._request_s = Histogram(
            "facegate_request_seconds",
            "Time for a whole request.",
            ("operation", "route", "arm"),
            buckets=SECONDS,
            registry=registry,
        )
        self._attempts = Counter(
            "facegate_attempts", "Times that a provider was asked.", ATTEMPT, registry=registry
        )
        self._attempt_s = Histogram(
            "facegate_attempt_seconds",
            "Time for asking a provider once.",
            ("operation", "provider", "outcome"),
            buckets=SECONDS,
            registry=registry,
        )
        self._breakers = Gauge(
            "facegate_breaker_state",
            "0 closed, 1 half-open, 2 open; absent for one that never opened.",
            BREAKER,
            registry=registry,
            multiprocess_mode="livemax",
        )
        self._shadows = Counter(
            "facegate_shadows", "Requests put to a candidate too.", SHADOW, registry=registry
        )
        self._skipped = Counter(
            "facegate_shadows_skipped",
            "Sampled requests that were not, for too many were going on.",
            ("candidate",),
            registry=registry,
        )
        self._refusals = Counter(
            "facegate_refusals",
            "Requests that the service turned away before any question was asked.",
            REFUSAL,
            registry=registry,
        )
        self._budgets = Counter(
            "facegate_soft_budget_passed",
            "Questions of a key that has spent more than its soft budget.",
            BUDGET,
            registry=registry,
        )
        self._canaries = Counter(
            "facegate_canaries",
            "Canaries that a provider was asked about.",
            CANARY,
            registry=registry,
        )
        self._canaries_cost = Counter(
            "facegate_canaries_cost",
            "Money that canaries cost, or may have.",
            ("provider",),
            registry=registry,
        )
        # All processes read the same journal, so who looked last knows best.
        self._evidence, self._alarm = (
            Gauge(
                f"facegate_sentinel_{name}",
                description,
                ("provider",),
                registry=registry,
                multiprocess_mode="mostrecent",
            )
            for name, description in (
                ("evidence", "Evidence that a noisy provider's model changed."),
                ("alarm", "1 where a provider's model is known to have changed, 0 where not."),
            )
        )

    def __call__(self, event: Event) -> None:
        match event:
            case Finished():
                labels = of_request(event)
                self._requests.labels(**labels).inc()
                where = labels["operation"], labels["route"], labels["arm"]
                self._request_s.labels(*where).observe(event.seconds)
            case Tried():
                labels = of_attempt(event.operation, event.attempt)
                self._attempts.labels(**labels).inc()
                who = labels["operation"], labels["provider"], labels["outcome"]
                self._attempt_s.labels(*who).observe(event.attempt.seconds)
            case BreakerTurned():
                self._breakers.labels(**of_breaker(event)).set(STATES[event.state])
            case Shadowed():
                self._shadows.labels(**of_shadow(event)).inc()
            case ShadowSkipped():
                self._skipped.labels(event.candidate).inc()
            case Refused():
                self._refusals.labels(**of_refusal(event)).inc()
            case BudgetPassed():
                self._budgets.labels(**of_budget(event)).inc()
            case CanaryFailed() | Stands() | RoundEnded():
                self._of_models(event)

    def _of_models(self, event: CanaryFailed | Stands | RoundEnded) -> None:
        match event:
            case CanaryFailed():
                self._canaries.labels(**of_canaries(event)).inc()
            case RoundEnded():
                self._canaries.labels(**of_canaries(event)).inc(event.answered)
                self._canaries_cost.labels(event.provider).inc(event.cost)
            case Stands():
                self._evidence.labels(event.provider).set(event.evidence)
                self._alarm.labels(event.provider).set(event.changed)


_once = threading.Lock()


def observer() -> PrometheusObserver:
    """The observer of the default registry, shared by all verifiers of the process."""
    with _once:
        return _default()


@cache
def _default() -> PrometheusObserver:
    return PrometheusObserver()


def exposition() -> tuple[str, bytes]:
    """Content type and text of all metrics of the process, or of all processes that share them.

    Blocks: the others' are read from files.
    """
    registry = REGISTRY
    if FOLDER in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return CONTENT_TYPE_PLAIN_0_0_4, generate_latest(registry)


def around(app: App) -> App:
    """The application, and ``GET /metrics`` beside it, open to every caller."""

    async def exposing(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["path"] != _PATH or scope["method"] != "GET":
            await app(scope, receive, send)
            return
        kind, text = await run_sync(exposition)
        head = [(b"content-type", kind.encode()), (b"content-length", b"%d" % len(text))]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": text})

    return exposing
