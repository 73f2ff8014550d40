"""Journals to write to, and things that happened to write into them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from both import run_sync
from facegate import (
    Attempt,
    Billed,
    Decision,
    FacegateError,
    Operation,
    Outcome,
    VerificationResult,
)
from facegate.events import Finished
from facegate.journal import Journal, open_journal

KEY = "a key of the tests, long enough"
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def opened(url: str, **settings: Any) -> Journal:
    return open_journal({"url": url, "subject_key": KEY, **settings}, "the test")


@contextmanager
def journal(url: str, **settings: Any) -> Iterator[Journal]:
    kept = opened(url, **settings)
    try:
        yield kept
    finally:
        kept.close()


def attempt(provider: str = "main", error_code: str | None = None, **fields: Any) -> Attempt:
    return Attempt(
        provider=provider,
        plugin="acme",
        outcome=Outcome.FAILED if error_code else Outcome.ANSWERED,
        error_code=error_code,
        **{"seconds": 0.25, "billed": Billed.YES, "at": NOON, "lineage": "acme-1", **fields},
    )


def finished(
    request_id: str = "r-1", subject: str | None = None, at: datetime = NOON, **fields: Any
) -> Finished:
    """A request that was answered, or failed where an ``error`` is given."""
    outcome: VerificationResult | FacegateError | None = fields.pop("error", None)
    attempts = fields.pop("attempts", (attempt(),))
    if outcome is None:
        outcome = VerificationResult(
            operation=Operation.COMPARE,
            decision=fields.pop("decision", Decision.ACCEPT),
            match=fields.pop("match", None),
            liveness=fields.pop("liveness", None),
            provider=attempts[-1].provider,
            plugin="acme",
            lineage="acme-1",
            engine=fields.pop("engine", None),
            elapsed=0.5,
        )
    told = {
        "operation": Operation.COMPARE,
        "route": "kyc",
        "consent": None,
        "seconds": 0.5,
        **fields,
    }
    return Finished(at, request_id, subject=subject, outcome=outcome, attempts=attempts, **told)


def write(to: Journal, *events: Any) -> None:
    for event in events:
        run_sync(to.record(event))
