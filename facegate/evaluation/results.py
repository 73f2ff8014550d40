"""What an evaluation finds, as data: rates, curves, groups, attacks, costs, statements.

Every threshold and score here is on the provider's own scale; every rate is a share, 0..1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from facegate.figures.intervals import Interval


class Support(StrEnum):
    """How well a sample supports a rate."""

    SUPPORTED = "supported"
    """30 errors or more, by 20 people or more, of whom no five have half of them."""
    WEAK = "weak"
    """10 errors or more."""
    NOT_SUPPORTED = "not supported"
    """Fewer errors, or people who are not known."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A share of comparisons or presentations that went wrong, and how sure it is.

    Attributes:
        errors: how many went wrong.
        trials: how many there were; 1 or more.
        interval: 95 %, heeding that one person is in many trials; None where the people are not
            known and pairs are not said to be independent.
        naive: 95 %, as if trials were independent. For machines alone: it is too narrow, most of
            the time by a factor of several, and is never to be shown to people.
        independent: so many independent trials would vary as much; None as for ``interval``.
        bound_if_independent: the rate is below, with 95 %, if trials were independent.
        bound_guaranteed: the rate is below, with 95 %, whatever people have to do with one another;
            None where they are not known.
        people: how many people the errors are of; None where they are not known.
        top_five: share of the errors that are those of five people, the ones with the most; an
            error of two people is half of each. None as for ``people``.
        support: how well this sample supports the rate.
    """

    errors: int
    trials: int
    interval: Interval | None
    naive: Interval
    independent: float | None
    bound_if_independent: float
    bound_guaranteed: float | None
    people: int | None
    top_five: float | None
    support: Support

    @property
    def share(self) -> float:
        """The rate itself."""
        return self.errors / self.trials


@dataclass(frozen=True, slots=True)
class Eer:
    """The equal error rate, for the comparison with other people's figures.

    Attributes:
        step: mean of both rates at the threshold where they differ least, as ASVspoof has it.
        hull: where the convex hull of the ROC has equal rates, as in speaker recognition.
        threshold: where ``step`` was found.
    """

    step: float
    hull: float
    threshold: float


@dataclass(frozen=True, slots=True)
class AtThreshold:
    """Error rates of comparisons at one threshold.

    Attributes:
        fmr_asked: the false match rate that the threshold was chosen for: the lowest one at which
            the rate is at most that; None where the threshold was given.
        threshold: the score that a match takes. It lies just beyond the score of a pair that is
            not to match, so it may have more digits than scores have.
        fmr: false match rate; what failed in capture counts as compared, and as no match.
        fnmr: false non-match rate; what failed in capture counts as non-match.
        fmr_of_captured: the same without what failed in capture; None where nothing did.
        fnmr_of_captured: the same without what failed in capture; None where nothing did.
        people_needed: so many people, all compared with each other, make the FMR supported: the
            one asked for, or else the one attained; None where it is supported, or is 0.
        people_for_guarantee: so many people without a false match guarantee the rate asked for;
            None where none was asked for.
    """

    fmr_asked: float | None
    threshold: float
    fmr: Rate
    fnmr: Rate
    fmr_of_captured: Rate | None
    fnmr_of_captured: Rate | None
    people_needed: int | None
    people_for_guarantee: int | None

    @property
    def support(self) -> Support:
        """How well the sample supports the false match rate."""
        return self.fmr.support


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """A point of the DET curve, and of the ROC and of rates by threshold alike.

    Attributes:
        threshold: the score that a match takes.
        fmr: false match rate there.
        fnmr: false non-match rate there.
        band: 95 % of the FNMR at this FMR, by resampling people, thresholds chosen anew each time;
            None where people are not known.
    """

    threshold: float
    fmr: float
    fnmr: float
    band: Interval | None


@dataclass(frozen=True, slots=True)
class Histogram:
    """Scores of one kind, counted.

    Attributes:
        kind: ``genuine``, ``impostor``, ``bona_fide``, or an attack's species.
        edges: where bins end, ascending: one more than there are bins, the same for every kind.
        counts: scores in each bin.
    """

    kind: str
    edges: Sequence[float]
    counts: Sequence[int]


@dataclass(frozen=True, slots=True)
class Failures:
    """What was asked and gave no score.

    Attributes:
        asked: all comparisons or presentations that were asked.
        fta: failures to acquire: the probe was refused.
        fte: failures to enrol: a gallery picture was refused.
        unsided: refused pictures of which it is not known whose they are.
        reasons: how often each reason was given for these three.
        outages: provider failures, which are no biometric outcome: they are in no rate.
        errors: how often each class of provider failure came.
    """

    asked: int
    fta: int
    fte: int
    unsided: int
    reasons: Mapping[str, int]
    outages: int
    errors: Mapping[str, int]

    @property
    def refused(self) -> int:
        """Failures to acquire and to enrol."""
        return self.fta + self.fte + self.unsided

    @property
    def incomplete(self) -> bool:
        """Whether so much is missing, more than 1 %, that the report is of those who were left."""
        return self.outages > 0.01 * self.asked


@dataclass(frozen=True, slots=True)
class Ratio:
    """A ratio of two rates.

    Attributes:
        value: the first over the second.
        interval: 95 %, by the delta method on the log scale; None where people are not known.
        bounded: a rate of 0 was replaced by its upper bound to get it.
        support: the weaker of both rates'.
    """

    value: float
    interval: Interval | None
    bounded: bool
    support: Support


@dataclass(frozen=True, slots=True)
class Group:
    """Error rates of one group.

    Attributes:
        name: as the data has it.
        people: who are in it; None where people are not known.
        fmr: of its members against each other; None where there are no such pairs.
        fnmr: of its members; None where there are no genuine pairs.
        fta: share of its probes' comparisons that were refused for the probe.
        fmr_ratio: its FMR over that of all strangers who share a group; None where it has none.
        fnmr_ratio: its FNMR over that of all genuine pairs; None where it has none.
    """

    name: str
    people: int | None
    fmr: Rate | None
    fnmr: Rate | None
    fta: Rate | None
    fmr_ratio: Ratio | None
    fnmr_ratio: Ratio | None


@dataclass(frozen=True, slots=True)
class CrossRate:
    """The false match rate of probes of one group against galleries of another.

    Attributes:
        probe: the probes' group.
        gallery: the galleries' group; may be the same.
        fmr: the rate.
    """

    probe: str
    gallery: str
    fmr: Rate


@dataclass(frozen=True, slots=True)
class Spread:
    """How far a rate differs between groups.

    A group with fewer than 10 errors is never named the best, and a rate of 0 stands in with its
    upper bound if pairs were independent.

    Attributes:
        worst: the group with the highest rate.
        best: the group with the lowest rate that is supported or weak; None where there is none.
        max_geomean: the highest rate over the geometric mean of all (NIST IR 8429).
        max_min: the highest rate over the lowest.
        gini: Gini coefficient with the factor n/(n-1), 0 for equal rates (GARBE's part).
        worst_ratio: the worst group's rate over the best's; None where there is no best.
        bounded: groups whose rate is 0 and stands in with its upper bound.
        support: the weakest of the groups'.
    """

    worst: str
    best: str | None
    max_geomean: float
    max_min: float
    gini: float
    worst_ratio: Ratio | None
    bounded: Sequence[str]
    support: Support


@dataclass(frozen=True, slots=True)
class Groups:
    """Error rates by group, at one threshold for all.

    Attributes:
        column: what the groups are by, without ``group_``.
        threshold: the score that a match takes, of everybody.
        fmr_asked: as of the threshold.
        groups: each group, by name.
        alone: groups with one member, who has no strangers in it.
        cross: FMR of each pair of groups that has impostor pairs.
        fmr: how far the FMR within groups differs; None of fewer than two groups with one.
        fnmr: how far the FNMR differs; None of fewer than two groups with one.
        fdr: fairness discrepancy rate with alpha 0.5 (de Freitas Pereira and Marcel 2021), 1 for
            equal rates; it hides ratios, so it is for machines alone. None as ``fmr`` or ``fnmr``.
        matched: FMR of strangers of one group; None where there are none.
        random: FMR of all strangers.
        matched_ratio: the first over the second; None where there is no first.
    """

    column: str
    threshold: float
    fmr_asked: float | None
    groups: Sequence[Group]
    alone: Sequence[str]
    cross: Sequence[CrossRate]
    fmr: Spread | None
    fnmr: Spread | None
    fdr: float | None
    matched: Rate | None
    random: Rate
    matched_ratio: Ratio | None


@dataclass(frozen=True, slots=True)
class WorstError:
    """A comparison that is wrong by far. Look at its label first.

    Attributes:
        row: its id, or its row's number in the list from 1 on, or both ids of a matrix.
        score: what the provider gave; None where the capture failed.
    """

    row: str
    score: float | None


@dataclass(frozen=True, slots=True)
class WorstErrors:
    """The comparisons that are most wrong, the worst first.

    Attributes:
        false_matches: impostor pairs, and attacks, with the closest scores.
        false_non_matches: genuine pairs, and bona fide presentations, with the farthest scores.
    """

    false_matches: Sequence[WorstError]
    false_non_matches: Sequence[WorstError]


@dataclass(frozen=True, slots=True)
class Dropped:
    """Rows that say what another row says already, and count once.

    Attributes:
        duplicates: the same probe and gallery again; the first of them counts.
        mirrored: the same two the other way round, with the same score.
    """

    duplicates: int
    mirrored: int
