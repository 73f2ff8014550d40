"""What each arm of a trial came to, by itself."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from facegate.trial.statistics import Interval, exact, rate
from facegate.trial.tally import OUTCOMES, Outcome, Tally

ALPHA = 0.05
_CURVE = 100
"""Points of a latency curve."""


@dataclass(frozen=True)
class Share:
    """A part of a whole, with an interval that holds at all looks together with 95 %."""

    count: int
    share: float
    interval: Interval

    @classmethod
    def of(cls, count: int, total: int) -> Share:
        return cls(count, count / total if total else 0.0, rate(count, total, ALPHA))


@dataclass(frozen=True)
class Rate:
    """Wrong decisions among labelled ones; the interval is Clopper and Pearson's, for one look."""

    wrong: int
    labelled: int
    share: float
    interval: Interval

    @classmethod
    def of(cls, wrong: int, labelled: int) -> Rate:
        share = wrong / labelled if labelled else 0.0
        return cls(wrong, labelled, share, exact(wrong, labelled, ALPHA))


@dataclass(frozen=True)
class Latency:
    """Seconds that callers waited for an answer; failed requests are not among them.

    Attributes:
        answered: how many requests.
        p50, p95, p99: percentiles.
        curve: evenly spaced percentiles from the lowest to the highest.
    """

    answered: int
    p50: float
    p95: float
    p99: float
    curve: Sequence[float]

    @classmethod
    def of(cls, ordered: Sequence[float]) -> Latency | None:
        """Of ascending seconds; None where nothing was answered."""
        if not ordered:
            return None
        count = len(ordered)
        p50, p95, p99 = (ordered[math.ceil(level * count) - 1] for level in (0.5, 0.95, 0.99))
        curve = [ordered[(count - 1) * step // _CURVE] for step in range(_CURVE + 1)]
        return cls(count, p50, p95, p99, curve)


@dataclass(frozen=True)
class Arm:
    """One arm, or one candidate in the shadow.

    Attributes:
        name: of the arm, or of the candidate.
        shadow: nobody was told what it answered.
        requests: how many got there.
        people: how many different subjects these were about.
        outcomes: of each subject's first request.
        errors: of all requests, by class.
        latency: of all requests that were answered.
        cost: of all requests whose cost is known.
        priced: how many these are.
        per_request: what one of them costs.
        per_decision: what one decision costs, failures included.
        providers: who answered, or was asked last.
        lineages: the engines underneath.
        operations: what was asked.
        not_accepted: genuine people who were rejected or left to review.
        attacks_accepted: impostors and presentation attacks that were accepted.
    """

    name: str
    shadow: bool
    requests: int
    people: int
    outcomes: Mapping[Outcome, Share]
    errors: Mapping[str, int]
    latency: Latency | None
    cost: float | None
    priced: int
    per_request: float | None
    per_decision: float | None
    providers: Mapping[str, int]
    lineages: Sequence[str]
    operations: Mapping[str, int]
    not_accepted: Rate
    attacks_accepted: Rate

    @classmethod
    def of(cls, name: str, tally: Tally, *, shadow: bool = False) -> Arm:
        people, labelled = len(tally.people), tally.labelled
        counts = [tally.people.codes.count(code) for code in range(len(OUTCOMES))]
        answered = len(tally.seconds)
        priced = tally.priced
        complete = priced == tally.requests
        return cls(
            name=name,
            shadow=shadow,
            requests=tally.requests,
            people=people,
            outcomes={
                each: Share.of(count, people) for each, count in zip(OUTCOMES, counts, strict=True)
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
            not_accepted=Rate.of(labelled.not_accepted, labelled.genuine),
            attacks_accepted=Rate.of(labelled.accepted, labelled.attacks),
        )
