"""Arms of a trial against each other, and a candidate against what it shadowed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from facegate.trial.arms import Share
from facegate.trial.statistics import (
    Interval,
    always_p,
    difference,
    mcnemar,
    paired_difference,
    quantile,
)
from facegate.trial.tally import OUTCOMES, Case, Course, Outcome, Pairs, Tally

_LOOKS = 40
"""Points of a curve over time."""


@dataclass(frozen=True)
class Difference:
    """How much higher the second share is, with an interval that holds at all looks together."""

    value: float
    interval: Interval

    @property
    def sure(self) -> bool:
        """Whether there is one."""
        return self.interval.low > 0 or self.interval.high < 0

    def within(self, margin: float) -> bool:
        """Whether it is no larger than this, either way."""
        return -margin <= self.interval.low and self.interval.high <= margin

    @classmethod
    def of(cls, first: tuple[int, int], second: tuple[int, int], alpha: float) -> Difference:
        (a, n), (b, m) = first, second
        return cls(b / m - a / n if n and m else 0.0, difference(first, second, alpha))


@dataclass(frozen=True)
class Look:
    """What was known at some moment: so many people, and the difference so far."""

    at: datetime
    people: int
    difference: Difference


@dataclass(frozen=True)
class Comparison:
    """One arm against the control; each person is in one of them.

    Attributes:
        control, arm: their names.
        accepted: of all who asked, so many more were accepted.
        failed: of all who asked, so many more got no answer for a provider failed.
        p50, p95: between what seconds these percentiles lie, the control's first.
        not_accepted, attacks_accepted: likewise of labelled people, where there are any.
        looks: how ``accepted`` came about.
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

    CLAIMS = 6
    """How many statements are made about it."""

    @classmethod
    def of(cls, names: tuple[str, str], tallies: tuple[Tally, Tally], alpha: float) -> Comparison:
        one, two = tallies
        ordered = sorted(one.seconds), sorted(two.seconds)

        def percentile(level: float) -> tuple[Interval, Interval]:
            low, high = (quantile(each, level, alpha / 2) for each in ordered)
            return low, high

        def people(which: Outcome) -> Difference:
            code = OUTCOMES.index(which)
            counts = [(each.people.codes.count(code), len(each.people)) for each in tallies]
            return Difference.of(counts[0], counts[1], alpha)

        mine, theirs = one.labelled, two.labelled
        return cls(
            *names,
            accepted=people(Outcome.ACCEPT),
            failed=people(Outcome.FAILED),
            p50=percentile(0.5),
            p95=percentile(0.95),
            not_accepted=Difference.of(
                (mine.not_accepted, mine.genuine), (theirs.not_accepted, theirs.genuine), alpha
            ),
            attacks_accepted=Difference.of(
                (mine.accepted, mine.attacks), (theirs.accepted, theirs.attacks), alpha
            ),
            looks=[
                Look(at, first[1] + second[1], Difference.of(first, second, alpha))
                for at, first, second in _looks(
                    (one.people, OUTCOMES.index(Outcome.ACCEPT)),
                    (two.people, OUTCOMES.index(Outcome.ACCEPT)),
                )
            ],
        )


@dataclass(frozen=True)
class Pairing:
    """What a candidate said to requests that the primary had answered.

    Attributes:
        primary: who answered the callers.
        candidate: who was asked in the shadow.
        pairs: requests that both were asked, the first of every subject.
        answered: those that both answered; everything below is about these.
        agreed: those with the same decision.
        table: how often which outcomes came together.
        gained: accepted by the candidate alone.
        lost: accepted by the primary alone.
        mcnemar_p: exact, for one look, that both ways are as likely.
        always_p: likewise, at all looks together.
        accepted: so many more are accepted by the candidate.
        right: among genuine people, (gained, lost); and among attacks, (lost, gained).
        looks: how ``accepted`` came about.
        disagreed: how many decisions differ; ``cases`` are the latest of them.
        orphans: shadows whose primary is not in the data.
        lineages: of the primary's answers.
    """

    primary: str
    candidate: str
    pairs: int
    answered: int
    agreed: Share
    table: Sequence[tuple[Outcome, Outcome, int]]
    gained: int
    lost: int
    mcnemar_p: float
    always_p: float
    accepted: Difference
    right: tuple[tuple[int, int], tuple[int, int]]
    looks: Sequence[Look]
    disagreed: int
    cases: Sequence[Case]
    orphans: int
    lineages: Sequence[str]

    CLAIMS = 4
    """How many statements are made about it: direction, size, and who is right about whom."""

    @classmethod
    def of(cls, candidate: str, pairs: Pairs, alpha: float) -> Pairing:
        codes, label = pairs.course.codes, pairs.labelled
        answered = len(codes)
        counts = codes.count(Pairs.GAINED), codes.count(Pairs.LOST)

        def so_far(gained: int, lost: int, answered: int) -> Difference:
            value = (gained - lost) / answered if answered else 0.0
            span = paired_difference(gained, lost, answered - gained - lost, alpha)
            if always_p(gained, lost) > alpha:
                return Difference(value, span)
            # The direction is known sooner than the size.
            return Difference(value, span.above(0) if gained > lost else span.below(0))

        return cls(
            primary=" or ".join(sorted(pairs.primaries)),
            candidate=candidate,
            pairs=pairs.table.total(),
            answered=answered,
            agreed=Share.of(answered - pairs.disagreed, answered),
            table=[(one, two, count) for (one, two), count in sorted(pairs.table.items())],
            gained=counts[0],
            lost=counts[1],
            mcnemar_p=mcnemar(*counts),
            always_p=always_p(*counts),
            accepted=so_far(*counts, answered),
            right=(
                (label[True, Pairs.GAINED], label[True, Pairs.LOST]),
                (label[False, Pairs.LOST], label[False, Pairs.GAINED]),
            ),
            looks=[
                Look(at, total, so_far(gained, lost, total))
                for at, (gained, total), (lost, _) in _looks(
                    (pairs.course, Pairs.GAINED), (pairs.course, Pairs.LOST)
                )
            ],
            disagreed=pairs.disagreed,
            cases=list(pairs.cases),
            orphans=pairs.orphans,
            lineages=sorted(pairs.lineages),
        )


_Seen = tuple[int, int]
"""How many of a kind there were so far, and how many in all."""


def _looks(
    one: tuple[Course, int], two: tuple[Course, int]
) -> Iterator[tuple[datetime, _Seen, _Seen]]:
    """What of each was seen by evenly spaced moments; each is a course and what to count in it."""
    times = [time for course, _ in (one, two) for time in course.times]
    if not times:
        return
    start, end = min(times), max(times)
    moments = [start + (end - start) * step / _LOOKS for step in range(1, _LOOKS)] + [end]
    for at, first, second in zip(moments, _seen(*one, moments), _seen(*two, moments), strict=True):
        yield datetime.fromtimestamp(at, UTC), first, second


def _seen(course: Course, code: int, moments: Sequence[float]) -> Iterator[_Seen]:
    ordered = sorted(zip(course.times, course.codes, strict=True))
    count = total = 0
    for moment in moments:
        while total < len(ordered) and ordered[total][0] <= moment:
            count += ordered[total][1] == code
            total += 1
        yield count, total
