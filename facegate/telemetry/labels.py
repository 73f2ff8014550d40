"""Labels of an event, the same in logs, traces and metrics.

Every value is one of a set that the configuration, its keys and facegate's own classes bound: never
a subject, a request id, a score, or anything a vendor wrote.
"""

from __future__ import annotations

from facegate.events import (
    BreakerTurned,
    BudgetPassed,
    CanaryFailed,
    Finished,
    Refused,
    RoundEnded,
    Shadowed,
)
from facegate.model import Attempt, Operation

SECONDS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 7.5, 10, 15, 20, 30)
"""Bounds of histograms in seconds: from an embedded engine's answer to the usual deadline."""

REQUEST = ("operation", "route", "arm", "provider", "outcome", "error", "caller")
ATTEMPT = ("operation", "provider", "outcome", "error", "billed")
SHADOW = ("operation", "route", "candidate", "outcome")
BREAKER = ("operation", "provider")
REFUSAL = ("status", "path", "caller")
BUDGET = ("caller", "period")
CANARY = ("provider", "outcome", "error")

STATES = {"closed": 0, "half_open": 1, "open": 2}
"""Numbers of a breaker's states, ordered so that the highest of several processes is the worst."""


def of_request(event: Finished) -> dict[str, str]:
    """Labels of a request.

    ``outcome`` is the decision or ``error``, ``provider`` the one that was asked last, ``caller``
    the id of the key that it came with.
    """
    return {
        "operation": str(event.operation),
        "route": event.route,
        "arm": event.arm or "",
        "provider": _last_provider(event),
        "outcome": "error" if event.result is None else str(event.result.decision),
        "error": event.error.code if event.error else "",
        "caller": event.caller or "",
    }


def of_attempt(operation: Operation, attempt: Attempt) -> dict[str, str]:
    """Labels of an attempt; ``outcome`` is ``answered`` or ``failed``."""
    return {
        "operation": str(operation),
        "provider": attempt.provider,
        "outcome": str(attempt.outcome),
        "error": attempt.error_code or "",
        "billed": str(attempt.billed),
    }


def of_shadow(event: Shadowed) -> dict[str, str]:
    """Labels of a shadow request.

    ``outcome`` is ``agreed``, ``disagreed``, ``primary_failed`` or ``candidate_failed``.
    """
    primary, candidate = event.primary.result, event.candidate.result
    if candidate is None:
        outcome = "candidate_failed"
    elif primary is None:
        outcome = "primary_failed"
    else:
        outcome = "agreed" if primary.decision is candidate.decision else "disagreed"
    return {
        "operation": str(event.primary.operation),
        "route": event.primary.route,
        "candidate": _last_provider(event.candidate),
        "outcome": outcome,
    }


def _last_provider(event: Finished) -> str:
    return event.attempts[-1].provider if event.attempts else ""


def of_refusal(event: Refused) -> dict[str, str]:
    """Labels of a request that a service turned away."""
    return {"status": str(event.status), "path": event.path, "caller": event.caller or ""}


def of_budget(event: BudgetPassed) -> dict[str, str]:
    """Labels of a soft budget."""
    return {"caller": event.caller, "period": event.period}


def of_breaker(event: BreakerTurned) -> dict[str, str]:
    """Labels of a breaker."""
    return {"operation": str(event.operation), "provider": event.provider}


def of_canaries(event: CanaryFailed | RoundEnded) -> dict[str, str]:
    """Labels of canaries: of one that failed, or of those that were answered in a round."""
    if isinstance(event, CanaryFailed):
        return {"provider": event.provider, "outcome": "failed", "error": event.error_code}
    return {"provider": event.provider, "outcome": "answered", "error": ""}
