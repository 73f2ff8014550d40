"""Reviews: the decisions that a person has to look at, who looks, and what they say.

A verdict never changes a decision: it is a record that follows it. Whoever wants to give one claims
the case first, for a while; a claim that has ended can be taken by somebody else. Until then the
reviewer may also undo the verdict, which is a record as well. Where four eyes are asked for, a
verdict counts once two reviewers gave the same, each on their own.

"Accepted by hand" is not the truth about a person: only what a reviewer says was *found* becomes a
label, and it is taken back together with the verdict.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, select, text, update

from facegate.errors import InvalidRequest
from facegate.journal.chain import Kind, Record
from facegate.journal.finding import label_of, review_of
from facegate.journal.lookup import CaseTaken, NotRecorded
from facegate.journal.reading import WHOLE, row_of
from facegate.journal.record import kept_text, stamp
from facegate.journal.rows import Act, Case, Found, LabelRow, ReviewRow, Verdict
from facegate.journal.schema import PRIMARIES, records, reviews
from facegate.journal.store import Store
from facegate.model import Operation

CLAIM_S = 900.0
"""Seconds that a claim lasts where nobody says otherwise."""
_SHOWN = 200
"""Most open cases that are listed."""
_LONGEST = 1000
"""Letters of a reason that are kept."""

_Labels = Mapping[str, bool]
_ATTACK: _Labels = {"spoof": True}
_TRUTHS: Mapping[Operation, Mapping[Found, _Labels]] = {
    Operation.COMPARE: {
        Found.GENUINE: {"genuine": True},
        Found.IMPOSTOR: {"genuine": False},
        Found.ATTACK: _ATTACK,
    },
    Operation.COMPARE_LIVE: {
        Found.GENUINE: {"genuine": True, "spoof": False},
        Found.IMPOSTOR: {"genuine": False},
        Found.ATTACK: _ATTACK,
    },
    Operation.LIVENESS: {Found.GENUINE: {"spoof": False}, Found.ATTACK: _ATTACK},
}
"""What is known of a request where a reviewer found something out."""


class Reviews:
    """The cases of a journal. All methods block; see :class:`~facegate.journal.Journal`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def open(self, needed: int, routes: Sequence[str] | None) -> list[Case]:
        """The cases on these routes that nobody has decided yet, the oldest first."""
        waiting = select(reviews.c.request_id).where(text("NOT done")).order_by(reviews.c.seq)
        if routes is not None:
            asked = records.c.seq == reviews.c.seq, records.c.route.in_(routes)
            waiting = waiting.where(select(records.c.seq).where(*asked).exists())
        with self._store.reading() as connection:
            ids = connection.scalars(waiting.limit(_SHOWN)).all()
            whole = WHOLE.where(records.c.request_id.in_(ids), PRIMARIES).order_by(records.c.seq)
            found = list(connection.execute(whole).mappings())
            acts = _acts(connection, ids)
        return [_case(each, acts[each["request_id"]], needed) for each in found]

    def claim(self, request_id: str, caller: str, seconds: float, needed: int) -> Case:
        """Claim a case, or go on claiming it."""
        with self._store.writing() as connection:
            case, acts = _found(connection, request_id, needed)
            if case.confirmations_left == 0:
                raise CaseTaken(f"the review of {request_id!r} is done")
            if caller in _standing(acts):
                raise CaseTaken(f"another person must confirm what you said of {request_id!r}")
            if case.claimed_by not in (None, caller):
                raise CaseTaken(f"somebody else looks at {request_id!r} until {case.claimed_until}")
            until = datetime.now(UTC) + timedelta(seconds=seconds)
            return self._act(
                connection,
                case,
                caller,
                Act.CLAIM,
                needed=needed,
                claim=(caller, until),
                until=until,
            )

    def release(self, request_id: str, caller: str, needed: int) -> Case:
        """Give a claimed case back."""
        with self._store.writing() as connection:
            case, _ = _found(connection, request_id, needed)
            _refuse_unclaimed(case, caller)
            return self._act(connection, case, caller, Act.RELEASE, needed=needed)

    def decide(
        self,
        request_id: str,
        caller: str,
        *,
        verdict: str,
        reason: str,
        found: str | None,
        needed: int,
    ) -> Case:
        """Decide a claimed case."""
        try:
            given, truth = Verdict(verdict), Found(found) if found else None
        except ValueError as error:
            raise InvalidRequest(str(error)) from None
        with self._store.writing() as connection:
            case, acts = _found(connection, request_id, needed)
            _refuse_unclaimed(case, caller)
            truths = _TRUTHS[case.decision.operation]
            if truth is not None and truth not in truths:
                raise InvalidRequest(f"in {case.decision.operation}, nobody is found {truth}")
            agreeing = [each for each in _standing(acts).values() if each.verdict is given]
            final = given if len(agreeing) + 1 >= needed else None
            founds = {each for each in (truth, *(each.found for each in agreeing)) if each}
            # Two who decide alike and disagree on what is true have found out nothing.
            known = next(iter(founds)) if len(founds) == 1 else None
            return self._act(
                connection,
                case,
                caller,
                Act.VERDICT,
                needed=needed,
                label=truths[known] if final and known else None,
                verdict=given,
                reason=kept_text(reason, _LONGEST),
                found=truth,
                until=case.claimed_until,
                final=final,
            )

    def undo(self, request_id: str, caller: str, needed: int) -> Case:
        """Take a verdict back, and what was found with it; the case is claimed as it was before."""
        with self._store.writing() as connection:
            case, acts = _found(connection, request_id, needed)
            standing = _standing(acts)
            mine = standing.pop(caller, None)
            if mine is None or mine.until is None or mine.until <= datetime.now(UTC):
                raise CaseTaken(f"there is no verdict of yours on {request_id!r} to undo any more")
            said = [each for each in acts if each.act in (Act.VERDICT, Act.UNDO)]
            before, final = said[-1].final, _final(standing.values(), needed)
            claim = (case.claimed_by, case.claimed_until)
            if final is None and case.claimed_by is None:
                claim = (caller, mine.until)
            withdrawn = _withdrawal(connection, request_id, acts) if before != final else None
            return self._act(
                connection,
                case,
                caller,
                Act.UNDO,
                needed=needed,
                claim=claim,
                label=withdrawn,
                final=final,
            )

    def _act(
        self,
        connection: Connection,
        case: Case,
        caller: str,
        act: Act,
        *,
        needed: int,
        claim: tuple[str | None, datetime | None] = (None, None),
        label: Mapping[str, Any] | None = None,
        **said: Any,
    ) -> Case:
        """Write down what a reviewer did, and what follows for the case and for the truth."""
        at, shared = stamp(datetime.now(UTC)), {"request_id": case.request_id, "caller": caller}
        detail = {"act": act, **{name: value for name, value in said.items() if value is not None}}
        kind = Kind.CLAIM if act in (Act.CLAIM, Act.RELEASE) else Kind.REVIEW
        batch = [Record(kind, at, shared | {"detail": json.dumps(detail, default=stamp)})]
        if label:
            batch.append(Record(Kind.LABEL, at, {**shared, **label}))
        self._store.extend(connection, batch)
        by, until = claim
        state: dict[str, Any] = {"claimed_by": by, "claimed_until": until and stamp(until)}
        if kind is Kind.REVIEW:
            state["done"] = said["final"] is not None
        connection.execute(
            update(reviews).where(reviews.c.request_id == case.request_id).values(state)
        )
        return _found(connection, case.request_id, needed)[0]


def _found(
    connection: Connection, request_id: str, needed: int
) -> tuple[Case, Sequence[ReviewRow]]:
    wanted = WHOLE.where(records.c.request_id == request_id, PRIMARIES)
    record = connection.execute(wanted).mappings().first()
    if record is None or record["done"] is None:
        raise NotRecorded(f"no request {request_id!r} that a person has to look at")
    acts = _acts(connection, [request_id])[request_id]
    return _case(record, acts, needed), acts


def _acts(connection: Connection, ids: Sequence[str]) -> dict[str, list[ReviewRow]]:
    wanted = select(records).where(records.c.request_id.in_(ids))
    wanted = wanted.where(records.c.kind.in_((Kind.CLAIM, Kind.REVIEW))).order_by(records.c.seq)
    acts: dict[str, list[ReviewRow]] = {each: [] for each in ids}
    for record in connection.execute(wanted).mappings():
        acts[record["request_id"]].append(review_of(record))
    return acts


def _case(record: RowMapping, acts: Sequence[ReviewRow], needed: int) -> Case:
    row, until = row_of(record), record["claimed_until"]
    ends = datetime.fromisoformat(until) if until else None
    claimed = ends is not None and ends > datetime.now(UTC)
    standing = list(_standing(acts).values())
    latest = standing[-1] if standing else None
    agreeing = sum(each.verdict is latest.verdict for each in standing) if latest else 0
    left = 0 if record["done"] else max(1, needed - agreeing)
    return Case(
        request_id=row.request_id,
        at=row.at,
        route=row.route,
        decision=row,
        claimed_by=record["claimed_by"] if claimed else None,
        claimed_until=ends if claimed else None,
        verdict=latest.verdict if latest else None,
        verdict_by=latest.caller if latest else None,
        verdict_until=latest.until if latest else None,
        reason=latest.reason if latest else None,
        confirmations_left=left if latest else None,
    )


def _standing(acts: Iterable[ReviewRow]) -> dict[str, ReviewRow]:
    """The verdicts that were not undone, by reviewer, the latest last."""
    standing: dict[str, ReviewRow] = {}
    for each in acts:
        if each.act is Act.VERDICT:
            standing[each.caller] = each
        elif each.act is Act.UNDO:
            standing.pop(each.caller, None)
    return standing


def _final(standing: Iterable[ReviewRow], needed: int) -> Verdict | None:
    """The verdict that enough reviewers gave; None where none was."""
    given = [each.verdict for each in standing]
    return next((each for each in Verdict if given.count(each) >= needed), None)


def _refuse_unclaimed(case: Case, caller: str) -> None:
    if case.claimed_by != caller:
        raise CaseTaken(f"claim {case.request_id!r} first")


def _withdrawal(
    connection: Connection, request_id: str, acts: Sequence[ReviewRow]
) -> dict[str, Any] | None:
    """A label that takes back the one of the verdict that counted; None where it had none."""
    verdict = next(each for each in reversed(acts) if each.act is Act.VERDICT and each.final)
    wanted = select(records).where(records.c.request_id == request_id, records.c.kind == Kind.LABEL)
    labels = [
        label_of(each) for each in connection.execute(wanted.order_by(records.c.seq)).mappings()
    ]
    others = [each for each in labels if (each.at, each.caller) != (verdict.at, verdict.caller)]
    if len(others) == len(labels):
        return None
    return {**_known(others), "detail": json.dumps({"withdrawn": True})}


def _known(labels: Iterable[LabelRow]) -> dict[str, bool | None]:
    genuine = spoof = None
    for each in labels:
        genuine = each.genuine if each.genuine is not None or each.withdraws else genuine
        spoof = each.spoof if each.spoof is not None or each.withdraws else spoof
    return {"genuine": genuine, "spoof": spoof}
