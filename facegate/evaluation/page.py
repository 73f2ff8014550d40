"""An evaluation as one HTML page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import cycle
from pathlib import Path

from facegate.evaluation import charts
from facegate.evaluation.analyses import Attacks, Paired, Statement
from facegate.evaluation.evaluation import Evaluation
from facegate.evaluation.results import Groups, Rate
from facegate.evaluation.table import further, headline, in_brief, of_two, sample, title
from facegate.evaluation.words import Section, small
from facegate.figures.html import badges, figure, heading, page, paragraph, table
from facegate.figures.svg import colour

_STYLE = Path(__file__).with_name("page.css")
_METHOD = (
    "FMR is the share of strangers who are taken for the claimed person, FNMR the share of genuine"
    " people who are turned away (ISO/IEC 19795-1). A threshold is the lowest one at which the FMR"
    " is at most the one asked for; scores that tie are never divided.",
    "One person is in many pairs, so pairs are not independent. Intervals are Wilson's on the"
    " number of independent pairs that would vary as much as the rate does when one person is left"
    " out at a time; the band is of people drawn anew. Where there are few errors, two bounds are"
    " given: one that holds if pairs were independent, and one that holds whatever people have to"
    " do with one another (Hoeffding 1963).",
    "Supported means 30 errors or more, by 20 people or more, of whom no five are in half of them;"
    " weak means 10 errors or more. What is not supported is not a low rate: nobody knows.",
    "Rates belong to pictures and people like these. Groups are held to one threshold, and are the"
    " labels that were given: nothing is inferred from a picture or a name. The false negative"
    " identification rate (FNIR) does not apply: nobody is searched for.",
)


def html(evaluations: Sequence[Evaluation], paired: Paired | None = None) -> str:
    """The page of one provider's evaluation, or of several on the same pairs.

    Args:
        evaluations: of each provider, one or more.
        paired: the comparison of two.
    """
    return page(
        title(evaluations),
        headline(evaluations, paired),
        "; ".join(map(sample, evaluations)),
        _parts(evaluations, paired),
        _STYLE.read_text(encoding="utf-8"),
    )


def _parts(evaluations: Sequence[Evaluation], paired: Paired | None) -> Iterator[str]:
    several = len(evaluations) > 1
    if paired is not None:
        yield _statements(paired.statements)
    for each in evaluations:
        yield from (heading(each.name),) if several else ()
        yield _statements(each.statements)
    yield f'{heading("Charts")}<div class="charts">{"".join(_charts(evaluations))}</div>'
    if paired is not None:
        yield from _section(of_two(paired))
    for sections in (in_brief, further):
        for each in evaluations:
            for section in sections(each):
                yield from _section(section, each.name if several else "")
    yield heading("How to read this")
    yield from map(paragraph, _METHOD)


def _statements(statements: Iterable[Statement]) -> str:
    return badges((str(each.verdict), each.text) for each in statements)


def _section(section: Section, name: str = "") -> Iterator[str]:
    yield heading(f"{name}: {section.title}" if name else section.title)
    if section.rows:
        yield table(section.head, section.rows)
    yield from map(paragraph, section.notes)


def _charts(evaluations: Sequence[Evaluation]) -> Iterator[str]:
    names = [each.name for each in evaluations]
    # Where labels were selected, no error rate holds.
    curves = [() if each.selected else each.curve for each in evaluations]
    lines = _legend(names)
    yield figure("Both errors (DET)", charts.det(curves, names), lines)
    yield figure("Genuine people matched (ROC)", charts.roc(curves), lines)
    for each, curve in zip(evaluations, curves, strict=True):
        of = f" of {each.name}" if len(evaluations) > 1 else ""
        in_use = each.operating.threshold if each.operating is not None else None
        chart = charts.by_threshold(curve, in_use)
        yield figure(f"Errors by threshold{of}", chart, _legend(("FNMR", "FMR")))
        attacks = each.attacks
        passing = attacks.threshold if attacks is not None and in_use is None else in_use
        kinds = [kind.kind.replace("_", " ") for kind in each.histograms if any(kind.counts)]
        yield figure(f"Scores{of}", charts.histograms(each.histograms, passing), _legend(kinds))
        for groups in each.groups:
            yield from _by_group(groups, of)
        if attacks is not None:
            yield _by_species(attacks, of)
        if each.likelihood is not None:
            chart = charts.reliability(each.likelihood.reliability)
            figures = (
                f"Cllr {each.likelihood.cllr:.3f} bits, at least {each.likelihood.min_cllr:.3f}"
            )
            yield figure(f"Scores as probabilities{of}", chart, {f"fill {colour(0)}": figures})


def _by_group(groups: Groups, of: str) -> Iterator[str]:
    asked = f" at {small(groups.fmr_asked)}" if groups.fmr_asked is not None else ""
    fmr = [(each.name, each.fmr) for each in groups.groups if each.fmr is not None]
    fnmr = [(each.name, each.fnmr) for each in groups.groups if each.fnmr is not None]
    for name, rates, everybody in (("FMR", fmr, groups.random), ("FNMR", fnmr, None)):
        chart = charts.rates_of(rates, everybody, f"{name} of members, one threshold for all")
        yield figure(f"{name} by {groups.column}{asked}{of}", chart, _support(rates))


def _by_species(attacks: Attacks, of: str) -> str:
    rates = [(each.name, each.apcer) for each in attacks.species if each.apcer is not None]
    chart = charts.rates_of(rates, None, "attacks that pass at the threshold in use")
    return figure(f"APCER by species{of}", chart, _support(rates))


def _support(rates: Sequence[tuple[str, Rate]]) -> dict[str, str]:
    """The meaning of the marks for how well rates are supported."""
    kinds = {"supported": "sure", "weak": "unsure", "not supported": "open"}
    found = {str(rate.support) for _, rate in rates}
    return {kind: word for word, kind in kinds.items() if word in found}


def _legend(names: Sequence[str]) -> dict[str, str]:
    """The names of lines; of several, with how each is drawn."""
    if len(names) == 1:
        return {f"fill {colour(0)}": names[0]}
    lines = zip(names, cycle(charts.DASHES), strict=False)
    return {f"fill {colour(index)}": f"{name}, {line}" for index, (name, line) in enumerate(lines)}
