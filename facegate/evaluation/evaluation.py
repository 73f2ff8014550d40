"""A whole evaluation of one provider's scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from facegate.errors import InvalidRequest
from facegate.evaluation.analyses import (
    Attacks,
    Compliance,
    Costs,
    LogLikelihood,
    Prices,
    Statement,
)
from facegate.evaluation.assured import thresholds_for
from facegate.evaluation.attacks import attacks
from facegate.evaluation.claims import Findings, headline, statements
from facegate.evaluation.costs import costs
from facegate.evaluation.curves import area, det, eer, histograms
from facegate.evaluation.data import as_data, bona_fide
from facegate.evaluation.groups import by_group
from facegate.evaluation.likelihood import likelihood
from facegate.evaluation.profiles import Profile, compliance
from facegate.evaluation.rates import RATES, at_threshold, threshold_for
from facegate.evaluation.results import (
    AtThreshold,
    CurvePoint,
    Dropped,
    Eer,
    Failures,
    Groups,
    Histogram,
    Support,
    WorstErrors,
)
from facegate.evaluation.scores import Scores
from facegate.evaluation.worst import worst_errors
from facegate.figures.latency import Latency


@dataclass(frozen=True)
class Evaluation:
    """What a provider's scores of labelled pairs or presentations come to.

    Attributes:
        name: whose scores they are, or what they were read from.
        scale: name of the provider's scale; empty where it is not known.
        lower_is_closer: its scores are distances.
        selected: labels that were looked for, so that no rate stands for all who ask.
        people: who are in the pairs; None where they are not known.
        genuine: genuine pairs, those that failed in capture among them.
        impostor: impostor pairs, those that failed in capture among them.
        failed: pairs and presentations that failed in capture.
        failures: these by side and reason, and provider failures, which are in no other figure.
        dropped: rows that counted once with others.
        auc: area under the ROC curve, 0..1; None without both kinds of pairs.
        eer: equal error rate; None as for ``auc``.
        operating: rates at the threshold in use; None where it is not known.
        rates: rates at thresholds chosen by the false match rate.
        chosen_on: how many other people the thresholds of ``rates`` were chosen on; None where
            they were chosen on these.
        curve: points of the DET curve, by falling false match rate; empty as for ``auc``.
        histograms: scores by kind.
        groups: rates by group, for each column of groups.
        attacks: presentation attack detection; None where nothing was presented to it.
        costs: of decisions; None without prices.
        likelihood: scores as likelihood ratios; None as for ``auc``.
        latency: of answers; None where it is not known.
        cost_per_decision: what the provider took for one, on average, in the operator's currency;
            None where it is not known.
        worst_errors: rows to look at first.
        compliance: what is said of a profile; None where none was asked for.
        statements: what is and is not supported, the most important first.
    """

    name: str
    scale: str
    lower_is_closer: bool
    selected: bool
    people: int | None
    genuine: int
    impostor: int
    failed: int
    failures: Failures
    dropped: Dropped
    auc: float | None
    eer: Eer | None
    operating: AtThreshold | None
    rates: Sequence[AtThreshold]
    chosen_on: int | None
    curve: Sequence[CurvePoint]
    histograms: Sequence[Histogram]
    groups: Sequence[Groups]
    attacks: Attacks | None
    costs: Costs | None
    likelihood: LogLikelihood | None
    latency: Latency | None
    cost_per_decision: float | None
    worst_errors: WorstErrors
    compliance: Compliance | None
    statements: Sequence[Statement]

    @classmethod
    def of(
        cls,
        scores: Scores,
        *,
        rates: Sequence[float] = RATES,
        threshold: float | None = None,
        prices: Prices | None = None,
        profile: Profile | None = None,
        pairs_are_independent: bool = False,
        chosen_on: Scores | None = None,
    ) -> Evaluation:
        """The evaluation of scores.

        Args:
            scores: what was answered, and what is true.
            rates: false match rates, between 0 and 1, that thresholds are chosen for.
            threshold: the score that a match takes, in use, or that a pass takes where nothing was
                compared; if absent the one that the scores came with, where that is one.
            prices: of mistakes, to weigh them.
            profile: limits to hold the rates against.
            pairs_are_independent: where people are not known: nobody is in two pairs.
            chosen_on: scores of other people, of the same provider, to choose thresholds on.

        Raises:
            InvalidRequest: there is nothing to evaluate, saying what is missing.
        """
        _refuse_one_kind(scores)
        if threshold is not None:
            name = "threshold" if scores.compared else "liveness_threshold"
            scores = replace(scores, **{name: threshold})  # type: ignore[arg-type]
        if pairs_are_independent:
            scores = scores.as_independent()
        found: dict[str, Any] = dict.fromkeys(("auc", "eer", "operating", "likelihood", "costs"))
        found |= {"rates": [], "curve": [], "groups": []}
        judged = None
        if scores.compared:
            found |= _compared(scores, rates, prices, chosen_on)
            closeness = _in_use(scores, chosen_on or scores, profile, found["rates"])
            judged = at_threshold(scores, closeness)
            same = [at for at in found["rates"] if at.threshold == judged.threshold]
            asked = same[0].fmr_asked if same else None
            found["groups"] = [
                by_group(scores, column, closeness, asked) for column in scores.group_names
            ]
        presented = scores.attacks or (len(scores.bona_fide) and not scores.compared)
        pad = attacks(scores, scores.liveness_threshold) if presented else None
        held = compliance(profile, judged, found["groups"], pad) if profile else None
        findings = Findings(
            selected=scores.selected,
            failures=scores.failures,
            dropped=scores.dropped,
            operating=found["operating"],
            rates=found["rates"],
            groups=found["groups"],
            attacks=pad,
            costs=found["costs"],
            compliance=held,
        )
        return cls(
            name=scores.name,
            scale=scores.scale,
            lower_is_closer=scores.lower_is_closer,
            selected=scores.selected,
            people=scores.people,
            genuine=len(scores.genuine),
            impostor=len(scores.impostor),
            failed=scores.failures.refused,
            failures=scores.failures,
            dropped=scores.dropped,
            chosen_on=chosen_on.people if chosen_on else None,
            histograms=histograms(scores),
            attacks=pad,
            latency=scores.latency,
            cost_per_decision=scores.cost_per_decision,
            worst_errors=worst_errors(scores),
            compliance=held,
            statements=statements(findings),
            **found,
        )

    @property
    def headline(self) -> str:
        """The whole evaluation in one sentence or two."""
        return headline(self.statements)

    def as_json(self) -> dict[str, Any]:
        """JSON-ready data, with rates as ``fmr``, ``fmr_low``, ``fmr_high`` and so on."""
        data: dict[str, Any] = as_data(self)
        living = bona_fide(self.attacks) if self.attacks else None
        return {"headline": self.headline, **data, "bona_fide": living}


def _refuse_one_kind(scores: Scores) -> None:
    """Refuse scores that no error rates can be made of.

    Raises:
        InvalidRequest: naming the kind of trials that is missing.
    """
    if scores.compared:
        if scores.people == 1:
            raise InvalidRequest(f"{scores.name}: all pairs are of one person")
        if not scores.impostor.captured.any():
            raise InvalidRequest(f"{scores.name}: all impostor pairs failed in capture")
        return
    if len(scores.bona_fide) or (scores.attacks and len(scores.genuine)):
        return
    pairs = {"genuine pairs": scores.genuine, "impostor pairs": scores.impostor}
    missing = [kind for kind, trials in pairs.items() if not len(trials)]
    if len(missing) == len(pairs):
        missing = ["bona fide presentations"]
    raise InvalidRequest(
        f"{scores.name} has no {missing[0]}: error rates take genuine and impostor pairs, or bona"
        " fide presentations"
    )


def _compared(
    scores: Scores, rates: Sequence[float], prices: Prices | None, chosen_on: Scores | None
) -> dict[str, Any]:
    """The figures of comparisons, as fields of an evaluation."""
    genuine, impostor = scores.genuine, scores.impostor
    source = chosen_on.impostor if chosen_on else impostor
    used = None if scores.threshold is None else scores.on_scale(scores.threshold)
    return {
        "auc": area(genuine, impostor),
        "eer": eer(genuine, impostor, scores.on_scale),
        "operating": None if used is None else at_threshold(scores, used),
        "rates": [at_threshold(scores, threshold_for(source, rate), rate) for rate in rates],
        "curve": det(scores),
        "likelihood": likelihood(genuine, impostor),
        "costs": costs(scores, prices, used, chosen_on) if prices else None,
    }


def _in_use(
    scores: Scores, source: Scores, profile: Profile | None, rates: Sequence[AtThreshold]
) -> float:
    """The threshold, as closeness, that groups and a profile are judged at.

    It is the one in use; else the lowest that keeps the profile's FMR with 95 %; else that of the
    strictest rate that the sample supports; else the first one.
    """
    if scores.threshold is not None:
        return scores.on_scale(scores.threshold)
    if profile and source.impostor.units:
        assured = thresholds_for(source.impostor, profile.fmr)
        return assured.point if assured.bound is None else assured.bound
    told = [each for each in rates if each.support is Support.SUPPORTED] or rates[:1]
    return scores.on_scale(told[-1].threshold)
