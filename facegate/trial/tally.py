"""Counting a trial's requests as they are read, one by one."""

from __future__ import annotations

from array import array
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from facegate import errors
from facegate.errors import FacegateError, Fault
from facegate.journal.rows import Row
from facegate.model import Decision

CASES = 200
"""Most disagreements that are listed, the latest."""
_NOBODY = "nobody"
"""Was asked where a candidate failed before it got to a provider."""
_PENDING = 20_000
"""Requests that may lie between an answer and what its shadow came to."""


class Outcome(StrEnum):
    """What somebody who asked got; together these are everything that can happen."""

    ACCEPT = "accept"
    REVIEW = "review"
    REJECT = "reject"
    REFUSED = "refused"
    """There is no answer, for the picture or the request was no good."""
    FAILED = "failed"
    """There is no answer, for a provider or its operator failed."""


OUTCOMES = tuple(Outcome)
DECIDED = frozenset({Outcome.ACCEPT, Outcome.REVIEW, Outcome.REJECT})


def outcome(row: Row) -> Outcome:
    """What a request came to."""
    if row.decision is not None:
        return Outcome(row.decision)
    kind = getattr(errors, row.error_code or "", FacegateError)
    return Outcome.REFUSED if kind.fault is Fault.CALLER else Outcome.FAILED


@dataclass
class Course:
    """What happened to one after the other."""

    times: array[float] = field(default_factory=lambda: array("d"))
    codes: bytearray = field(default_factory=bytearray)

    def add(self, at: datetime, code: int) -> None:
        self.times.append(at.timestamp())
        self.codes.append(code)

    def __len__(self) -> int:
        return len(self.codes)


@dataclass
class Labelled:
    """What was found out later about people who got an answer.

    Attributes:
        genuine: how many were who they claimed to be.
        not_accepted: of these, so many were rejected or left to review.
        attacks: how many were impostors or presentation attacks.
        accepted: of these, so many were accepted.
    """

    genuine: int = 0
    not_accepted: int = 0
    attacks: int = 0
    accepted: int = 0

    def add(self, decision: Decision, *, genuine: bool) -> None:
        accepted = decision is Decision.ACCEPT
        if genuine:
            self.genuine += 1
            self.not_accepted += not accepted
        else:
            self.attacks += 1
            self.accepted += accepted


@dataclass
class Tally:
    """What one arm, or one candidate in the shadow, came to.

    Attributes:
        people: outcome of the first request of every subject, in order.
        seconds: of every request that was answered.
        errors: of all requests, by class.
        cost: of the requests whose cost is known, and ``priced`` how many these are.
        providers: who answered, or was asked last.
        operations: what was asked.
    """

    requests: int = 0
    people: Course = field(default_factory=Course)
    seconds: array[float] = field(default_factory=lambda: array("d"))
    errors: Counter[str] = field(default_factory=Counter)
    cost: float = 0.0
    priced: int = 0
    providers: Counter[str] = field(default_factory=Counter)
    lineages: set[str] = field(default_factory=set)
    operations: Counter[str] = field(default_factory=Counter)
    labelled: Labelled = field(default_factory=Labelled)

    def add(self, row: Row) -> None:
        self.requests += 1
        self.operations[row.operation] += 1
        if row.provider:
            self.providers[row.provider] += 1
            self.lineages.add(row.lineage)
        if row.decision is not None:
            self.seconds.append(row.seconds)
        else:
            self.errors[row.error_code or "unknown"] += 1
        if row.cost is not None:
            self.cost += row.cost
            self.priced += 1


@dataclass(frozen=True)
class Case:
    """One request on which two providers disagreed; scores are each on its provider's scale."""

    at: datetime
    request_id: str
    operation: str
    primary: Outcome
    candidate: Outcome
    primary_score: float | None
    candidate_score: float | None
    genuine: bool | None


@dataclass
class Pairs:
    """What primary and candidate said to the same requests, the first of every subject.

    Attributes:
        table: how often which outcomes came together, the primary's first.
        course: of pairs where both answered: ``AGREED``, ``GAINED`` or ``LOST``.
        labelled: likewise, by whether the person was found to be genuine.
        disagreed: pairs with different decisions.
        cases: the latest of these.
        orphans: shadows whose primary was not read.
        primaries: who answered the caller.
        lineages: of these.
    """

    AGREED, GAINED, LOST = range(3)

    table: Counter[tuple[Outcome, Outcome]] = field(default_factory=Counter)
    course: Course = field(default_factory=Course)
    labelled: Counter[tuple[bool, int]] = field(default_factory=Counter)
    disagreed: int = 0
    cases: deque[Case] = field(default_factory=lambda: deque(maxlen=CASES))
    orphans: int = 0
    primaries: Counter[str] = field(default_factory=Counter)
    lineages: set[str] = field(default_factory=set)

    def add(self, primary: Row, shadow: Row) -> None:
        found = outcome(primary), outcome(shadow)
        self.table[found] += 1
        self.primaries[primary.provider] += 1
        self.lineages.add(primary.lineage)
        if not DECIDED.issuperset(found):
            return
        one, two = (each is Outcome.ACCEPT for each in found)
        code = self.AGREED if one == two else self.GAINED if two else self.LOST
        self.course.add(primary.at, code)
        truth = genuine(primary)
        if truth is not None:
            self.labelled[truth, code] += 1
        if found[0] is not found[1]:
            self.disagreed += 1
            scores = _score(primary), _score(shadow)
            asked = primary.at, primary.request_id, primary.operation
            self.cases.append(Case(*asked, *found, *scores, truth))


@dataclass
class Counts:
    """Everything that the report is made of; rows are read once and not kept.

    Requests of one person are not independent, so of every subject the first request counts where
    people are compared; what all requests came to is counted beside it. Memory grows by some 200
    bytes a subject and 20 a request.

    Attributes:
        rows: how many were read.
        first, last: when the earliest and the latest of them began.
        arms: by name; None for requests that got to no arm.
        shadows: by the candidate's name.
        pairs: likewise.
        nameless: requests about nobody in particular: each counts as a person.
        moved: requests in another arm than the subject's first.
        judged_by_caller: requests whose callers decided for themselves: they count for time and
            cost, and in no share of anything.
    """

    rows: int = 0
    first: datetime | None = None
    last: datetime | None = None
    arms: defaultdict[str | None, Tally] = field(default_factory=lambda: defaultdict(Tally))
    shadows: defaultdict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    pairs: defaultdict[str, Pairs] = field(default_factory=lambda: defaultdict(Pairs))
    nameless: int = 0
    moved: int = 0
    judged_by_caller: int = 0
    _arm_of: dict[str | None, str | None] = field(default_factory=dict)
    _seen: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    _pending: OrderedDict[str, Row] = field(default_factory=OrderedDict)

    @classmethod
    def of(cls, rows: Iterable[Row]) -> Counts:
        """Count them all; a shadow comes after its primary."""
        counts = cls()
        for row in rows:
            counts.add(row)
        return counts

    def add(self, row: Row) -> None:
        self.rows += 1
        self.first = min(self.first or row.at, row.at)
        self.last = max(self.last or row.at, row.at)
        if row.shadow:
            self._add_shadow(row)
            return
        tally = self.arms[row.arm]
        tally.add(row)
        if row.judged_by_caller:
            self.judged_by_caller += 1
            return
        if row.subject not in self._arm_of:
            tally.people.add(row.at, OUTCOMES.index(outcome(row)))
        if row.subject is None:
            self.nameless += 1
        else:
            self.moved += self._arm_of.setdefault(row.subject, row.arm) != row.arm
        self._add_label(tally, row, row)
        self._pending[row.request_id] = row
        if len(self._pending) > _PENDING:
            self._pending.popitem(last=False)

    def _add_shadow(self, row: Row) -> None:
        candidate = row.provider or _NOBODY
        tally = self.shadows[candidate]
        tally.add(row)
        if row.judged_by_caller:
            return
        pairs = self.pairs[candidate]
        primary = self._pending.pop(row.request_id, None)
        if primary is None:
            pairs.orphans += 1
            return
        self._add_label(tally, row, primary)
        if self._new(row, f"shadow {candidate}"):
            tally.people.add(row.at, OUTCOMES.index(outcome(row)))
            pairs.add(primary, row)

    def _add_label(self, tally: Tally, row: Row, known: Row) -> None:
        """Count an answer by what is known of the request."""
        truth = genuine(known)
        if truth is None or row.decision is None:
            return
        if self._new(row, f"labelled {row.provider}" if row.shadow else "labelled"):
            tally.labelled.add(row.decision, genuine=truth)

    def _new(self, row: Row, where: str) -> bool:
        """Whether it is the subject's first there; from now on it is not."""
        if row.subject is None:
            return True
        seen = self._seen[where]
        known = row.subject in seen
        seen.add(row.subject)
        return not known


def genuine(row: Row) -> bool | None:
    """Whether it was the claimed person, alive; None where that was not found out."""
    return False if row.spoof else row.genuine


def _score(row: Row) -> float | None:
    return row.match_score if row.match_score is not None else row.liveness_score
