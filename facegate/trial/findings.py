"""What a trial does and does not support, in plain sentences."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from facegate.trial.comparisons import Comparison, Difference, Pairing
from facegate.trial.statistics import Interval, always_p
from facegate.trial.tally import Outcome
from facegate.trial.trial import RATIO_P, Trial

_ALIKE = 1.1
"""Percentiles whose ratio is below this are taken for the same."""


class Verdict(StrEnum):
    """What kind of statement it is."""

    BROKEN = "broken"
    """Something is wrong with the trial; nothing else is to be concluded."""
    DIFFERS = "differs"
    ALIKE = "alike"
    UNKNOWN = "unknown"
    """Not enough data to say."""
    NOTE = "note"
    """What a careful reader should know."""


@dataclass(frozen=True)
class Finding:
    """One statement.

    Attributes:
        about: what it concerns: ratio, acceptance, failures, latency, errors, shadow, data.
        verdict: its kind.
        short: in a few words, for the headline.
        text: in full.
    """

    about: str
    verdict: Verdict
    short: str
    text: str


def findings(trial: Trial) -> list[Finding]:
    """Everything there is to say, the most important first."""
    found = [*_ratio(trial)]
    broken = any(each.verdict is Verdict.BROKEN for each in found)
    if not broken:
        for each in trial.comparisons:
            found += _comparison(trial, each)
    for pairing in trial.pairings:
        found += _pairing(trial, pairing)
    found += [*_labels(trial), *_lineages(trial), *_data(trial)]
    order = list(Verdict)
    return sorted(found, key=lambda each: order.index(each.verdict))


def headline(found: Sequence[Finding]) -> str:
    """The whole trial in one sentence or two."""
    for verdict in (Verdict.BROKEN, Verdict.DIFFERS, Verdict.ALIKE, Verdict.UNKNOWN):
        said = list(dict.fromkeys(each.short for each in found if each.verdict is verdict))
        if said:
            break
    else:
        return "There is nothing to compare: one arm, and no shadow."
    told = f"{'; '.join(said)}."
    if verdict is Verdict.UNKNOWN:
        return f"Not enough data to say: {told}"
    right = any(each.about == "errors" and each.verdict is verdict for each in found)
    if verdict is Verdict.BROKEN or right:
        return told
    return f"{told} This does not say who is right more often."


def percent(share: float, digits: int = 1) -> str:
    """A share as it is read: ``94.1 %``."""
    return f"{100 * share:.{digits}f} %"


def points(value: float) -> str:
    """A difference of shares: ``+3.9``."""
    told = f"{100 * value:+.1f}"
    return "0" if told in {"+0.0", "-0.0"} else told


def duration(seconds: float) -> str:
    """A time as it is read: ``510 ms``, ``1.28 s``."""
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1000 * seconds:.3g} ms"


def _ratio(trial: Trial) -> Iterator[Finding]:
    ratio = trial.ratio
    if ratio is None:
        if trial.comparisons:
            yield Finding(
                "ratio",
                Verdict.NOTE,
                "the split is unchecked",
                "Whether people were split as intended is not known, for there are no weights for"
                " these arms: give --weights, or a configuration that has them.",
            )
        return
    told = ", ".join(
        f"{arm} {count:,} people where {ratio.expected[arm]:,.0f} were expected"
        for arm, count in ratio.people.items()
    )
    if ratio.broken:
        yield Finding(
            "ratio",
            Verdict.BROKEN,
            "The split is broken, so the arms cannot be compared",
            f"The split is broken: {told}. Chance alone does this at fewer than one look in"
            f" {1 / RATIO_P:,.0f} (p = {ratio.p:.2g}). Whatever keeps people out of an arm"
            " may keep out a certain kind of people: conclude nothing from the arms until it is"
            " found. If weights were changed, report the time since then alone.",
        )
    elif len(ratio.people) > 1:
        yield Finding(
            "ratio",
            Verdict.NOTE,
            "the split is as configured",
            f"The split is as configured: {told} (p = {ratio.p:.2g}).",
        )


def _comparison(trial: Trial, found: Comparison) -> Iterator[Finding]:
    one, two = trial.arm(found.control), trial.arm(found.arm)
    each = (two, one)
    people = one.people + two.people
    accepted, failed = (
        " against ".join(percent(arm.outcomes[kind].share) for arm in each)
        for kind in (Outcome.ACCEPT, Outcome.FAILED)
    )
    saying = _Saying(found.arm, "accepts", "people", found.control, trial.margin)
    yield saying.of(
        "acceptance", found.accepted, f"{accepted} of all who asked", people, _NOT_RIGHT
    )
    saying = replace(saying, verb="leaves", whom="people without an answer")
    yield saying.of("failures", found.failed, f"{failed} of all who asked", people)
    yield from _latency(found)
    wrong = [arm.not_accepted for arm in each], [arm.attacks_accepted for arm in each]
    for verb, whom, difference, rates in (
        ("turns away", "genuine people", found.not_accepted, wrong[0]),
        ("lets in", "attacks", found.attacks_accepted, wrong[1]),
    ):
        labelled = sum(rate.labelled for rate in rates)
        if labelled:
            figures = " against ".join(f"{rate.wrong:,} of {rate.labelled:,}" for rate in rates)
            saying = replace(saying, verb=verb, whom=whom)
            yield saying.of("errors", difference, f"{figures} labelled", labelled, _LIKE_LABELLED)


_NOT_RIGHT = " More may be fewer honest people turned away, or more attacks let in."
_LIKE_LABELLED = (
    " This holds for people like those who were labelled; labels that were looked for where a"
    " decision raised doubts say little about the rest."
)


@dataclass(frozen=True)
class _Saying:
    """How a difference is put into words: "new accepts more people than main"."""

    arm: str
    verb: str
    whom: str
    control: str
    margin: float

    def _claim(self, how: str, than: str = "than") -> str:
        return f"{self.arm} {self.verb} {how} {self.whom} {than} {self.control}"

    def of(
        self, about: str, found: Difference, figures: str, people: int, caveat: str = ""
    ) -> Finding:
        interval, margin = found.interval, f"{100 * self.margin:g} points"
        span = f"{figures}; the difference is {_between(interval)}."
        if found.sure:
            short = self._claim("more" if interval.low > 0 else "fewer")
            return Finding(about, Verdict.DIFFERS, short, f"{short}: {span}{caveat}")
        if found.within(self.margin):
            short = f"{self._claim('as many', 'as')}, give or take {margin}"
            return Finding(about, Verdict.ALIKE, short, f"{short}: {span}")
        short = f"whether {self._claim('more or fewer')}"
        text = f"Not enough data to say {short}: {span}"
        if people:
            # The interval has to leave out zero, or to fit between the margins.
            size = abs(found.value)
            needed = people * (interval.half / max(self.margin - size, size)) ** 2
            whom = "labelled people" if about == "errors" else "people"
            text += f" To say it takes some {_rounded(needed):,} {whom}, if it goes on like this."
        return Finding(about, Verdict.UNKNOWN, short, text)


def _latency(found: Comparison) -> Iterator[Finding]:
    percentiles = {"median": found.p50, "95th percentile": found.p95}
    spans = "; ".join(
        f"{found.arm}'s {what} is {_span(theirs)}, {found.control}'s {_span(ours)}"
        for what, (ours, theirs) in percentiles.items()
    )
    directions = {
        "slower": [what for what, (ours, theirs) in percentiles.items() if theirs.low > ours.high],
        "faster": [what for what, (ours, theirs) in percentiles.items() if theirs.high < ours.low],
    }
    for direction, where in directions.items():
        if where:
            short = f"{found.arm} is {direction} than {found.control} ({' and '.join(where)})"
            yield Finding("latency", Verdict.DIFFERS, short, f"{short}: {spans}.")
    if any(directions.values()):
        return
    bounded = all(
        low > 0 and high / low <= _ALIKE
        for ours, theirs in percentiles.values()
        for low, high in ((ours.low, theirs.high), (theirs.low, ours.high))
    )
    if bounded:
        short = f"{found.arm} is as fast as {found.control}, give or take {percent(_ALIKE - 1, 0)}"
        yield Finding("latency", Verdict.ALIKE, short, f"{short}: {spans}.")
    else:
        short = f"whether {found.arm} is slower or faster than {found.control}"
        text = f"Not enough data to say {short}: {spans}."
        yield Finding("latency", Verdict.UNKNOWN, short, text)


def _pairing(trial: Trial, found: Pairing) -> Iterator[Finding]:
    who, other = found.candidate, found.primary
    figures = (
        f"of {found.answered:,} requests that both answered {found.gained:,} were accepted by"
        f" {who} alone and {found.lost:,} by {other} alone (McNemar's exact p ="
        f" {found.mcnemar_p:.2g}, at every look p = {found.always_p:.2g})"
    )
    saying = _Saying(who, "accepts", "of the same people", other, trial.margin)
    yield saying.of("shadow", found.accepted, figures, found.answered, _NOT_RIGHT)
    if found.disagreed:
        yield Finding(
            "shadow",
            Verdict.NOTE,
            "they disagree at times",
            f"{who} and {other} decided {found.disagreed:,} of {found.answered:,} differently; they"
            f" agree on {percent(found.agreed.share)} ({percent(found.agreed.interval.low)} to"
            f" {percent(found.agreed.interval.high)}). To find out who is right, review and label"
            " these cases alone: they are listed with their request ids.",
        )
    for whom, (right, wrong) in zip(("genuine people", "attacks"), found.right, strict=True):
        if not right + wrong:
            continue
        told = f"{right:,} times {who} was right and {wrong:,} times {other}"
        if always_p(right, wrong) <= trial.alpha:
            better, worse = (who, other) if right > wrong else (other, who)
            short = f"{better} is right about {whom} more often than {worse}"
            text = f"{short}: where they disagree on labelled ones, {told}.{_LIKE_LABELLED}"
            yield Finding("errors", Verdict.DIFFERS, short, text)
        else:
            short = f"whether {who} or {other} is right about {whom} more often"
            text = f"Not enough data to say {short}: on labelled disagreements {told}."
            yield Finding("errors", Verdict.UNKNOWN, short, text)


def _labels(trial: Trial) -> Iterator[Finding]:
    each = (*trial.arms, *trial.shadows)
    if not any(arm.not_accepted.labelled + arm.attacks_accepted.labelled for arm in each):
        yield Finding(
            "errors",
            Verdict.NOTE,
            "there are no labels",
            "Nobody has said yet which decisions were right, so nothing here says who is more"
            " accurate: a high share of accepted people is not accuracy. Label outcomes with"
            " facegate journal label, or import them.",
        )


def _lineages(trial: Trial) -> Iterator[Finding]:
    for one, two, lineages in (
        *((each.control, each.arm, trial.arm(each.control).lineages) for each in trial.comparisons),
        *((each.primary, each.candidate, each.lineages) for each in trial.pairings),
    ):
        shared = sorted({*lineages} & {*trial.arm(two).lineages})
        if shared:
            yield Finding(
                "lineage",
                Verdict.NOTE,
                f"{one} and {two} share an engine",
                f"{one} and {two} share a matching engine ({', '.join(shared)}): they are one"
                " opinion under two names. That they agree is no proof, and where one errs the"
                " other is likely to.",
            )


def _data(trial: Trial) -> Iterator[Finding]:
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
            yield Finding("data", Verdict.NOTE, short, text)


def _between(interval: Interval) -> str:
    return f"between {points(interval.low)} and {points(interval.high)} points"


def _span(interval: Interval) -> str:
    if interval.high == math.inf:
        return f"at least {duration(interval.low)}" if interval.low > 0 else "not known"
    return f"{duration(max(interval.low, 0))} to {duration(interval.high)}"


def _rounded(number: float) -> int:
    """Up, to two digits."""
    size: int = 10 ** max(0, math.floor(math.log10(max(number, 1))) - 1)
    return math.ceil(number / size) * size
