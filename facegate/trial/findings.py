"""What a trial does and does not support, in plain sentences."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from facegate.figures.intervals import Interval
from facegate.figures.sequences import always_p
from facegate.figures.words import duration, percent, points
from facegate.trial.comparisons import Comparison, Difference, Pairing
from facegate.trial.outages import Outage
from facegate.trial.ratio import RATIO_P
from facegate.trial.tally import RequestOutcome
from facegate.trial.trial import Trial

_ALIKE = 1.1
"""Percentiles whose ratio is below this are taken for the same."""


class Verdict(StrEnum):
    """The kind of a finding, the most important first."""

    BROKEN = "broken"
    """Something is wrong with the trial; nothing else is to be concluded."""
    DIFFERS = "differs"
    """The data supports a difference."""
    ALIKE = "alike"
    """The difference is smaller than the margin."""
    UNKNOWN = "unknown"
    """Not enough data to say."""
    NOTE = "note"
    """What a careful reader should know."""


@dataclass(frozen=True)
class TrialFinding:
    """One statement about a trial.

    Attributes:
        about: its subject: ratio, acceptance, failures, latency, errors, shadow, lineage, model or
            data.
        verdict: its kind.
        short: in a few words, for the headline.
        text: in full.
    """

    about: str
    verdict: Verdict
    short: str
    text: str


def trial_findings(trial: Trial, changes: Iterable[tuple[str, str]] = ()) -> list[TrialFinding]:
    """All findings of a trial, the most important first.

    Args:
        trial: the trial.
        changes: changes of models that a sentinel noticed: provider, and by when, as text.
    """
    findings = [*_ratio(trial)]
    broken = any(each.verdict is Verdict.BROKEN for each in findings)
    if not broken:
        for comparison in trial.comparisons:
            findings += _comparison(trial, comparison)
    for pairing in trial.pairings:
        findings += _pairing(trial, pairing)
    findings += [*_labels(trial), *_lineages(trial), *_models(trial, changes), *_data(trial)]
    order = list(Verdict)
    return sorted(findings, key=lambda each: order.index(each.verdict))


def headline(findings: Sequence[TrialFinding]) -> str:
    """The whole trial in one sentence or two."""
    for verdict in (Verdict.BROKEN, Verdict.DIFFERS, Verdict.ALIKE, Verdict.UNKNOWN):
        claims = list(dict.fromkeys(each.short for each in findings if each.verdict is verdict))
        if claims:
            break
    else:
        return "There is nothing to compare: one arm, and no shadow."
    conclusion = f"{'; '.join(claims)}."
    if verdict is Verdict.UNKNOWN:
        return f"Not enough data to say: {conclusion}"
    right = any(each.about == "errors" and each.verdict is verdict for each in findings)
    if verdict is Verdict.BROKEN or right:
        return conclusion
    return f"{conclusion} This does not say who is right more often."


def _ratio(trial: Trial) -> Iterator[TrialFinding]:
    ratio = trial.ratio
    if ratio is None:
        if trial.comparisons:
            yield TrialFinding(
                "ratio",
                Verdict.NOTE,
                "the split is unchecked",
                "Whether people were split as intended is not known, for there are no weights for"
                " these arms: give --weights, or a configuration that has them.",
            )
        return
    split = ", ".join(
        f"{arm} {count:,} people where {ratio.expected[arm]:,.0f} were expected"
        for arm, count in ratio.people.items()
    )
    if ratio.broken:
        yield TrialFinding(
            "ratio",
            Verdict.BROKEN,
            "The split is broken, so the arms cannot be compared",
            f"The split is broken: {split}. Chance alone does this at fewer than one look in"
            f" {1 / RATIO_P:,.0f} (p = {ratio.p:.2g}). Whatever keeps people out of an arm"
            " may keep out a certain kind of people: conclude nothing from the arms until it is"
            " found. If weights were changed, report the time since then alone.",
        )
    elif len(ratio.people) > 1:
        yield TrialFinding(
            "ratio",
            Verdict.NOTE,
            "the split is as configured",
            f"The split is as configured: {split} (p = {ratio.p:.2g}).",
        )


def _comparison(trial: Trial, comparison: Comparison) -> Iterator[TrialFinding]:
    arms = trial.arm(comparison.arm), trial.arm(comparison.control)
    people = sum(arm.people for arm in arms)
    accepted, failed = (
        " against ".join(percent(arm.outcomes[outcome].share) for arm in arms)
        for outcome in (RequestOutcome.ACCEPT, RequestOutcome.FAILED)
    )
    claim = _Claim(comparison.arm, "accepts", "people", comparison.control, trial.margin)
    acceptance = claim.finding(
        "acceptance", comparison.accepted, f"{accepted} of all who asked", people, _NOT_RIGHT
    )
    claim = replace(claim, verb="leaves", whom="people without an answer")
    failures = claim.finding("failures", comparison.failed, f"{failed} of all who asked", people)
    if comparison.outage and comparison.calm:
        acceptance = _beside(acceptance, comparison.accepted, comparison.calm, comparison.outage)
        failures = _one_event(failures, comparison.outage)
    yield acceptance
    yield failures
    yield from _latency(comparison)
    turned_away = [arm.not_accepted for arm in arms]
    let_in = [arm.attacks_accepted for arm in arms]
    for verb, whom, difference, rates in (
        ("turns away", "genuine people", comparison.not_accepted, turned_away),
        ("lets in", "attacks", comparison.attacks_accepted, let_in),
    ):
        labelled = sum(rate.labelled for rate in rates)
        if labelled:
            counts = " against ".join(f"{rate.wrong:,} of {rate.labelled:,}" for rate in rates)
            claim = replace(claim, verb=verb, whom=whom)
            figures = f"{counts} labelled"
            yield claim.finding("errors", difference, figures, labelled, _LIKE_LABELLED)


def _beside(
    acceptance: TrialFinding, whole: Difference, calm: Difference, outage: Outage
) -> TrialFinding:
    """What is said of acceptance, and what it is without those who came during an outage."""
    calmly = f"Without {duration(outage.seconds)} of {outage.arm}'s outage it is"
    text = f"{acceptance.text} {calmly} {_between(calm.interval)}."
    same = calm.sure and (calm.value > 0) is (whole.value > 0)
    if acceptance.verdict is not Verdict.DIFFERS or same:
        return replace(acceptance, text=text)
    short = "the difference in acceptance is that of one outage"
    return TrialFinding("acceptance", Verdict.NOTE, short, f"{short}: {text}")


def _one_event(failures: TrialFinding, outage: Outage) -> TrialFinding:
    """What is said of failures, where half of them or more are one event."""
    short = (
        f"{outage.arm} had one outage of {duration(outage.seconds)}, with {outage.failed:,} of its"
        f" {outage.of:,} failures"
    )
    text = (
        f"{short}, from {outage.first:%Y-%m-%d %H:%M:%S} UTC on. One event is no rate: how often it"
        f" comes again, this trial cannot say. {failures.text}"
    )
    return TrialFinding("failures", Verdict.DIFFERS, short, text)


_NOT_RIGHT = " More may be fewer honest people turned away, or more attacks let in."
_LIKE_LABELLED = (
    " This holds for people like those who were labelled; labels that were looked for where a"
    " decision raised doubts say little about the rest."
)


@dataclass(frozen=True)
class _Claim:
    """A difference in words: "new accepts more people than main"."""

    arm: str
    verb: str
    whom: str
    control: str
    margin: float

    def _words(self, how: str, than: str = "than") -> str:
        return f"{self.arm} {self.verb} {how} {self.whom} {than} {self.control}"

    def finding(
        self, about: str, difference: Difference, figures: str, people: int, caveat: str = ""
    ) -> TrialFinding:
        """The finding that a difference supports.

        Args:
            about: its subject.
            difference: of the shares.
            figures: the shares in words.
            people: how many the shares are of.
            caveat: what is said with a difference that is supported.
        """
        interval, margin = difference.interval, f"{100 * self.margin:g} points"
        span = f"{figures}; the difference is {_between(interval)}."
        if difference.sure:
            short = self._words("more" if interval.low > 0 else "fewer")
            return TrialFinding(about, Verdict.DIFFERS, short, f"{short}: {span}{caveat}")
        if difference.within(self.margin):
            short = f"{self._words('as many', 'as')}, give or take {margin}"
            return TrialFinding(about, Verdict.ALIKE, short, f"{short}: {span}")
        short = f"whether {self._words('more or fewer')}"
        text = f"Not enough data to say {short}: {span}"
        if people:
            # The interval has to leave out zero, or to fit between the margins.
            size = abs(difference.value)
            needed = people * (interval.half / max(self.margin - size, size)) ** 2
            whom = "labelled people" if about == "errors" else "people"
            text += f" To say it takes some {_rounded(needed):,} {whom}, if it goes on like this."
        return TrialFinding(about, Verdict.UNKNOWN, short, text)


def _latency(comparison: Comparison) -> Iterator[TrialFinding]:
    arm, control = comparison.arm, comparison.control
    percentiles = {"median": comparison.p50, "95th percentile": comparison.p95}
    spans = "; ".join(
        f"{arm}'s {name} is {_span(theirs)}, {control}'s {_span(ours)}"
        for name, (ours, theirs) in percentiles.items()
    )
    directions = {
        "slower": [name for name, (ours, theirs) in percentiles.items() if theirs.low > ours.high],
        "faster": [name for name, (ours, theirs) in percentiles.items() if theirs.high < ours.low],
    }
    for direction, names in directions.items():
        if names:
            short = f"{arm} is {direction} than {control} ({' and '.join(names)})"
            yield TrialFinding("latency", Verdict.DIFFERS, short, f"{short}: {spans}.")
    if any(directions.values()):
        return
    bounded = all(
        low > 0 and high / low <= _ALIKE
        for ours, theirs in percentiles.values()
        for low, high in ((ours.low, theirs.high), (theirs.low, ours.high))
    )
    if bounded:
        short = f"{arm} is as fast as {control}, give or take {percent(_ALIKE - 1, 0)}"
        yield TrialFinding("latency", Verdict.ALIKE, short, f"{short}: {spans}.")
    else:
        short = f"whether {arm} is slower or faster than {control}"
        text = f"Not enough data to say {short}: {spans}."
        yield TrialFinding("latency", Verdict.UNKNOWN, short, text)


def _pairing(trial: Trial, pairing: Pairing) -> Iterator[TrialFinding]:
    candidate, primary = pairing.candidate, pairing.primary
    figures = (
        f"of {pairing.answered:,} requests that both answered {pairing.gained:,} were accepted by"
        f" {candidate} alone and {pairing.lost:,} by {primary} alone (McNemar's exact p ="
        f" {pairing.mcnemar_p:.2g}, at every look p = {pairing.always_p:.2g})"
    )
    claim = _Claim(candidate, "accepts", "of the same people", primary, trial.margin)
    yield claim.finding("shadow", pairing.accepted, figures, pairing.answered, _NOT_RIGHT)
    if pairing.disagreed:
        low, high = map(percent, pairing.agreed.interval)
        yield TrialFinding(
            "shadow",
            Verdict.NOTE,
            "they disagree at times",
            f"{candidate} and {primary} decided {pairing.disagreed:,} of {pairing.answered:,}"
            f" differently; they agree on {percent(pairing.agreed.share)} ({low} to {high}). To"
            " find out who is right, review and label these cases alone: they are listed with their"
            " request ids.",
        )
    for whom, (right, wrong) in zip(("genuine people", "attacks"), pairing.right, strict=True):
        if not right + wrong:
            continue
        counts = f"{right:,} times {candidate} was right and {wrong:,} times {primary}"
        if always_p(right, wrong) <= trial.alpha:
            better, worse = (candidate, primary) if right > wrong else (primary, candidate)
            short = f"{better} is right about {whom} more often than {worse}"
            text = f"{short}: where they disagree on labelled ones, {counts}.{_LIKE_LABELLED}"
            yield TrialFinding("errors", Verdict.DIFFERS, short, text)
        else:
            short = f"whether {candidate} or {primary} is right about {whom} more often"
            text = f"Not enough data to say {short}: on labelled disagreements {counts}."
            yield TrialFinding("errors", Verdict.UNKNOWN, short, text)


def _labels(trial: Trial) -> Iterator[TrialFinding]:
    arms = (*trial.arms, *trial.shadows)
    if not any(arm.not_accepted.labelled + arm.attacks_accepted.labelled for arm in arms):
        yield TrialFinding(
            "errors",
            Verdict.NOTE,
            "there are no labels",
            "Nobody has said yet which decisions were right, so nothing here says who is more"
            " accurate: a high share of accepted people is not accuracy. Label outcomes with"
            " facegate journal label, or import them.",
        )


def _lineages(trial: Trial) -> Iterator[TrialFinding]:
    for one, two, lineages in (
        *((each.control, each.arm, trial.arm(each.control).lineages) for each in trial.comparisons),
        *((each.primary, each.candidate, each.lineages) for each in trial.pairings),
    ):
        shared = sorted({*lineages} & {*trial.arm(two).lineages})
        if shared:
            yield TrialFinding(
                "lineage",
                Verdict.NOTE,
                f"{one} and {two} share an engine",
                f"{one} and {two} share a matching engine ({', '.join(shared)}): they are one"
                " opinion under two names. That they agree is no proof, and where one errs the"
                " other is likely to.",
            )


def _models(trial: Trial, changes: Iterable[tuple[str, str]]) -> Iterator[TrialFinding]:
    asked = {name for arm in (*trial.arms, *trial.shadows) for name in arm.providers}
    for provider, changed in changes:
        if provider in asked and trial.first <= datetime.fromisoformat(changed) <= trial.last:
            yield TrialFinding(
                "model",
                Verdict.NOTE,
                f"the model of {provider} changed",
                f"The model of {provider} changed by {changed}, in this time: figures before and"
                " after are of two products. Look at each alone, with --until and --since.",
            )


def _data(trial: Trial) -> Iterator[TrialFinding]:
    operations = sorted({name for arm in trial.arms for name in arm.operations})
    orphans = sum(each.orphans for each in trial.pairings)
    for holds, short, text in (
        (
            len(operations) > 1,
            "several operations are mixed",
            f"This mixes {' and '.join(operations)}; --operation looks at one of them.",
        ),
        (
            trial.nameless,
            "some requests name nobody",
            f"{trial.nameless:,} requests name no subject. Each counts as a person of its own, and"
            " if some are the same person's, the intervals are too narrow.",
        ),
        (
            trial.moved,
            "people moved between arms",
            f"{trial.moved:,} requests went to another arm than their subject's first: weights or"
            " consent changed in this time. People count where they were first.",
        ),
        (
            trial.judged_by_caller,
            "some callers decided for themselves",
            f"{trial.judged_by_caller:,} requests wanted a score and no decision. They count for"
            " time, errors and cost, and not among the people.",
        ),
        (
            trial.unassigned,
            "some requests got to no arm",
            f"{trial.unassigned:,} requests failed before they got to an arm and count in none.",
        ),
        (
            orphans,
            "some shadows have no primary",
            f"{orphans:,} shadow answers have no primary in this time and are not paired.",
        ),
    ):
        if holds:
            yield TrialFinding("data", Verdict.NOTE, short, text)


def _between(interval: Interval) -> str:
    return f"between {points(interval.low)} and {points(interval.high)} points"


def _span(interval: Interval) -> str:
    if interval.high == math.inf:
        return f"at least {duration(interval.low)}" if interval.low > 0 else "not known"
    return f"{duration(max(interval.low, 0))} to {duration(interval.high)}"


def _rounded(number: float) -> int:
    """A number of 0 or more, rounded up to two digits."""
    size: int = 10 ** max(0, math.floor(math.log10(max(number, 1))) - 1)
    return math.ceil(number / size) * size
