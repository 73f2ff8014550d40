"""Evaluations as data for machines: every rate with its bounds beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, Final

from facegate.evaluation.analyses import Attacks
from facegate.evaluation.results import AtThreshold, Rate
from facegate.figures.data import plain

WORST: Final = "worst"
"""The key of the worst species' figures, beside those of each by its name."""


def as_data(value: Any) -> Any:
    """JSON-ready data of an evaluation, or of any part of one.

    A rate ``fmr`` becomes ``fmr``, ``fmr_low``, ``fmr_high``, ``fmr_low_naive`` and so on, each
    beside the other. Attacks are by species, and ``worst`` has those of the worst.
    """
    match value:
        case Rate():
            return _rate("share", value)
        case Attacks():
            species = {each.name: as_data(each) for each in value.species}
            return {**species, WORST: species.get(value.worst or "")}
        case Mapping():
            return {str(key): as_data(each) for key, each in value.items()}
        case Sequence() if not isinstance(value, str):
            return [as_data(each) for each in value]
    if not is_dataclass(value):
        return plain(value)
    found = _members(value, [field.name for field in fields(value)])
    if isinstance(value, AtThreshold):
        found["support"] = str(value.support)
    return found


def bona_fide(attacks: Attacks) -> dict[str, Any]:
    """The figures of living people among attacks, which are of no species."""
    own = ("threshold", "bpcer", "bpnrr", "worst_bpcer_at")
    return {"presentations": attacks.bona_fide, **_members(attacks, own)}


def _members(value: Any, names: Iterable[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in names:
        member = getattr(value, name)
        found |= _rate(name, member) if isinstance(member, Rate) else {name: as_data(member)}
    return found


def _rate(name: str, rate: Rate) -> dict[str, Any]:
    low, high = rate.interval or (None, None)
    return {
        name: rate.share,
        f"{name}_low": low,
        f"{name}_high": high,
        f"{name}_low_naive": rate.naive.low,
        f"{name}_high_naive": rate.naive.high,
        f"{name}_errors": rate.errors,
        f"{name}_trials": rate.trials,
        f"{name}_independent": rate.independent,
        f"{name}_bound_if_independent": rate.bound_if_independent,
        f"{name}_bound_guaranteed": rate.bound_guaranteed,
        f"{name}_people": rate.people,
        f"{name}_top_five": rate.top_five,
        f"{name}_support": str(rate.support),
    }
