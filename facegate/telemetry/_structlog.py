"""Log lines by structlog (extra ``structlog``).

Nothing is written until the application has called ``structlog.configure``: unconfigured, structlog
would print to stdout.
"""

from __future__ import annotations

import sys
from dataclasses import asdict

import structlog

from facegate.errors import Fault
from facegate.events import (
    BreakerTurned,
    BudgetPassed,
    CanaryFailed,
    Event,
    Finished,
    ModelChanged,
    Refused,
    RoundEnded,
    Shadowed,
    ShadowSkipped,
    Tried,
)
from facegate.telemetry import App
from facegate.telemetry.labels import (
    of_attempt,
    of_breaker,
    of_budget,
    of_refusal,
    of_request,
    of_shadow,
)


class StructlogObserver:
    """Observer that logs a line for each event, with the request's id and without its subject."""

    def __init__(self) -> None:
        self._log = structlog.get_logger("facegate")

    def __call__(self, event: Event) -> None:
        if not structlog.is_configured():
            return
        match event:
            case Finished():
                self._finished(event)
            case Tried():
                self._log.debug(
                    "facegate.attempt",
                    request_id=event.request_id,
                    seconds=round(event.attempt.seconds, 4),
                    **of_attempt(event.operation, event.attempt),
                )
            case Shadowed():
                request_id = event.primary.request_id
                self._log.info("facegate.shadow", request_id=request_id, **of_shadow(event))
            case ShadowSkipped():
                self._log.warning(
                    "facegate.shadow_skipped",
                    request_id=event.request_id,
                    candidate=event.candidate,
                )
            case BreakerTurned():
                self._log.warning("facegate.breaker", state=str(event.state), **of_breaker(event))
            case Refused():
                self._log.info("facegate.refused", **of_refusal(event))
            case BudgetPassed():
                self._log.warning(
                    "facegate.soft_budget_passed",
                    spent=event.spent,
                    soft_budget=event.soft_budget,
                    **of_budget(event),
                )
            case CanaryFailed() | ModelChanged() | RoundEnded():
                self._of_models(event)

    def _finished(self, event: Finished) -> None:
        error = event.error
        # A caller's mistake is for the caller to mend: no reason to wake an operator.
        log = self._log.warning if error and error.fault is not Fault.CALLER else self._log.info
        log(
            "facegate.request",
            request_id=event.request_id,
            seconds=round(event.seconds, 4),
            attempts=len(event.attempts),
            **of_request(event),
        )

    def _of_models(self, event: CanaryFailed | ModelChanged | RoundEnded) -> None:
        match event:
            case CanaryFailed(provider, canary, error):
                self._log.warning(
                    "facegate.canary_failed", provider=provider, canary=canary, error=error
                )
            case ModelChanged(provider, changes, materiality):
                # The changes in words have scores in them, and versions that a vendor wrote.
                self._log.error(
                    "facegate.model_changed",
                    provider=provider,
                    materiality=materiality,
                    changes=len(changes),
                )
            case RoundEnded():
                self._log.info("facegate.sentinel_round", **asdict(event))


def observer() -> StructlogObserver:
    """The observer that writes where the application's structlog does."""
    return StructlogObserver()


def around(app: App) -> App:
    """The application as it is; structlog, which nobody else configures there, writes JSON."""
    if not structlog.is_configured():
        structlog.configure(
            processors=[
                structlog.contextvars.merge_contextvars,
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.processors.JSONRenderer(),
            ],
            wrapper_class=structlog.make_filtering_bound_logger("info"),
            logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        )
    return app
