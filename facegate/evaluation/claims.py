"""What a sample does and does not support, in plain sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from facegate.evaluation.analyses import (
    Attacks,
    Compliance,
    Costs,
    Paired,
    PairedAt,
    Statement,
    Verdict,
)
from facegate.evaluation.intervals import people_for_guarantee, people_needed
from facegate.evaluation.results import AtThreshold, Dropped, Failures, Groups, Spread, Support
from facegate.evaluation.words import fmr, ratio, share, small
from facegate.figures.words import percent, points

_VERDICTS = {
    Support.SUPPORTED: Verdict.SUPPORTED,
    Support.WEAK: Verdict.WEAK,
    Support.NOT_SUPPORTED: Verdict.NOT_SUPPORTED,
}


@dataclass(frozen=True, slots=True)
class Findings:
    """The figures that statements are made of; see :class:`Evaluation` for each."""

    selected: bool
    failures: Failures
    dropped: Dropped
    operating: AtThreshold | None
    rates: Sequence[AtThreshold]
    groups: Sequence[Groups]
    attacks: Attacks | None
    costs: Costs | None
    compliance: Compliance | None


def statements(findings: Findings) -> list[Statement]:
    """All statements, the most important first."""
    found = [*_data(findings), *_profile(findings.compliance)]
    if findings.selected:
        found.append(_SELECTED)
    elif findings.rates or findings.operating:
        found += _matching(findings)
    for groups in findings.groups:
        found += _between_groups(groups)
    if findings.attacks:
        found += _attacks(findings.attacks)
    if findings.costs:
        found.append(_costs(findings.costs))
    found.append(_SEARCH)
    order = list(Verdict)
    return sorted(found, key=lambda each: order.index(each.verdict))


def headline(found: Sequence[Statement]) -> str:
    """The whole evaluation in one sentence or two."""
    for verdict in (
        Verdict.BROKEN, Verdict.NOT_MET, Verdict.SUPPORTED, Verdict.MET, Verdict.WEAK,
        Verdict.NOT_SUPPORTED,
    ):  # fmt: skip
        claims = dict.fromkeys(each.short for each in found if each.verdict is verdict)
        if claims:
            words = "; ".join(list(claims)[:_HEADLINES])
            return f"{words[0].upper()}{words[1:]}."
    return "There is nothing to conclude."


_HEADLINES = 3
"""Most claims in a headline."""
_SELECTED = Statement(
    "fmr",
    Verdict.NOT_SUPPORTED,
    "no error rate: the labels are selected",
    "Operational, labels selected: only some requests were labelled, mostly those that raised"
    " doubts, so no error rate of all who ask follows from them.",
)
_SEARCH = Statement(
    "search",
    Verdict.NOT_APPLICABLE,
    "FNIR does not apply",
    "FNIR and other figures of a search among many people do not apply: a probe is compared with"
    " the pictures of one claimed person.",
)


def _data(findings: Findings) -> Iterator[Statement]:
    failures, dropped = findings.failures, findings.dropped
    if failures.incomplete:
        yield Statement(
            "data",
            Verdict.BROKEN,
            f"incomplete: {percent(failures.outages / failures.asked)} got no answer",
            f"The report is incomplete: providers failed {failures.outages:,} times of"
            f" {failures.asked:,}. Ask these again before concluding anything, for those who were"
            " left out may not be like the others.",
        )
    if any(at.fmr.interval is None for at in findings.rates):
        yield Statement(
            "data",
            Verdict.NOTE,
            "the people are not known",
            "The people are not known, so no rate has an interval: one person in many pairs makes"
            " it uncertain by a factor that only their names tell. Name them in probe_subject and"
            " gallery_subject, or say that nobody is in two pairs.",
        )
    if dropped.duplicates or dropped.mirrored:
        yield Statement(
            "data",
            Verdict.NOTE,
            "repeated pairs count once",
            f"{dropped.duplicates:,} rows repeat a pair, and {dropped.mirrored:,} have it the other"
            " way round with the same score; each pair counts once. Where a matrix is symmetric its"
            " genuine pairs may be pictures held against themselves: look at them.",
        )
    if failures.refused:
        yield Statement(
            "data",
            Verdict.NOTE,
            f"{failures.refused:,} have no score",
            f"{failures.refused:,} of {failures.asked:,} have no score: {failures.fta:,} failed in"
            f" capture at the probe, {failures.fte:,} at the gallery, and of {failures.unsided:,}"
            " it is not known. They count as no match and as not passed.",
        )


def _profile(compliance: Compliance | None) -> Iterator[Statement]:
    if compliance is None:
        return
    yield Statement(
        "profile",
        compliance.verdict,
        f"the profile {compliance.profile} is {compliance.verdict}",
        " ".join(each.text for each in compliance.requirements),
    )


def _matching(findings: Findings) -> Iterator[Statement]:
    if findings.operating:
        yield _at("at the threshold in use", findings.operating)
    told = [each for each in findings.rates if each.support is not Support.NOT_SUPPORTED]
    for support in (Support.SUPPORTED, Support.WEAK):
        strictest = [each for each in told if each.support is support][-1:]
        yield from (_at("", each) for each in strictest)
    missing = [each for each in findings.rates if each.support is Support.NOT_SUPPORTED]
    if missing and missing[0].fmr_asked and missing[0].fmr.interval:
        yield _beyond(missing[0].fmr_asked, missing[0])
    if told and told[-1].fnmr.support is Support.NOT_SUPPORTED:
        yield Statement(
            "fnmr",
            Verdict.NOT_SUPPORTED,
            "no FNMR",
            f"There are too few false non-matches, {told[-1].fnmr.errors:,} of"
            f" {told[-1].fnmr.trials:,}, to say what the FNMR is: {_flat(share(told[-1].fnmr))}.",
        )


def _at(where: str, at: AtThreshold) -> Statement:
    place = where or f"at a threshold for an FMR of {small(at.fmr_asked or 0.0)}"
    short = f"{place} the FNMR is {percent(at.fnmr.share)}"
    if where:
        short = f"{place} the FMR is {small(at.fmr.share)} and the FNMR {percent(at.fnmr.share)}"
    # One that was chosen is the next number after a score that is not to match.
    beyond = "" if at.fmr_asked is None else "just beyond "
    text = (
        f"{place[0].upper()}{place[1:]}, {beyond}{at.threshold:.6g}, the FMR is"
        f" {_flat(fmr(at.fmr))} and"
        f" the FNMR {_flat(share(at.fnmr))}: {at.fmr.errors:,} false matches of"
        f" {at.fmr.people or 0:,} people."
    )
    if at.support is Support.WEAK:
        text += " That is few, or few people's, so that another sample may differ much."
    return Statement("fmr", _VERDICTS[at.support], short, text)


def _beyond(asked: float, at: AtThreshold) -> Statement:
    rate = small(asked)
    return Statement(
        "fmr",
        Verdict.NOT_SUPPORTED,
        f"no FMR of {rate} or less",
        f"This sample does not support an FMR of {rate} or less: {at.fmr.errors:,} false matches"
        f" are left there, {_flat(fmr(at.fmr))}. To count such a rate it takes some"
        f" {people_needed(asked):,} people, all compared with each other; to guarantee it, whatever"
        f" pairs have to do with each other, {people_for_guarantee(asked):,} without one of them.",
    )


def _flat(words: str) -> str:
    return words.replace("\n", ", ")


def _between_groups(groups: Groups) -> Iterator[Statement]:
    for name, spread in (("FMR", groups.fmr), ("FNMR", groups.fnmr)):
        if spread is None:
            continue
        if spread.worst_ratio is None or spread.worst_ratio.interval is None:
            yield Statement(
                "groups",
                Verdict.NOT_SUPPORTED,
                f"no comparison of {name} by {groups.column}",
                f"Whether the {name} differs by {groups.column} this sample cannot say: fewer than"
                " two groups have 10 errors or more.",
            )
            continue
        yield _worst(name, groups.column, spread)
    if groups.matched_ratio and groups.matched_ratio.support is not Support.NOT_SUPPORTED:
        yield Statement(
            "groups",
            Verdict.NOTE,
            f"strangers of one {groups.column} match more often than any",
            f"Strangers of the same {groups.column} match {ratio(groups.matched_ratio)} times as"
            " often as strangers at random: an attacker is not random.",
        )


def _worst(name: str, column: str, spread: Spread) -> Statement:
    apart = spread.worst_ratio
    assert apart is not None and apart.interval is not None  # noqa: S101, PT018 - the caller looked
    span = f"{ratio(apart)} times that of {spread.best}"
    numbers = (
        f"highest over geometric mean {spread.max_geomean:.2f}, over the lowest"
        f" {spread.max_min:.2f}, Gini {spread.gini:.2f}"
    )
    if spread.bounded:
        numbers += f"; {', '.join(spread.bounded)} without errors stand in with their upper bound"
    if apart.interval.low <= 1:
        short = f"no difference of {name} by {column}"
        text = f"That the {name} differs by {column} is not supported: {spread.worst}'s is {span}."
        return Statement("groups", Verdict.NOT_SUPPORTED, short, f"{text} All: {numbers}.")
    short = f"the {name} of {spread.worst} is {apart.value:.2g} times that of {spread.best}"
    text = f"The {name} of {spread.worst} is {span}, at one threshold for all. All: {numbers}."
    return Statement("groups", _VERDICTS[apart.support], short, text)


def _attacks(attacks: Attacks) -> Iterator[Statement]:
    if attacks.worst is None:
        yield from _living(attacks)
        return
    worst = attacks.worst_species
    for name, rate in (("APCER", worst.apcer), ("IAPAR", worst.iapar)):
        if rate is not None:
            yield Statement(
                "attacks",
                _VERDICTS[rate.support],
                f"{percent(rate.share)} of {worst.name} attacks pass ({name})",
                f"The worst of {len(attacks.species)} species is {worst.name}: its {name} is"
                f" {_flat(share(rate))}, {rate.errors:,} of {rate.trials:,}.",
            )
    for point in attacks.worst_bpcer_at[-1:]:
        yield Statement(
            "attacks",
            _VERDICTS[point.bpcer.support],
            f"holding every species to {percent(point.apcer_asked, 0)} refuses"
            f" {percent(point.bpcer.share)} of living people",
            f"Where no species' APCER is above {percent(point.apcer_asked, 0)}, at a threshold of"
            f" just beyond {point.threshold:.6g}, the BPCER is {_flat(share(point.bpcer))}.",
        )


def _living(attacks: Attacks) -> Iterator[Statement]:
    """What is said of living people where nobody attacked."""
    if attacks.bpcer is not None:
        yield Statement(
            "attacks",
            _VERDICTS[attacks.bpcer.support],
            f"{percent(attacks.bpcer.share)} of living people are refused (BPCER)",
            f"At the liveness threshold in use the BPCER is {_flat(share(attacks.bpcer))},"
            f" {attacks.bpcer.errors:,} of {attacks.bpcer.trials:,}.",
        )
    yield Statement(
        "attacks",
        Verdict.NOT_SUPPORTED,
        "what gets through is not known: there are no attacks",
        "Without presentation attacks nothing is said of what gets through (APCER).",
    )


def _costs(costs: Costs) -> Statement:
    best = costs.with_review or costs.least
    text = (
        f"A decision costs {best.cost:.4g} at the cheapest threshold, beyond {best.threshold:.6g}"
    )
    if best.review_from is not None:
        text += f", with a review beyond {best.review_from:.6g}"
    if costs.actual:
        text += f"; at the one in use it costs {costs.actual.cost:.4g}"
    text += f"; without looking at anybody {costs.blind:.4g}."
    return Statement("costs", Verdict.NOTE, f"a decision costs {best.cost:.4g} at best", text)


def paired_statements(paired: Paired) -> Iterator[Statement]:
    """What follows of two providers on the same pairs."""
    one, two = paired.names
    told = [each for each in paired.points if _support(each) is not Support.NOT_SUPPORTED]
    if not told:
        yield Statement(
            "fnmr",
            Verdict.NOT_SUPPORTED,
            f"no comparison of {one} and {two}",
            "At no threshold both have enough false matches, and known people, to be compared.",
        )
        return
    at = min(reversed(told), key=lambda each: list(Support).index(_support(each)))
    yield _better(paired, at)
    if paired.rank_correlation is not None:
        yield Statement(
            "fmr",
            Verdict.NOTE,
            f"{at.common:,} false matches are common",
            f"Of {at.fmr[0].errors:,} and {at.fmr[1].errors:,} false matches {at.common:,} are the"
            f" same pairs, where chance alone makes {at.by_chance:.2g}; the rank correlation of"
            f" impostor scores is {paired.rank_correlation:.2f}. Independent opinions are near 0,"
            " one engine under two names is near 1.",
        )


def _support(at: PairedAt) -> Support:
    """The weaker support of both false match rates; none where people are not known."""
    if at.fnmr_interval is None:
        return Support.NOT_SUPPORTED
    return max((each.support for each in at.fmr), key=list(Support).index)


def _better(paired: Paired, at: PairedAt) -> Statement:
    one, two = paired.names
    span = at.fnmr_interval_at_fmr or at.fnmr_interval
    assert span is not None  # noqa: S101 - the caller looked
    place = f"at an FMR of {small(at.fmr_asked)}" if at.fmr_asked else "at the thresholds in use"
    figures = (
        f"{percent(at.fnmr[0].share)} of {one} against {percent(at.fnmr[1].share)} of {two}, the"
        f" difference is {points(at.fnmr_difference)} points ({points(span.low)} to"
        f" {points(span.high)}); {one} alone did not match {at.first_alone:,} genuine pairs and"
        f" {two} alone {at.second_alone:,} (McNemar's exact p = {at.mcnemar_p:.2g})"
    )
    if span.low <= 0 <= span.high:
        short = f"whether {one} or {two} has the lower FNMR {place}"
        return Statement(
            "fnmr", Verdict.NOT_SUPPORTED, short, f"Not enough data to say {short}: {figures}."
        )
    better, worse = (one, two) if at.fnmr_difference > 0 else (two, one)
    short = f"{better} has a lower FNMR than {worse} {place}"
    return Statement("fnmr", _VERDICTS[_support(at)], short, f"{short}: {figures}.")
