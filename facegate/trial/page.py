"""A trial as one HTML page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from facegate.figures.html import badges, figure, heading, page, paragraph, table
from facegate.figures.svg import colour
from facegate.figures.words import percent
from facegate.trial import charts
from facegate.trial.arms import ArmFigures
from facegate.trial.comparisons import Look, Pairing
from facegate.trial.findings import TrialFinding, headline
from facegate.trial.ratio import RATIO_P
from facegate.trial.table import (
    MEANINGS,
    OF_PEOPLE,
    OF_REQUESTS,
    Figure,
    case_cells,
    label,
    period,
)
from facegate.trial.tally import OUTCOMES, RequestOutcome
from facegate.trial.trial import Trial

_STYLE = Path(__file__).with_name("page.css")
_BAND = "interval that holds at every look; dotted: differences up to the margin"


def html(trial: Trial, findings: Sequence[TrialFinding]) -> str:
    """The page of a trial and its findings."""
    return page(
        f"Trial on {trial.route}",
        headline(findings),
        period(trial),
        _parts(trial, findings),
        _STYLE.read_text(encoding="utf-8"),
    )


def _parts(trial: Trial, findings: Sequence[TrialFinding]) -> Iterator[str]:
    arms = (*trial.arms, *trial.shadows)
    yield badges((each.verdict, each.text) for each in findings)
    yield f'{heading("Charts")}<div class="charts">{"".join(_charts(trial, arms))}</div>'
    yield heading("People")
    yield paragraph(
        "Every subject's first request. In brackets, per cent that hold at every look, with 95 %"
        " for each."
    )
    yield _figures(arms, OF_PEOPLE)
    yield heading("Requests")
    yield paragraph(
        "All requests, repeated ones too. Intervals of labelled errors are Clopper and Pearson's,"
        " for one look."
    )
    yield _figures(arms, OF_REQUESTS)
    for pairing in trial.pairings:
        yield from _pairing(pairing)
    yield heading("How to read this")
    yield from map(paragraph, _method(trial))


def _charts(trial: Trial, arms: Sequence[ArmFigures]) -> Iterator[str]:
    names = [label(arm) for arm in arms]
    meanings = {f"o{code}": MEANINGS[outcome] for code, outcome in enumerate(OUTCOMES)}
    lines = {f"fill {colour(index)}": name for index, name in enumerate(names)}
    yield figure("What people got", charts.outcomes(arms, names), meanings)
    if trial.ratio is None or not trial.ratio.broken:
        for each in trial.comparisons:
            unit = f"points more accepted by {each.arm} than {each.control}"
            yield _over_time(f"{each.arm} against {each.control}", each.looks, trial.margin, unit)
    for pairing in trial.pairings:
        pair = f"{pairing.candidate} beside {pairing.primary}"
        unit = f"points more of the same requests accepted by {pairing.candidate}"
        yield _over_time(pair, pairing.looks, trial.margin, unit)
    yield figure("How long answers took", charts.latencies(arms, names), lines)
    yield figure("Errors by class", charts.errors(arms, names), lines)


def _over_time(pair: str, looks: Sequence[Look], margin: float, unit: str) -> str:
    if not looks:
        return ""
    return figure(f"{pair}, over time", charts.over_time(looks, margin, unit), {"band": _BAND})


def _figures(arms: Sequence[ArmFigures], figures: Iterable[Figure]) -> str:
    rows = ((name, *(words(arm) for arm in arms)) for name, words in figures)
    return table(("", *map(label, arms)), rows)


def _pairing(pairing: Pairing) -> Iterator[str]:
    candidate, primary = pairing.candidate, pairing.primary
    counts = {(one, two): count for one, two, count in pairing.table}
    kinds = [kind for kind in RequestOutcome if any(kind in pair for pair in counts)]
    yield heading(f"{candidate} beside {primary}")
    yield paragraph(
        f"They agree on {percent(pairing.agreed.share)} of {pairing.answered:,} that both answered."
    )
    yield table(
        (f"{primary} \\ {candidate}", *(MEANINGS[kind] for kind in kinds)),
        ((MEANINGS[one], *(f"{counts.get((one, two), 0):,}" for two in kinds)) for one in kinds),
    )
    if not pairing.cases:
        return
    shown, total = len(pairing.cases), pairing.disagreed
    more = f" The latest {shown:,} of {total:,}." if total > shown else ""
    yield heading("To review")
    yield paragraph(
        "Requests that the two decided differently; each score is on its provider's own"
        f" scale.{more}"
    )
    head = ("request", "when, UTC", primary, candidate)
    yield table(head, map(case_cells, reversed(pairing.cases)))


def _method(trial: Trial) -> Sequence[str]:
    claims = (
        f" The {trial.claims} statements that are made about differences are wrong, all of them"
        " taken together and at however many looks, in 5 % of trials at most."
        if trial.claims
        else ""
    )
    return (
        "Of every subject the first request counts, for later ones are not independent of it;"
        " requests that failed count as not accepted. Intervals of shares, differences and"
        f" percentiles are confidence sequences.{claims} They take it that rates in an arm do not"
        " change with time: after a change of weights, thresholds or vendors, report the time since"
        " then.",
        "Sources: Lindon and Malek 2022 for rates, Turner and Grünwald 2023 for differences, Howard"
        " and Ramdas 2022 for percentiles, McNemar 1947 for pairs. The split is held against its"
        " weights by chi-square, or exactly where there are few, and called broken below p ="
        f" {RATIO_P:g}.",
        "A higher share of accepted people is not accuracy. Only labels say who is right.",
    )
