"""Profiles: limits that rates are held against."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from facegate.evaluation.analyses import Attacks, Compliance, Requirement, Verdict
from facegate.evaluation.intervals import one_sided
from facegate.evaluation.results import AtThreshold, Groups, Rate, Support
from facegate.evaluation.words import number
from facegate.figures.intervals import Interval


@dataclass(frozen=True, slots=True)
class Profile:
    """Limits of error rates.

    Attributes:
        name: as people call it.
        fmr: the most FMR, a share.
        fnmr: the most FNMR, a share.
        group_ratio: the most that a group's rate may be of the rate of all.
        iapar: the IAPAR of every species is below that, a share.
    """

    name: str
    fmr: float
    fnmr: float
    group_ratio: float
    iapar: float


PROFILES: Final[Mapping[str, Profile]] = {
    "nist-ial2": Profile("nist-ial2", fmr=1e-4, fnmr=1e-2, group_ratio=1.25, iapar=0.07)
}
"""Profiles by name; ``nist-ial2`` after NIST SP 800-63A-4."""

_NO_GROUPS: Final = "there are no groups in this sample"
_NO_ATTACKS: Final = "there are no attacks with decisions in this sample"


def compliance(
    profile: Profile, at: AtThreshold | None, groups: Sequence[Groups], attacks: Attacks | None
) -> Compliance:
    """What a sample says of a profile.

    Args:
        profile: the limits.
        at: the rates at one threshold; None where nothing was compared.
        groups: rates by group at that threshold.
        attacks: the figures of attacks; None where there are none.
    """
    requirements = [
        _of_rate("FMR", profile.fmr, at.fmr if at else None),
        _of_rate("FNMR", profile.fnmr, at.fnmr if at else None),
        *_of_groups(profile.group_ratio, groups),
        *_of_attacks(profile.iapar, attacks),
    ]
    verdicts = {each.verdict for each in requirements}
    verdict = next(
        each for each in (Verdict.NOT_MET, Verdict.NOT_SUPPORTED, Verdict.MET) if each in verdicts
    )
    return Compliance(profile.name, verdict, requirements)


def _of_rate(name: str, limit: float, rate: Rate | None) -> Requirement:
    """The requirement that a rate is within a limit, with 95 % confidence on the side it is on."""
    span = one_sided(rate) if rate else None
    if rate is None or span is None:
        why = "nothing was compared" if rate is None else "the people are not known"
        return _unsupported(name, limit, rate.share if rate else None, why)
    told = rate.support is not Support.NOT_SUPPORTED
    assert rate.bound_guaranteed is not None  # noqa: S101 - the people are known
    met = (span.high <= limit and told) or rate.bound_guaranteed <= limit
    return _judged(name, limit, rate.share, span, met=met, passed=span.low > limit and told)


def _of_groups(limit: float, columns: Sequence[Groups]) -> Iterator[Requirement]:
    if not columns:
        yield _unsupported("groups", limit, None, _NO_GROUPS)
    for groups in columns:
        for rate in ("fmr", "fnmr"):
            name = f"{rate.upper()} by {groups.column}"
            ratios = [(each.name, getattr(each, f"{rate}_ratio")) for each in groups.groups]
            found = [(group, each) for group, each in ratios if each is not None]
            if len(found) < 2:
                yield _unsupported(name, limit, None, "fewer than two groups have such pairs")
                continue
            worst, ratio = max(found, key=lambda each: each[1].value)
            known = [
                each.interval
                for _, each in found
                if each.support is not Support.NOT_SUPPORTED and each.interval
            ]
            met = len(known) == len(found) and all(each.high <= limit for each in known)
            passed = any(each.low > limit for each in known)
            name = f"{name}, worst {worst}"
            yield _judged(name, limit, ratio.value, ratio.interval, met=met, passed=passed)


def _of_attacks(limit: float, attacks: Attacks | None) -> Iterator[Requirement]:
    species = [each for each in attacks.species if each.iapar] if attacks else []
    if not species:
        yield _unsupported("IAPAR", limit, None, _NO_ATTACKS)
    for each in species:
        assert each.iapar is not None  # noqa: S101 - chosen above
        span = one_sided(each.iapar)
        if span is None or each.instruments is None:  # ten pictures of a mask are not ten masks
            name = f"IAPAR of {each.name}"
            yield _unsupported(name, limit, each.iapar.share, "the instruments are not known")
            continue
        yield _judged(
            f"IAPAR of {each.name}",
            limit,
            each.iapar.share,
            span,
            met=span.high < limit,
            passed=span.low >= limit,
        )


def _judged(
    name: str, limit: float, value: float, span: Interval | None, *, met: bool, passed: bool
) -> Requirement:
    verdict = Verdict.NOT_MET if passed else Verdict.MET if met else Verdict.NOT_SUPPORTED
    words = {
        Verdict.MET: "is within",
        Verdict.NOT_MET: "is above",
        Verdict.NOT_SUPPORTED: "cannot be told from this sample to be within or above",
    }
    text = f"{name} {words[verdict]} {number(limit)}: it is {number(value, span)}."
    return Requirement(name, limit, value, span, verdict, text)


def _unsupported(name: str, limit: float, value: float | None, why: str) -> Requirement:
    text = f"{name} cannot be held to {number(limit)}: {why}."
    return Requirement(name, limit, value, None, Verdict.NOT_SUPPORTED, text)
