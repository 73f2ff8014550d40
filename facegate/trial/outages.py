"""Outages within a trial: failures that lie so close together that they are one event.

The figures of a trial take failures for what happens to one person now and then, independently of
the next. An outage is one event, however many people it met, and whom it met is chance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime

from facegate.trial.tally import OUTCOMES, RequestOutcome, Timeline

_LEAST = 20
"""Failures below which nothing is called an outage."""
_HALF = 0.5
"""The share of an arm's failures that lie within it, at least."""
_GAP = 5
"""People in a row who got an answer within it, at most."""
_SHORT = 0.1
"""The share of the arm's time that it lasts, at most."""
_DENSE = 0.5
"""The share of the arm's people who failed while it lasted, at least."""
_FAILED = OUTCOMES.index(RequestOutcome.FAILED)


@dataclass(frozen=True)
class Outage:
    """An outage of one arm.

    Attributes:
        arm: its name.
        failed: people whom it left without an answer.
        of: people whom the arm left without an answer at any time.
        first: moment of the first of these failures, in UTC.
        last: moment of the last.
    """

    arm: str
    failed: int
    of: int
    first: datetime
    last: datetime

    @property
    def seconds(self) -> float:
        """Seconds from the first failure to the last."""
        return (self.last - self.first).total_seconds()

    @classmethod
    def of_arm(cls, arm: str, people: Timeline) -> Outage | None:
        """The outage that half of an arm's failures or more belong to; None for none."""
        asked = sorted(zip(people.times, people.codes, strict=True))
        failures = [place for place, (_, code) in enumerate(asked) if code == _FAILED]
        if len(failures) < _LEAST:
            return None
        half = math.ceil(_HALF * len(failures))
        spans = list(zip(failures, failures[half - 1 :], strict=False))
        first, last = min(spans, key=lambda span: asked[span[1]][0] - asked[span[0]][0])
        for place in failures[failures.index(last) :]:
            last = place if place - last <= _GAP + 1 else last
        for place in reversed(failures[: failures.index(first)]):
            first = place if first - place <= _GAP + 1 else first
        met = [code for _, code in asked[first : last + 1]].count(_FAILED)
        begins, ends = asked[first][0], asked[last][0]
        whole = asked[-1][0] - asked[0][0]
        if ends - begins > _SHORT * whole or met < _DENSE * (last + 1 - first):
            return None
        moments = (datetime.fromtimestamp(each, UTC) for each in (begins, ends))
        return cls(arm, met, len(failures), *moments)

    def without(self, people: Timeline, outcome: RequestOutcome) -> tuple[int, int]:
        """People of an arm who had that outcome, and all, but for those who came meanwhile."""
        first, last = self.first.timestamp(), self.last.timestamp()
        asked = zip(people.times, people.codes, strict=True)
        left = [code for at, code in asked if not first <= at <= last]
        return left.count(OUTCOMES.index(outcome)), len(left)
