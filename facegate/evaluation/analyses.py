"""What else an evaluation finds, as data: attacks, costs, ratios, two providers, statements.

Thresholds, scores and rates are as in :mod:`facegate.evaluation.results`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from facegate.evaluation.results import Eer, Rate
from facegate.figures.intervals import Interval


@dataclass(frozen=True, slots=True)
class PadPoint:
    """Errors on living people where an attack species is held to a rate.

    Attributes:
        apcer_asked: 0.1, 0.05 or 0.01, which makes BPCER10, BPCER20 and BPCER100.
        threshold: the liveness score that a pass takes.
        bpcer: share of bona fide presentations that are refused there.
    """

    apcer_asked: float
    threshold: float
    bpcer: Rate


@dataclass(frozen=True, slots=True)
class Species:
    """Attacks of one species (ISO/IEC 30107-3).

    Attributes:
        name: of the species.
        presentations: how many.
        instruments: how many instruments they were made with; None where that is not known.
        eer: equal error rate of its attacks and all bona fide presentations.
        apcer: share of its attacks that pass, at the threshold in use; None where none is known.
        apnrr: share of its attacks that got no response.
        bpcer_at: BPCER where this species' APCER is at most 10, 5 and 1 %.
        iapar: share of its attacks that a whole system accepted as the claimed person; None where
            decisions are not known.
        riapar: IAPAR and the rate at which genuine people are turned away, added up: 0..2; None
            as for ``iapar``, or where there are no genuine comparisons.
    """

    name: str
    presentations: int
    instruments: int | None
    eer: Eer | None
    apcer: Rate | None
    apnrr: Rate
    bpcer_at: Sequence[PadPoint]
    iapar: Rate | None
    riapar: float | None


@dataclass(frozen=True, slots=True)
class Attacks:
    """Presentation attack detection. Nothing here is pooled over species.

    Attributes:
        bona_fide: presentations of living people.
        threshold: the liveness score that a pass takes, in use; None where none is known.
        bpcer: share of bona fide presentations that are refused there; those without a response
            count among them.
        bpnrr: share of bona fide presentations that got no response; None where there are none.
        species: each of them, by name; none where only living people were presented.
        worst: name of the species with the highest APCER at the threshold in use; else the one
            with the highest IAPAR; else the one with the highest EER; None where there is none.
        worst_bpcer_at: BPCER10, BPCER20, BPCER100, each where the APCER of every species is at
            most that.
    """

    bona_fide: int
    threshold: float | None
    bpcer: Rate | None
    bpnrr: Rate | None
    species: Sequence[Species]
    worst: str | None
    worst_bpcer_at: Sequence[PadPoint]

    @property
    def worst_species(self) -> Species:
        """The figures of the worst species, of those that there are."""
        return next(each for each in self.species if each.name == self.worst)


@dataclass(frozen=True, slots=True)
class Prices:
    """What mistakes cost, in any one currency.

    Attributes:
        false_match: of letting in an impostor; 0 or more.
        false_non_match: of turning away a genuine person; 0 or more.
        prior: share of impostors among those who ask, between 0 and 1.
        review: of having a person look, who is right; None where nobody does.
    """

    false_match: float
    false_non_match: float
    prior: float
    review: float | None = None


@dataclass(frozen=True, slots=True)
class CostAt:
    """Expected cost of a decision.

    Attributes:
        threshold: the score that a match takes.
        review_from: the score from which, up to the threshold, a person looks; None without.
        cost: of one decision, in the currency of the prices.
        fmr: of those, share of impostors that are let in.
        fnmr: share of genuine people that are turned away.
        reviewed: share of all decisions that a person makes.
    """

    threshold: float
    review_from: float | None
    cost: float
    fmr: float
    fnmr: float
    reviewed: float


@dataclass(frozen=True, slots=True)
class Costs:
    """What decisions cost, and would cost at best.

    Attributes:
        prices: of mistakes.
        actual: at the threshold in use; None where none is known.
        least: at the one threshold that is cheapest on this sample.
        with_review: at the cheapest two, between which a person looks; None without a price.
        blind: the cheaper of accepting and of refusing everybody.
    """

    prices: Prices
    actual: CostAt | None
    least: CostAt
    with_review: CostAt | None
    blind: float


@dataclass(frozen=True, slots=True)
class ReliabilityPoint:
    """Pairs of about the same likelihood ratio.

    Attributes:
        predicted: mean of their probabilities to be genuine, at even odds, by the affine fit.
        observed: their share of genuine pairs, at even odds.
        genuine: how many of them are genuine.
        impostor: how many of them are not.
    """

    predicted: float
    observed: float
    genuine: int
    impostor: int


@dataclass(frozen=True, slots=True)
class LogLikelihood:
    """Scores as log-likelihood ratios (natural logarithm): slope times closeness plus offset.

    Closeness is the score, or its negative where lower is closer.

    Attributes:
        slope: of the affine fit (logistic regression at even odds).
        offset: of the affine fit.
        cllr: cost of the fitted ratios on the same pairs, in bits: 0 is perfect, 1 says nothing
            (Brummer and du Preez 2006).
        min_cllr: the least that any increasing function of the score comes to.
        reliability: ten bins of pairs, as many impostors' and genuine pairs' weight in each.
    """

    slope: float
    offset: float
    cllr: float
    min_cllr: float
    reliability: Sequence[ReliabilityPoint]


class Verdict(StrEnum):
    """The kind of a statement, the most important first."""

    BROKEN = "broken"
    """Something is wrong with the data; nothing else is to be concluded."""
    NOT_MET = "not met"
    """The sample shows that a profile's limit is passed."""
    SUPPORTED = "supported"
    """The sample supports it."""
    MET = "met"
    """The sample shows that a profile's limit is kept."""
    WEAK = "weak"
    """The sample points to it."""
    NOT_SUPPORTED = "not supported"
    """The sample cannot say."""
    NOTE = "note"
    """What a careful reader should know."""
    NOT_APPLICABLE = "does not apply"
    """The figure has no meaning here."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement about a sample.

    Attributes:
        about: its subject: data, fmr, fnmr, groups, attacks, costs, profile or search.
        verdict: its kind.
        short: in a few words, for the headline.
        text: in full.
    """

    about: str
    verdict: Verdict
    short: str
    text: str


@dataclass(frozen=True, slots=True)
class Requirement:
    """One limit of a profile, and what the sample says of it.

    Attributes:
        name: of the figure, such as ``FMR``.
        limit: the most that is allowed, as a share; of groups, of a ratio.
        value: what was measured; None where it was not.
        interval: of the value; None where there is none.
        verdict: met, not met or not supported.
        text: why, in a sentence.
    """

    name: str
    limit: float
    value: float | None
    interval: Interval | None
    verdict: Verdict
    text: str


@dataclass(frozen=True, slots=True)
class Compliance:
    """What a sample says of a whole profile.

    Attributes:
        profile: its name.
        verdict: not met if one limit is not; else not supported if one is not; else met.
        requirements: its limits.
    """

    profile: str
    verdict: Verdict
    requirements: Sequence[Requirement]


@dataclass(frozen=True, slots=True)
class PairedAt:
    """Two providers on the same pairs, at a threshold each.

    Attributes:
        fmr_asked: the rate that both thresholds were chosen for; None where they were given.
        thresholds: the score that a match takes, of each, on its own scale.
        fmr: of each.
        fnmr: of each.
        fmr_difference: the second FMR less the first.
        fmr_interval: 95 %, leaving out one person at a time; None where they are not known.
        fnmr_difference: the second FNMR less the first.
        fnmr_interval: 95 %, leaving out one person at a time; None where they are not known.
        fnmr_interval_at_fmr: 95 % of the difference at the rate asked for, by resampling people,
            both thresholds chosen anew each time; None where none was asked for or is supported, or
            people are not known.
        first_alone: genuine pairs that the first alone did not match.
        second_alone: genuine pairs that the second alone did not match.
        mcnemar_p: McNemar's exact p-value of these two counts. It takes pairs to be independent.
        common: impostor pairs that both matched.
        by_chance: so many would be common if each matched at random.
    """

    fmr_asked: float | None
    thresholds: tuple[float, float]
    fmr: tuple[Rate, Rate]
    fnmr: tuple[Rate, Rate]
    fmr_difference: float
    fmr_interval: Interval | None
    fnmr_difference: float
    fnmr_interval: Interval | None
    fnmr_interval_at_fmr: Interval | None
    first_alone: int
    second_alone: int
    mcnemar_p: float
    common: int
    by_chance: float


@dataclass(frozen=True, slots=True)
class Paired:
    """Two providers on the same pairs.

    Attributes:
        names: whose scores they are.
        genuine: genuine pairs that both answered.
        impostor: impostor pairs that both answered.
        left_out: pairs that one of them alone was asked or answered.
        points: at each rate that was asked for, and where both have one at the thresholds in use.
        rank_correlation: Spearman's, of the scores of impostor pairs that neither refused: near 0
            for independent opinions, near 1 for one engine under two names; None of too few.
        statements: what follows, in words.
    """

    names: tuple[str, str]
    genuine: int
    impostor: int
    left_out: int
    points: Sequence[PairedAt]
    rank_correlation: float | None
    statements: Sequence[Statement]
