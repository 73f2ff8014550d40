"""Trials whose truth is known: what a journal would tell of them."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from facegate.journal.rows import RequestRow
from facegate.model import Billed, Decision, Operation

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
REFUSED, FAILED = "CaptureRejected", "ProviderTimeout"


@dataclass(frozen=True)
class Vendor:
    """How a vendor behaves: chances of what a first request comes to, the rest is rejected.

    ``right`` is the chance of a right decision where the truth is known; with it, ``accept`` and
    ``review`` do not count.
    """

    name: str
    lineage: str = ""
    accept: float = 0.9
    review: float = 0.03
    refused: float = 0.02
    failed: float = 0.01
    seconds: float = 0.4
    cost: float | None = 0.05
    right: float | None = None


@dataclass(frozen=True)
class Plan:
    """A trial to be simulated.

    ``lost`` is the chance that a bug loses the requests of a person in the last arm, ``again`` that
    somebody who was not accepted comes back, ``copied`` that the candidate in the shadow decides as
    the primary did, ``labelled`` that the truth about somebody comes out.
    """

    people: int
    arms: Mapping[Vendor, float]
    lost: float = 0.0
    again: float = 0.5
    shadow: Vendor | None = None
    sample: float = 0.2
    copied: float = 0.95
    labelled: float = 0.0
    attacks: float = 0.1
    days: float = 14.0


def requests(plan: Plan, seed: int = 1) -> Iterator[RequestRow]:
    """The rows, in order of time."""
    dice = random.Random(seed)
    vendors = list(plan.arms)
    for person in range(plan.people):
        vendor = dice.choices(vendors, list(plan.arms.values()))[0]
        at = START + timedelta(days=plan.days * person / plan.people)
        if vendor is vendors[-1] and dice.random() < plan.lost:
            continue
        truth = dice.random() >= plan.attacks if dice.random() < plan.labelled else None
        for attempt in range(3):
            asked = at + timedelta(minutes=attempt)
            row = _answered(dice, vendor, truth, f"r{person}-{attempt}", f"s{person:x}", asked)
            row = replace(row, arm=vendor.name if len(vendors) > 1 else None)
            yield row
            if plan.shadow and dice.random() < plan.sample:
                yield _shadowed(dice, plan, row, truth)
            if row.decision is Decision.ACCEPT or dice.random() >= plan.again:
                break


def _answered(  # noqa: PLR0917
    dice: random.Random,
    vendor: Vendor,
    truth: bool | None,  # noqa: FBT001
    request: str,
    subject: str,
    at: datetime,
) -> RequestRow:
    decision, error = _drawn(dice, vendor, truth)
    timed_out = error == FAILED
    score = {Decision.ACCEPT: 0.9, Decision.REVIEW: 0.6, Decision.REJECT: 0.2}
    return RequestRow(
        at=at,
        request_id=request,
        subject=subject,
        route="kyc",
        arm=None,
        shadow=False,
        provider=vendor.name,
        lineage=vendor.lineage or vendor.name,
        operation=Operation.COMPARE,
        decision=decision,
        match_score=score[decision] + dice.random() / 10 if decision else None,
        liveness_score=None,
        error_code=error,
        seconds=8.0 if timed_out else vendor.seconds * dice.lognormvariate(0, 0.35),
        attempts=1,
        billed=Billed.MAYBE if timed_out else Billed.YES if decision else Billed.NO,
        cost=None if vendor.cost is None else vendor.cost if decision or timed_out else 0.0,
        genuine=truth,
    )


def _drawn(
    dice: random.Random,
    vendor: Vendor,
    truth: bool | None,  # noqa: FBT001
) -> tuple[Decision | None, str | None]:
    drawn = dice.random()
    if drawn < vendor.failed:
        return None, FAILED
    if drawn < vendor.failed + vendor.refused:
        return None, REFUSED
    if truth is not None and vendor.right is not None:
        accept = truth == (dice.random() < vendor.right)
        return (Decision.ACCEPT if accept else Decision.REJECT), None
    drawn = dice.random()
    if drawn < vendor.accept:
        return Decision.ACCEPT, None
    return (Decision.REVIEW if drawn < vendor.accept + vendor.review else Decision.REJECT), None


def _shadowed(
    dice: random.Random,
    plan: Plan,
    row: RequestRow,
    truth: bool | None,  # noqa: FBT001
) -> RequestRow:
    assert plan.shadow
    assert row.subject
    own = _answered(dice, plan.shadow, truth, row.request_id, row.subject, row.at)
    if row.decision and own.decision and dice.random() < plan.copied:
        own = replace(own, decision=row.decision)
    return replace(own, shadow=True)
