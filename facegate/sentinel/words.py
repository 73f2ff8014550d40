"""The standing of a provider in words, and as data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from facegate.sentinel.judging import Period
from facegate.sentinel.materiality import Materiality
from facegate.sentinel.round import Part, Round
from facegate.sentinel.sentinel import Standing

_SHOWN = 5
"""Changes that are written out; of the rest, only the number."""


def sentences(standing: Standing, every: timedelta) -> Iterator[str]:
    """What there is to say of a provider that is to be asked every so often, a line each."""
    name, period = standing.provider, standing.period
    if period is None:
        yield f"{name}: no baseline yet; take one with `facegate sentinel baseline {name}`"
        return
    watched = [each for each in period.rounds if each.part is not Part.BASELINE]
    exact = "repeats itself exactly" if period.is_exact else "is noisy"
    alarm = standing.alarm
    state = f"CHANGED by {standing.changed}" if standing.changed else "nothing changed"
    yield (
        f"{name}: {state}; {len(watched)} rounds since {period.rounds[0].at[:10]},"
        f" {len(period.baseline)} of baseline before, in which it {exact}"
    )
    if alarm is not None:
        yield from (f"- {each}" for each in alarm.changes[:_SHOWN])
        if len(alarm.changes) > _SHOWN:
            yield f"- and {len(alarm.changes) - _SHOWN} more"
        if alarm.materiality is not None:
            yield from _material(alarm.materiality)
        yield f"- go on with it as it is now: facegate sentinel accept {name} --reason ..."
    elif watched and watched[-1].judgement.doubts:
        yield from (f"- not yet certain: {each}" for each in watched[-1].judgement.doubts[:_SHOWN])
    if standing.overdue(every):
        last = period.rounds[-1].at[:19]
        yield f"- OVERDUE: the last round was at {last}Z; does anything run them?"
    if watched and watched[-1].failed:
        of = len(watched[-1].seen) + len(watched[-1].failed)
        yield f"- the last round is not whole: no answer to {len(watched[-1].failed)} of {of}"
    if not period.is_exact and period.evidence:
        yield f"- evidence of a change: {period.evidence:,.1f}"
    if cost := sum(each.cost or 0.0 for period in standing.periods for each in period.rounds):
        yield f"- cost so far: {cost:,.2f}"


def as_data(standing: Standing) -> dict[str, Any]:
    """The standing as JSON-ready data."""
    return {
        "provider": standing.provider,
        "changed": standing.changed,
        "due": _moment(standing.due),
        "last": standing.period.rounds[-1].at if standing.period else None,
        "periods": [_period(each) for each in standing.periods],
    }


def _period(period: Period) -> dict[str, Any]:
    first = period.rounds[0]
    watched = [each for each in period.rounds if each.part is not Part.BASELINE]
    return {
        "began": first.at,
        "reason": first.reason,
        "exact": period.is_exact,
        "baseline_rounds": len(period.baseline),
        "changed": period.changed,
        "evidence": None if period.is_exact else period.evidence,
        "rounds": [_round(each) for each in watched],
    }


def _round(each: Round) -> dict[str, Any]:
    judged = each.judgement
    return {
        "at": each.at,
        "part": str(each.part),
        "answered": len(each.seen),
        "failed": dict(each.failed),
        "engines": dict(each.engines),
        "changes": list(judged.changes),
        "doubts": list(judged.doubts),
        "p": judged.p,
        "evidence": judged.evidence,
        "materiality": judged.materiality and judged.materiality.as_data(),
        "seconds": each.seconds,
        "cost": each.cost,
    }


def _material(found: Materiality) -> Iterator[str]:
    moved = f"{found.moved} of {found.compared} scores moved"
    if found.largest is not None and found.moved:
        moved += f", by at most {found.largest:.4g}"
    yield f"- {found.verdict}: {moved}, {_count(found.otherwise)} decided otherwise"
    if found.fmr_before is not None and found.fmr_after is not None:
        yield (
            f"- false match rate at the threshold: {found.fmr_before:.2g} before,"
            f" {found.fmr_after:.2g} if strangers' scores moved as the canaries' did"
        )


def _count(names: Sequence[str]) -> str:
    return f"{len(names)} ({', '.join(names[:_SHOWN])})" if names else "none"


def _moment(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
