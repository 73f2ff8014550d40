"""A whole trial, and how it is written for machines."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from typing import Any

from facegate.errors import InvalidRequest
from facegate.journal.rows import Row
from facegate.trial.arms import ALPHA, Arm
from facegate.trial.comparisons import Comparison, Pairing
from facegate.trial.statistics import ratio_p
from facegate.trial.tally import Counts

MARGIN = 0.02
"""Differences of shares up to this are taken for none."""
RATIO_P = 0.001
"""A split that is less likely than this is held to be broken."""


@dataclass(frozen=True)
class Ratio:
    """Whether people were split as configured.

    Attributes:
        people: in each arm that has a weight.
        expected: likewise, by the weights.
        p: how likely a split as uneven is by chance, by chi-square or exactly.
    """

    people: Mapping[str, int]
    expected: Mapping[str, float]
    p: float

    @property
    def broken(self) -> bool:
        """Whether chance alone hardly does this."""
        return self.p < RATIO_P

    @classmethod
    def of(cls, people: Mapping[str, int], weights: Mapping[str, float]) -> Ratio | None:
        """None where an arm has no weight."""
        whole, total = sum(weights.values()), sum(people.values())
        if not people.keys() <= weights.keys() or not whole:
            return None
        expected = {arm: total * weight / whole for arm, weight in weights.items()}
        counts = {arm: people.get(arm, 0) for arm in weights}
        return cls(counts, expected, ratio_p(counts, weights))


@dataclass(frozen=True)
class Trial:
    """What a route's requests came to.

    Attributes:
        route: its name.
        first, last: when the earliest and the latest request began, in UTC.
        rows: how many records were read.
        margin: differences of shares up to this are taken for none.
        claims: statements made about the comparisons and pairings below. All of them together are
            wrong in 5 % of trials at most, at all looks together.
        arms: of the split, or the route as one; the control comes first.
        shadows: candidates that answered in the background.
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
    arms: Sequence[Arm]
    shadows: Sequence[Arm]
    unassigned: int
    nameless: int
    moved: int
    judged_by_caller: int
    ratio: Ratio | None
    comparisons: Sequence[Comparison]
    pairings: Sequence[Pairing]

    @classmethod
    def of(
        cls,
        route: str,
        rows: Iterable[Row],
        *,
        weights: Mapping[str, float] | None = None,
        control: str | None = None,
        margin: float = MARGIN,
    ) -> Trial:
        """Work it out from its records, which are read once.

        Args:
            route: whose requests these are.
            rows: what the journal tells, a shadow after its primary.
            weights: of the arms, as configured while these requests were made.
            control: the arm that others are held against; if absent the heaviest, or without
                weights the fullest.
            margin: differences of shares up to this are taken for none, 0..1.

        Raises:
            InvalidRequest: there are no requests, or no such control.
        """
        counts = Counts.of(rows)
        if counts.first is None or counts.last is None:
            raise InvalidRequest(f"the journal tells of no requests on {route!r} in this time")
        tallies = {name: tally for name, tally in counts.arms.items() if name is not None}
        lone = counts.arms.get(None)
        unassigned = lone.requests if lone and tallies else 0
        if not tallies and lone:
            tallies = {route: lone}
        people = {name: len(tally.people) for name, tally in tallies.items()}
        heavy = weights or people
        names = [name for name in {**heavy, **people} if name in people]
        names.sort(key=lambda name: -heavy.get(name, 0))
        if control is not None:
            if control not in tallies:
                raise InvalidRequest(f"nobody was in {control!r}, only in {', '.join(names)}")
            names.sort(key=lambda name: name != control)
        others = names[1:]
        claims = len(others) * Comparison.CLAIMS + len(counts.pairs) * Pairing.CLAIMS
        alpha = ALPHA / max(claims, 1)
        return cls(
            route=route,
            first=counts.first,
            last=counts.last,
            rows=counts.rows,
            margin=margin,
            claims=claims,
            arms=[Arm.of(name, tallies[name]) for name in names],
            shadows=[Arm.of(name, each, shadow=True) for name, each in counts.shadows.items()],
            unassigned=unassigned,
            nameless=counts.nameless,
            moved=counts.moved,
            judged_by_caller=counts.judged_by_caller,
            ratio=Ratio.of(people, weights) if weights else None,
            comparisons=[
                Comparison.of((names[0], other), (tallies[names[0]], tallies[other]), alpha)
                for other in others
            ],
            pairings=[Pairing.of(name, pairs, alpha) for name, pairs in counts.pairs.items()],
        )

    @property
    def alpha(self) -> float:
        """How often each of the claims may be wrong."""
        return ALPHA / max(self.claims, 1)

    def arm(self, name: str) -> Arm:
        """The arm or candidate of that name."""
        return next(each for each in (*self.arms, *self.shadows) if each.name == name)


def plain(value: Any) -> Any:
    """JSON-ready data; what is infinite or unknown is null."""
    if is_dataclass(value):
        value = {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, datetime):
        value = value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        value = None
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [plain(each) for each in value]
    return value
