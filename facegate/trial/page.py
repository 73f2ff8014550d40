"""A trial as one HTML page that needs nothing else: no script, no font, no network."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from html import escape
from pathlib import Path

from facegate.trial import charts
from facegate.trial.arms import Arm
from facegate.trial.comparisons import Pairing
from facegate.trial.figures import FIGURES, MEANINGS, named, period, told_of
from facegate.trial.findings import Finding, headline, percent
from facegate.trial.tally import OUTCOMES, Outcome
from facegate.trial.trial import RATIO_P, Trial

_STYLE = Path(__file__).with_name("page.css")


def html(trial: Trial, said: Sequence[Finding]) -> str:
    """The page."""
    style = _STYLE.read_text(encoding="utf-8")
    arms = (*trial.arms, *trial.shadows)
    names = [named(arm) for arm in arms]
    people = len(OUTCOMES) + 1
    return "".join(
        (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta http-equiv="Content-Security-Policy"',
            " content=\"default-src 'none'; style-src 'unsafe-inline'\">",
            f"<title>Trial on {_told(trial.route)}</title><style>{style}</style></head><body>",
            f"<header><h1>Trial on {_told(trial.route)}</h1>",
            f'<p class="headline">{_told(headline(said))}</p>',
            f'<p class="dim">{_told(period(trial))}</p></header><main>',
            f'<ul class="findings">{"".join(map(_finding, said))}</ul>',
            f'<h2>Charts</h2><div class="charts">{_charts(trial, arms, names)}</div>',
            "<h2>People</h2>",
            _p(
                "Every subject's first request. In brackets, per cent that hold at every look, with"
                " 95 % for each."
            ),
            _figures(arms, names, FIGURES[:people]),
            "<h2>Requests</h2>",
            _p(
                "All requests, repeated ones too. Intervals of labelled errors are Clopper and"
                " Pearson's, for one look."
            ),
            _figures(arms, names, FIGURES[people:]),
            *map(_pairing, trial.pairings),
            _method(trial),
            "</main></body></html>\n",
        )
    )


def _finding(found: Finding) -> str:
    badge = f'<span class="badge {found.verdict}">{found.verdict}</span>'
    return f"<li>{badge}<p>{_told(found.text)}</p></li>"


def _charts(trial: Trial, arms: Sequence[Arm], names: Sequence[str]) -> str:
    meanings = {f"o{code}": MEANINGS[outcome] for code, outcome in enumerate(OUTCOMES)}
    broken = trial.ratio is not None and trial.ratio.broken
    lines = {f"fill a{index % 6}": name for index, name in enumerate(names)}
    drawn = [
        _figure("What people got", charts.outcomes(arms, names), meanings),
        *(
            _figure(
                f"{each.arm} against {each.control}, over time",
                charts.over_time(
                    each.looks,
                    trial.margin,
                    f"points more accepted by {each.arm} than {each.control}",
                ),
                {"band": _BAND},
            )
            for each in trial.comparisons
            if each.looks and not broken
        ),
        *(
            _figure(
                f"{each.candidate} beside {each.primary}, over time",
                charts.over_time(
                    each.looks,
                    trial.margin,
                    f"points more of the same requests accepted by {each.candidate}",
                ),
                {"band": _BAND},
            )
            for each in trial.pairings
            if each.looks
        ),
        _figure("How long answers took", charts.latencies(arms, names), lines),
        _figure("Errors by class", charts.errors(arms, names), lines),
    ]
    return "".join(drawn)


_BAND = "interval that holds at every look; dotted: differences up to the margin"


def _figure(title: str, chart: str, words: dict[str, str]) -> str:
    if not chart:
        return ""
    return f"<figure><h2>{_told(title)}</h2>{charts.legend(words)}{chart}</figure>"


def _told(text: str) -> str:
    return escape(text).replace(" %", "\u00a0%")


def _p(text: str) -> str:
    return f'<p class="dim">{_told(text)}</p>'


def _figures(
    arms: Sequence[Arm],
    names: Sequence[str],
    figures: Iterable[tuple[str, Callable[[Arm], str]]],
) -> str:
    rows = ((name, *(told(arm) for arm in arms)) for name, told in figures)
    return _table(("", *names), rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    def cells(values: Sequence[str]) -> str:
        return f'<th scope="row">{_told(values[0])}</th>' + "".join(
            f"<td>{_told(value)}</td>" for value in values[1:]
        )

    top = "".join(f'<th scope="col">{_told(name)}</th>' for name in head)
    body = "".join(f"<tr>{cells(row)}</tr>" for row in rows)
    table = f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="scroll">{table}</div>'


def _pairing(found: Pairing) -> str:
    who, other = found.candidate, found.primary
    lost = {(one, two): count for one, two, count in found.table}
    kinds = [kind for kind in Outcome if any(kind in pair for pair in lost)]
    table = _table(
        (f"{other} \\ {who}", *(MEANINGS[kind] for kind in kinds)),
        ((MEANINGS[one], *(f"{lost.get((one, two), 0):,}" for two in kinds)) for one in kinds),
    )
    agreed = (
        f"They agree on {percent(found.agreed.share)} of {found.answered:,} that both answered."
    )
    parts = [f"<h2>{_told(who)} beside {_told(other)}</h2>", _p(agreed), table]
    if found.cases:
        shown = len(found.cases)
        more = f" The latest {shown:,} of {found.disagreed:,}." if found.disagreed > shown else ""
        parts += [
            "<h2>To review</h2>",
            _p(
                "Requests that the two decided differently; each score is on its provider's own"
                f" scale.{more}"
            ),
            _table(("request", "when, UTC", other, who), map(told_of, reversed(found.cases))),
        ]
    return "".join(parts)


def _method(trial: Trial) -> str:
    claims = (
        f" The {trial.claims} statements that are made about differences are wrong, all of them"
        " taken together and at however many looks, in 5 % of trials at most."
        if trial.claims
        else ""
    )
    return "<h2>How to read this</h2>" + "".join(
        map(
            _p,
            (
                "Of every subject the first request counts, for later ones are not independent of"
                " it; requests that failed count as not accepted. Intervals of shares, differences"
                f" and percentiles are confidence sequences.{claims} They take it that rates in an"
                " arm do not change with time: after a change of weights, thresholds or vendors,"
                " report the time since then.",
                "Sources: Lindon and Malek 2022 for rates, Turner and Grünwald 2023 for"
                " differences, Howard and Ramdas 2022 for percentiles, McNemar 1947 for pairs. The"
                " split is held against its weights by chi-square, or exactly where there are few,"
                f" and called broken below p = {RATIO_P:g}.",
                "A higher share of accepted people is not accuracy. Only labels say who is right.",
            ),
        )
    )
