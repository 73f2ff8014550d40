"""What each arm of a trial came to, by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from facegate.figures.intervals import Interval, exact
from facegate.figures.latency import Latency
from facegate.figures.sequences import rate
from facegate.trial.tally import OUTCOMES, ArmTally, RequestOutcome

ALPHA = 0.05
"""Probability that an interval misses, at most."""


@dataclass(frozen=True)
class Proportion:
    """A part of a whole, with its interval.

    Attributes:
        count: cases in the part.
        share: of the whole, 0..1; 0 where there is none.
        interval: of the share; it holds at all looks together, with 95 %.
    """

    count: int
    share: float
    interval: Interval

    @classmethod
    def of(cls, count: int, total: int) -> Proportion:
        return cls(count, count / total if total else 0.0, rate(count, total, ALPHA))


@dataclass(frozen=True)
class ErrorRate:
    """Wrong decisions among labelled ones.

    Attributes:
        wrong: decisions that were wrong.
        labelled: decisions of which it is known.
        share: of wrong ones, 0..1; 0 where none is labelled.
        interval: of the share; Clopper and Pearson's, with 95 %, for one look.
    """

    wrong: int
    labelled: int
    share: float
    interval: Interval

    @classmethod
    def of(cls, wrong: int, labelled: int) -> ErrorRate:
        share = wrong / labelled if labelled else 0.0
        return cls(wrong, labelled, share, exact(wrong, labelled, ALPHA))


@dataclass(frozen=True)
class ArmFigures:
    """What one arm came to, or one candidate in the shadow.

    Attributes:
        name: of the arm, or of the candidate.
        shadow: nobody was told what it answered.
        requests: how many got there.
        people: how many different subjects these were about.
        outcomes: of each subject's first request.
        errors: failed requests of all, by class of error, the most frequent first.
        latency: of all requests that were answered; None where none was.
        cost: of all requests whose cost is known, in the operator's currency; None where it is
            known of none.
        priced: requests whose cost is known.
        per_request: cost of one of these; None where there is none.
        per_decision: cost of one decision, failures included; None unless the cost of every request
            is known.
        providers: requests by who answered, or was asked last; the most frequent first.
        lineages: matching engines underneath.
        operations: requests by what was asked.
        not_accepted: rate of genuine people who were rejected or left to review.
        attacks_accepted: rate of impostors and presentation attacks that were accepted.
    """

    name: str
    shadow: bool
    requests: int
    people: int
    outcomes: Mapping[RequestOutcome, Proportion]
    errors: Mapping[str, int]
    latency: Latency | None
    cost: float | None
    priced: int
    per_request: float | None
    per_decision: float | None
    providers: Mapping[str, int]
    lineages: Sequence[str]
    operations: Mapping[str, int]
    not_accepted: ErrorRate
    attacks_accepted: ErrorRate

    @classmethod
    def of(cls, name: str, tally: ArmTally, *, shadow: bool = False) -> ArmFigures:
        people, labelled = len(tally.people), tally.labelled
        answered, priced = len(tally.seconds), tally.priced
        complete = priced == tally.requests
        return cls(
            name=name,
            shadow=shadow,
            requests=tally.requests,
            people=people,
            outcomes={
                outcome: Proportion.of(tally.people.count(code), people)
                for code, outcome in enumerate(OUTCOMES)
            },
            errors=dict(tally.errors.most_common()),
            latency=Latency.of(sorted(tally.seconds)),
            cost=tally.cost if priced else None,
            priced=priced,
            per_request=tally.cost / priced if priced else None,
            per_decision=tally.cost / answered if priced and complete and answered else None,
            providers=dict(tally.providers.most_common()),
            lineages=sorted(tally.lineages),
            operations=dict(tally.operations),
            not_accepted=ErrorRate.of(labelled.not_accepted, labelled.genuine),
            attacks_accepted=ErrorRate.of(labelled.accepted, labelled.attacks),
        )
