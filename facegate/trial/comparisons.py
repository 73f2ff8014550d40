"""Arms of a trial against each other, and a candidate against what it shadowed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from facegate.figures.intervals import Interval, mcnemar
from facegate.figures.sequences import always_p, difference, paired_difference, quantile
from facegate.trial.arms import Proportion
from facegate.trial.outages import Outage
from facegate.trial.tally import (
    OUTCOMES,
    ArmTally,
    Disagreement,
    PairTally,
    RequestOutcome,
    Timeline,
)

_LOOKS = 40
"""Points of a curve over time."""


@dataclass(frozen=True)
class Difference:
    """The second of two shares less the first.

    Attributes:
        value: -1..1; 0 where one of them is not known.
        interval: within -1..1; it holds at all looks together.
    """

    value: float
    interval: Interval

    @property
    def sure(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.interval.low > 0 or self.interval.high < 0

    def within(self, margin: float) -> bool:
        """Whether the interval is within a margin of 0..1, either way."""
        return -margin <= self.interval.low and self.interval.high <= margin

    @classmethod
    def of(cls, first: tuple[int, int], second: tuple[int, int], alpha: float) -> Difference:
        """The difference of independent samples, each given as cases of the kind and all cases."""
        (a, n), (b, m) = first, second
        return cls(b / m - a / n if n and m else 0.0, difference(first, second, alpha))


@dataclass(frozen=True)
class Look:
    """What was known at some moment.

    Attributes:
        at: the moment, in UTC.
        people: how many had asked by then.
        difference: of the shares by then.
    """

    at: datetime
    people: int
    difference: Difference


@dataclass(frozen=True)
class Comparison:
    """One arm against the control; each person is in one of them.

    Attributes:
        control: its name.
        arm: the other's name.
        accepted: how much more of all who asked the arm accepted.
        failed: how much more of all who asked the arm left without an answer, for a provider
            failed.
        p50: intervals of the median latency, in seconds, the control's first.
        p95: intervals of the 95th percentile of latency, in seconds, the control's first.
        not_accepted: how much more of labelled genuine people the arm turned away.
        attacks_accepted: how much more of labelled attacks the arm accepted.
        looks: ``accepted`` as it was known over time.
        outage: the largest outage of the two; None where there was none.
        calm: ``accepted`` of those who came before or after it; None where there was none.
    """

    control: str
    arm: str
    accepted: Difference
    failed: Difference
    p50: tuple[Interval, Interval]
    p95: tuple[Interval, Interval]
    not_accepted: Difference
    attacks_accepted: Difference
    looks: Sequence[Look]
    outage: Outage | None = None
    calm: Difference | None = None

    CLAIMS = 6
    """How many statements are made about a comparison."""

    @classmethod
    def of(
        cls, names: tuple[str, str], tallies: tuple[ArmTally, ArmTally], alpha: float
    ) -> Comparison:
        """The comparison of an arm with the control, which comes first.

        Args:
            names: of both.
            tallies: of both.
            alpha: probability that one statement is wrong, at most and at all looks together.
        """
        control, arm = tallies
        ordered = sorted(control.seconds), sorted(arm.seconds)

        def percentile(level: float) -> tuple[Interval, Interval]:
            ours, theirs = (quantile(each, level, alpha / 2) for each in ordered)
            return ours, theirs

        def people(outcome: RequestOutcome) -> Difference:
            code = OUTCOMES.index(outcome)
            ours, theirs = ((each.people.count(code), len(each.people)) for each in tallies)
            return Difference.of(ours, theirs, alpha)

        found = map(Outage.of_arm, names, (control.people, arm.people))
        outage = max(filter(None, found), key=lambda each: each.failed, default=None)
        calm: Difference | None = None
        if outage is not None:
            calm = Difference.of(
                outage.without(control.people, RequestOutcome.ACCEPT),
                outage.without(arm.people, RequestOutcome.ACCEPT),
                alpha,
            )
        ours, theirs = control.labelled, arm.labelled
        return cls(
            *names,
            accepted=people(RequestOutcome.ACCEPT),
            failed=people(RequestOutcome.FAILED),
            p50=percentile(0.5),
            p95=percentile(0.95),
            not_accepted=Difference.of(
                (ours.not_accepted, ours.genuine), (theirs.not_accepted, theirs.genuine), alpha
            ),
            attacks_accepted=Difference.of(
                (ours.accepted, ours.attacks), (theirs.accepted, theirs.attacks), alpha
            ),
            looks=[
                Look(at, first[1] + second[1], Difference.of(first, second, alpha))
                for at, first, second in _looks(
                    (control.people, OUTCOMES.index(RequestOutcome.ACCEPT)),
                    (arm.people, OUTCOMES.index(RequestOutcome.ACCEPT)),
                )
            ],
            outage=outage,
            calm=calm,
        )


@dataclass(frozen=True)
class Pairing:
    """A candidate in the shadow beside the primary, on the same requests.

    Attributes:
        primary: who answered the callers.
        candidate: who was asked in the shadow.
        pairs: requests that both were asked, the first of every subject.
        answered: pairs that both answered; all but ``table`` and ``orphans`` is about these.
        agreed: pairs with the same decision.
        table: how often which outcomes came together, the primary's first.
        gained: pairs accepted by the candidate alone.
        lost: pairs accepted by the primary alone.
        mcnemar_p: p-value, 0..1, that gained and lost are as likely; exact, for one look.
        always_p: p-value, 0..1, that gained and lost are as likely; valid at all looks together.
        accepted: how much more of the pairs the candidate accepts.
        right: where one alone accepts, how often the candidate and the primary were right; about
            genuine people, and about attacks.
        looks: ``accepted`` as it was known over time.
        disagreed: pairs with different decisions.
        cases: the latest of these.
        orphans: shadows whose primary is not in the data.
        lineages: matching engines of the primary.
    """

    primary: str
    candidate: str
    pairs: int
    answered: int
    agreed: Proportion
    table: Sequence[tuple[RequestOutcome, RequestOutcome, int]]
    gained: int
    lost: int
    mcnemar_p: float
    always_p: float
    accepted: Difference
    right: tuple[tuple[int, int], tuple[int, int]]
    looks: Sequence[Look]
    disagreed: int
    cases: Sequence[Disagreement]
    orphans: int
    lineages: Sequence[str]

    CLAIMS = 4
    """How many statements are made about a pairing: direction, size, who is right about whom."""

    @classmethod
    def of(cls, candidate: str, tally: PairTally, alpha: float) -> Pairing:
        """The pairing of a candidate with the primary.

        Args:
            candidate: its name.
            tally: of both.
            alpha: probability that one statement is wrong, at most and at all looks together.
        """
        label, answered = tally.labelled, len(tally.answered)
        gained, lost = (tally.answered.count(code) for code in (PairTally.GAINED, PairTally.LOST))
        return cls(
            primary=" or ".join(sorted(tally.primaries)),
            candidate=candidate,
            pairs=tally.table.total(),
            answered=answered,
            agreed=Proportion.of(answered - tally.disagreed, answered),
            table=[(one, two, count) for (one, two), count in sorted(tally.table.items())],
            gained=gained,
            lost=lost,
            mcnemar_p=mcnemar(gained, lost),
            always_p=always_p(gained, lost),
            accepted=_paired(gained, lost, answered, alpha),
            right=(
                (label[True, PairTally.GAINED], label[True, PairTally.LOST]),
                (label[False, PairTally.LOST], label[False, PairTally.GAINED]),
            ),
            looks=[
                Look(at, total, _paired(gained, lost, total, alpha))
                for at, (gained, total), (lost, _) in _looks(
                    (tally.answered, PairTally.GAINED), (tally.answered, PairTally.LOST)
                )
            ],
            disagreed=tally.disagreed,
            cases=list(tally.cases),
            orphans=tally.orphans,
            lineages=sorted(tally.lineages),
        )


def _paired(gained: int, lost: int, answered: int, alpha: float) -> Difference:
    value = (gained - lost) / answered if answered else 0.0
    interval = paired_difference(gained, lost, answered - gained - lost, alpha)
    if always_p(gained, lost) > alpha:
        return Difference(value, interval)
    # The direction is known sooner than the size.
    return Difference(value, interval.above(0) if gained > lost else interval.below(0))


_SoFar = tuple[int, int]
"""Events of a kind by some moment, and all events by then."""


def _looks(
    one: tuple[Timeline, int], two: tuple[Timeline, int]
) -> Iterator[tuple[datetime, _SoFar, _SoFar]]:
    """Evenly spaced moments and the counts by each; of timelines and what to count in them."""
    times = [time for timeline, _ in (one, two) for time in timeline.times]
    if not times:
        return
    start, end = min(times), max(times)
    moments = [start + (end - start) * step / _LOOKS for step in range(1, _LOOKS)] + [end]
    counts = zip(moments, _so_far(*one, moments), _so_far(*two, moments), strict=True)
    for moment, first, second in counts:
        yield datetime.fromtimestamp(moment, UTC), first, second


def _so_far(timeline: Timeline, code: int, moments: Sequence[float]) -> Iterator[_SoFar]:
    ordered = sorted(zip(timeline.times, timeline.codes, strict=True))
    count = total = 0
    for moment in moments:
        while total < len(ordered) and ordered[total][0] <= moment:
            count += ordered[total][1] == code
            total += 1
        yield count, total
