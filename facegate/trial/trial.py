"""A whole trial."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from facegate.errors import InvalidRequest
from facegate.journal.rows import RequestRow
from facegate.trial.arms import ALPHA, ArmFigures
from facegate.trial.comparisons import Comparison, Pairing
from facegate.trial.ratio import SampleRatio
from facegate.trial.tally import ArmTally, TrialTally

MARGIN = 0.02
"""Differences of shares up to this are taken for none."""


@dataclass(frozen=True)
class Trial:
    """What a route's requests came to.

    Attributes:
        route: its name.
        first: when the earliest request began, in UTC.
        last: when the latest request began, in UTC.
        rows: how many records were read.
        margin: differences of shares up to this are taken for none, 0..1.
        claims: statements made about the comparisons and pairings below. All of them together are
            wrong in 5 % of trials at most, at all looks together.
        arms: figures of each arm, or of the route as one; the control comes first.
        shadows: figures of each candidate that answered in the background.
        unassigned: requests that failed before they got to an arm.
        nameless: requests about nobody in particular: each counts as a person.
        moved: requests that went to another arm than the subject's first.
        judged_by_caller: requests whose callers decided for themselves; they count for time and
            cost alone.
        ratio: whether people were split as configured; None where that is not known.
        comparisons: each arm against the control.
        pairings: each candidate against what it shadowed.
    """

    route: str
    first: datetime
    last: datetime
    rows: int
    margin: float
    claims: int
    arms: Sequence[ArmFigures]
    shadows: Sequence[ArmFigures]
    unassigned: int
    nameless: int
    moved: int
    judged_by_caller: int
    ratio: SampleRatio | None
    comparisons: Sequence[Comparison]
    pairings: Sequence[Pairing]

    @classmethod
    def of(
        cls,
        route: str,
        rows: Iterable[RequestRow],
        *,
        weights: Mapping[str, float] | None = None,
        control: str | None = None,
        margin: float = MARGIN,
    ) -> Trial:
        """The trial that records tell of; they are read once.

        Args:
            route: whose requests these are.
            rows: what the journal tells, a shadow after its primary.
            weights: of the arms, 0 or more, as configured while these requests were made.
            control: the arm that others are held against; if absent the heaviest, or without
                weights the fullest.
            margin: differences of shares up to this are taken for none, 0..1.

        Raises:
            InvalidRequest: there are no requests, or no such control.
        """
        counts = TrialTally.of(rows)
        if counts.first is None or counts.last is None:
            raise InvalidRequest(f"the journal tells of no requests on {route!r} in this time")
        tallies, unassigned = _assigned(counts, route)
        people = {name: len(tally.people) for name, tally in tallies.items()}
        first, *others = _ordered(people, weights, control)
        claims = len(others) * Comparison.CLAIMS + len(counts.pairs) * Pairing.CLAIMS
        alpha = ALPHA / max(claims, 1)
        return cls(
            route=route,
            first=counts.first,
            last=counts.last,
            rows=counts.rows,
            margin=margin,
            claims=claims,
            arms=[ArmFigures.of(name, tallies[name]) for name in (first, *others)],
            shadows=[
                ArmFigures.of(name, tally, shadow=True) for name, tally in counts.shadows.items()
            ],
            unassigned=unassigned,
            nameless=counts.nameless,
            moved=counts.moved,
            judged_by_caller=counts.judged_by_caller,
            ratio=SampleRatio.of(people, weights) if weights else None,
            comparisons=[
                Comparison.of((first, other), (tallies[first], tallies[other]), alpha)
                for other in others
            ],
            pairings=[Pairing.of(name, tally, alpha) for name, tally in counts.pairs.items()],
        )

    @property
    def alpha(self) -> float:
        """Probability that one of the claims is wrong, at most."""
        return ALPHA / max(self.claims, 1)

    def arm(self, name: str) -> ArmFigures:
        """The figures of the arm or candidate of that name, which there is."""
        return next(each for each in (*self.arms, *self.shadows) if each.name == name)


def _assigned(counts: TrialTally, route: str) -> tuple[dict[str, ArmTally], int]:
    """The counts of each arm, or of the route as one, and how many requests got to no arm."""
    tallies = {name: tally for name, tally in counts.arms.items() if name is not None}
    lone = counts.arms.get(None)
    if lone is None:
        return tallies, 0
    return (tallies, lone.requests) if tallies else ({route: lone}, 0)


def _ordered(
    people: Mapping[str, int], weights: Mapping[str, float] | None, control: str | None
) -> list[str]:
    """The arms, the control first and the heaviest after it.

    Raises:
        InvalidRequest: there is no such control.
    """
    heavy = weights or people
    names = [name for name in {**heavy, **people} if name in people]
    names.sort(key=lambda name: -heavy.get(name, 0))
    if control is not None:
        if control not in people:
            raise InvalidRequest(f"nobody was in {control!r}, only in {', '.join(names)}")
        names.sort(key=lambda name: name != control)
    return names
