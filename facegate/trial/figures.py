"""Figures of a trial in words, the same on a page and at a terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from facegate.trial.arms import Arm, Rate
from facegate.trial.findings import duration, percent
from facegate.trial.tally import Case, Outcome
from facegate.trial.trial import Trial

MEANINGS = {
    Outcome.ACCEPT: "accepted",
    Outcome.REVIEW: "to review",
    Outcome.REJECT: "rejected",
    Outcome.REFUSED: "picture refused",
    Outcome.FAILED: "provider failed",
}


def period(found: Trial) -> str:
    """What was read."""
    first, last = (f"{at:%Y-%m-%d %H:%M}" for at in (found.first, found.last))
    return f"route {found.route}, {first} to {last} UTC, {found.rows:,} records"


def _share(outcome: Outcome) -> Callable[[Arm], str]:
    def told(arm: Arm) -> str:
        found = arm.outcomes[outcome]
        low, high = (f"{100 * end:.1f}" for end in found.interval)
        return f"{percent(found.share)} ({low} to {high})" if arm.people else "-"

    return told


def _percentile(name: str) -> Callable[[Arm], str]:
    return lambda arm: duration(getattr(arm.latency, name)) if arm.latency else "-"


def _money(amount: float | None) -> str:
    return "-" if amount is None else f"{amount:,.4g}"


def _rate(found: Rate) -> str:
    if not found.labelled:
        return "no labels"
    low, high = (f"{100 * end:.1f}" for end in found.interval)
    return f"{found.wrong:,} of {found.labelled:,}: {percent(found.share)} ({low} to {high})"


def _errors(arm: Arm) -> str:
    return "\n".join(f"{name} {count:,}" for name, count in arm.errors.items()) or "none"


FIGURES: Sequence[tuple[str, Callable[[Arm], str]]] = (
    ("people", lambda arm: f"{arm.people:,}"),
    *((MEANINGS[outcome], _share(outcome)) for outcome in Outcome),
    ("requests", lambda arm: f"{arm.requests:,}"),
    ("answered by", lambda arm: "\n".join(arm.providers) or "-"),
    ("latency, median", _percentile("p50")),
    ("95th percentile", _percentile("p95")),
    ("99th percentile", _percentile("p99")),
    ("cost", lambda arm: _money(arm.cost)),
    ("cost of a request", lambda arm: _money(arm.per_request)),
    ("cost of a decision", lambda arm: _money(arm.per_decision)),
    ("errors", _errors),
    ("genuine, turned away", lambda arm: _rate(arm.not_accepted)),
    ("attacks let in", lambda arm: _rate(arm.attacks_accepted)),
)
"""What is told of every arm: of people first, of all requests after that."""


def named(arm: Arm) -> str:
    """What an arm is called beside others."""
    return f"{arm.name} (shadow)" if arm.shadow else arm.name


def told_of(case: Case) -> Sequence[str]:
    """A case in four columns."""

    def answer(outcome: Outcome, score: float | None) -> str:
        return str(outcome) if score is None else f"{outcome} at {score:.3f}"

    shown = "".join(c if c.isprintable() else "?" for c in case.request_id)
    return (
        shown,
        f"{case.at:%Y-%m-%d %H:%M}",
        answer(case.primary, case.primary_score),
        answer(case.candidate, case.candidate_score),
    )
