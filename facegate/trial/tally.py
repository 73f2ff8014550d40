"""Counts of a trial's requests, taken as they are read, one by one."""

from __future__ import annotations

from array import array
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from facegate import errors
from facegate.errors import FacegateError, Fault
from facegate.journal.rows import RequestRow
from facegate.model import Decision

_LISTED = 200
"""Most disagreements that are listed, the latest."""
_NOBODY = "nobody"
"""The name of a candidate that failed before it got to a provider."""
_PENDING = 20_000
"""Requests that may lie between an answer and what its shadow came to."""


class RequestOutcome(StrEnum):
    """What a request came to, for the person; together these are everything that can happen."""

    ACCEPT = "accept"
    REVIEW = "review"
    REJECT = "reject"
    REFUSED = "refused"
    """No answer, for the picture or the request was no good."""
    FAILED = "failed"
    """No answer, for a provider or its operator failed."""


OUTCOMES = tuple(RequestOutcome)
"""All of them; a timeline holds their places in here."""
DECIDED = frozenset({RequestOutcome.ACCEPT, RequestOutcome.REVIEW, RequestOutcome.REJECT})


def outcome_of(row: RequestRow) -> RequestOutcome:
    """The outcome of a request."""
    if row.decision is not None:
        return RequestOutcome(row.decision)
    kind = getattr(errors, row.error_code or "", FacegateError)
    return RequestOutcome.REFUSED if kind.fault is Fault.CALLER else RequestOutcome.FAILED


@dataclass
class Timeline:
    """Events one after the other.

    Attributes:
        times: when each was, in seconds since 1970.
        codes: what each was, 0..255.
    """

    times: array[float] = field(default_factory=lambda: array("d"))
    codes: bytearray = field(default_factory=bytearray)

    def add(self, at: datetime, code: int) -> None:
        self.times.append(at.timestamp())
        self.codes.append(code)

    def count(self, code: int) -> int:
        """Events of a kind."""
        return self.codes.count(code)

    def __len__(self) -> int:
        return len(self.codes)


@dataclass
class LabelledCounts:
    """Counts of people who got an answer and of whom the truth came out later.

    Attributes:
        genuine: those who were who they claimed to be.
        not_accepted: genuine people who were rejected or left to review.
        attacks: impostors and presentation attacks.
        accepted: attacks that were accepted.
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
class ArmTally:
    """Counts of one arm, or of one candidate in the shadow.

    Attributes:
        requests: how many got there.
        people: outcome of the first request of every subject, as its place in ``OUTCOMES``.
        seconds: latency of every request that was answered.
        errors: failed requests, by class of error.
        cost: of the requests whose cost is known, in the operator's currency.
        priced: requests whose cost is known.
        providers: requests by who answered, or was asked last.
        lineages: matching engines of these providers.
        operations: requests by what was asked.
        labelled: decisions of which it is known whether they were right.
    """

    requests: int = 0
    people: Timeline = field(default_factory=Timeline)
    seconds: array[float] = field(default_factory=lambda: array("d"))
    errors: Counter[str] = field(default_factory=Counter)
    cost: float = 0.0
    priced: int = 0
    providers: Counter[str] = field(default_factory=Counter)
    lineages: set[str] = field(default_factory=set)
    operations: Counter[str] = field(default_factory=Counter)
    labelled: LabelledCounts = field(default_factory=LabelledCounts)

    def add(self, row: RequestRow) -> None:
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
class Disagreement:
    """One request that the primary and the candidate decided differently.

    Attributes:
        at: when it began, in UTC.
        request_id: its id in the journal.
        operation: what was asked.
        primary: outcome by the primary.
        candidate: outcome by the candidate.
        primary_score: on the primary's own scale; None where it gave none.
        candidate_score: on the candidate's own scale; None where it gave none.
        genuine: the claimed person, alive; None where that is not known.
    """

    at: datetime
    request_id: str
    operation: str
    primary: RequestOutcome
    candidate: RequestOutcome
    primary_score: float | None
    candidate_score: float | None
    genuine: bool | None


@dataclass
class PairTally:
    """Counts of requests that the primary and a candidate were both asked, the first of a subject.

    Attributes:
        table: requests by both outcomes, the primary's first.
        answered: those that both answered, as ``AGREED``, ``GAINED`` or ``LOST``: accepted by both
            or neither, by the candidate alone, by the primary alone.
        labelled: answered requests by whether the person was genuine, and by the same code.
        disagreed: answered requests with different decisions.
        cases: the latest of these.
        orphans: shadows whose primary was not read.
        primaries: requests by who answered the caller.
        lineages: matching engines of the primaries.
    """

    AGREED, GAINED, LOST = range(3)

    table: Counter[tuple[RequestOutcome, RequestOutcome]] = field(default_factory=Counter)
    answered: Timeline = field(default_factory=Timeline)
    labelled: Counter[tuple[bool, int]] = field(default_factory=Counter)
    disagreed: int = 0
    cases: deque[Disagreement] = field(default_factory=lambda: deque(maxlen=_LISTED))
    orphans: int = 0
    primaries: Counter[str] = field(default_factory=Counter)
    lineages: set[str] = field(default_factory=set)

    def add(self, primary: RequestRow, shadow: RequestRow) -> None:
        outcomes = outcome_of(primary), outcome_of(shadow)
        self.table[outcomes] += 1
        self.primaries[primary.provider] += 1
        self.lineages.add(primary.lineage)
        if not DECIDED.issuperset(outcomes):
            return
        one, two = (outcome is RequestOutcome.ACCEPT for outcome in outcomes)
        code = self.AGREED if one == two else self.GAINED if two else self.LOST
        self.answered.add(primary.at, code)
        truth = genuine(primary)
        if truth is not None:
            self.labelled[truth, code] += 1
        if outcomes[0] is not outcomes[1]:
            self.disagreed += 1
            request = primary.at, primary.request_id, primary.operation
            scores = _score(primary), _score(shadow)
            self.cases.append(Disagreement(*request, *outcomes, *scores, truth))


@dataclass
class TrialTally:
    """All counts that a report is made of; rows are read once and not kept.

    Requests of one person are not independent, so of every subject the first request counts where
    people are compared; what all requests came to is counted beside it. Memory grows by some 200
    bytes a subject and 20 a request.

    Attributes:
        rows: how many were read.
        first: when the earliest of them began, in UTC; None where there is none.
        last: when the latest of them began, in UTC; None where there is none.
        arms: counts by the arm's name; None for requests that got to no arm.
        shadows: counts by the candidate's name.
        pairs: counts beside the primary, by the candidate's name.
        nameless: requests about nobody in particular: each counts as a person.
        moved: requests in another arm than the subject's first.
        judged_by_caller: requests whose callers decided for themselves: they count for time and
            cost, and in no share of anything.
    """

    rows: int = 0
    first: datetime | None = None
    last: datetime | None = None
    arms: defaultdict[str | None, ArmTally] = field(default_factory=lambda: defaultdict(ArmTally))
    shadows: defaultdict[str, ArmTally] = field(default_factory=lambda: defaultdict(ArmTally))
    pairs: defaultdict[str, PairTally] = field(default_factory=lambda: defaultdict(PairTally))
    nameless: int = 0
    moved: int = 0
    judged_by_caller: int = 0
    _arm_of: dict[str | None, str | None] = field(default_factory=dict)
    _seen: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    _pending: OrderedDict[str, RequestRow] = field(default_factory=OrderedDict)

    @classmethod
    def of(cls, rows: Iterable[RequestRow]) -> TrialTally:
        """The counts of rows, in which a shadow comes after its primary."""
        tally = cls()
        for row in rows:
            tally.add(row)
        return tally

    def add(self, row: RequestRow) -> None:
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
            tally.people.add(row.at, OUTCOMES.index(outcome_of(row)))
        if row.subject is None:
            self.nameless += 1
        else:
            self.moved += self._arm_of.setdefault(row.subject, row.arm) != row.arm
        self._add_label(tally, row, row)
        self._pending[row.request_id] = row
        if len(self._pending) > _PENDING:
            self._pending.popitem(last=False)

    def _add_shadow(self, row: RequestRow) -> None:
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
            tally.people.add(row.at, OUTCOMES.index(outcome_of(row)))
            pairs.add(primary, row)

    def _add_label(self, tally: ArmTally, row: RequestRow, known: RequestRow) -> None:
        """Count an answer by the truth about its request, where ``known`` tells it."""
        truth = genuine(known)
        if truth is None or row.decision is None:
            return
        if self._new(row, f"labelled {row.provider}" if row.shadow else "labelled"):
            tally.labelled.add(row.decision, genuine=truth)

    def _new(self, row: RequestRow, where: str) -> bool:
        """Whether a request is the subject's first there; from now on none is."""
        if row.subject is None:
            return True
        seen = self._seen[where]
        known = row.subject in seen
        seen.add(row.subject)
        return not known


def genuine(row: RequestRow) -> bool | None:
    """Whether a request showed the claimed person, alive; None where that is not known."""
    return False if row.spoof else row.genuine


def _score(row: RequestRow) -> float | None:
    return row.match_score if row.match_score is not None else row.liveness_score
