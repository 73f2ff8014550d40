"""The figures of a trial's arms in words, the same on a page and at a terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from facegate.figures.words import duration, percent
from facegate.trial.arms import ArmFigures, ErrorRate
from facegate.trial.tally import Disagreement, RequestOutcome
from facegate.trial.trial import Trial

Figure = tuple[str, Callable[[ArmFigures], str]]
"""The name of a figure, and its words for one arm."""

MEANINGS = {
    RequestOutcome.ACCEPT: "accepted",
    RequestOutcome.REVIEW: "to review",
    RequestOutcome.REJECT: "rejected",
    RequestOutcome.REFUSED: "picture refused",
    RequestOutcome.FAILED: "provider failed",
}


def period(trial: Trial) -> str:
    """The data that a trial is about, in words."""
    first, last = (f"{at:%Y-%m-%d %H:%M}" for at in (trial.first, trial.last))
    return f"route {trial.route}, {first} to {last} UTC, {trial.rows:,} records"


def label(arm: ArmFigures) -> str:
    """The name of an arm beside others."""
    return f"{arm.name} (shadow)" if arm.shadow else arm.name


def case_cells(case: Disagreement) -> Sequence[str]:
    """A disagreement in four cells: request, time, and both answers."""

    def answer(outcome: RequestOutcome, score: float | None) -> str:
        return str(outcome) if score is None else f"{outcome} at {score:.3f}"

    return (
        "".join(c if c.isprintable() else "?" for c in case.request_id),
        f"{case.at:%Y-%m-%d %H:%M}",
        answer(case.primary, case.primary_score),
        answer(case.candidate, case.candidate_score),
    )


def _share(outcome: RequestOutcome) -> Callable[[ArmFigures], str]:
    def words(arm: ArmFigures) -> str:
        proportion = arm.outcomes[outcome]
        low, high = (f"{100 * end:.1f}" for end in proportion.interval)
        return f"{percent(proportion.share)} ({low} to {high})" if arm.people else "-"

    return words


def _percentile(name: str) -> Callable[[ArmFigures], str]:
    return lambda arm: duration(getattr(arm.latency, name)) if arm.latency else "-"


def _money(amount: float | None) -> str:
    return "-" if amount is None else f"{amount:,.4g}"


def _rate(rate: ErrorRate) -> str:
    if not rate.labelled:
        return "no labels"
    low, high = (f"{100 * end:.1f}" for end in rate.interval)
    return f"{rate.wrong:,} of {rate.labelled:,}: {percent(rate.share)} ({low} to {high})"


def _errors(arm: ArmFigures) -> str:
    return "\n".join(f"{name} {count:,}" for name, count in arm.errors.items()) or "none"


OF_PEOPLE: Sequence[Figure] = (
    ("people", lambda arm: f"{arm.people:,}"),
    *((MEANINGS[outcome], _share(outcome)) for outcome in RequestOutcome),
)
"""Figures of each subject's first request."""

OF_REQUESTS: Sequence[Figure] = (
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
"""Figures of all requests."""
