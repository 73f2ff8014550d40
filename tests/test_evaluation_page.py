"""The page of an evaluation: charts and tables of everything, and nothing from anywhere."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facegate.evaluation import charts, page, words
from facegate.evaluation.analyses import Prices
from facegate.evaluation.evaluation import Evaluation
from facegate.evaluation.paired import paired
from facegate.evaluation.profiles import PROFILES
from facegate.evaluation.readers import score_list
from facegate.evaluation.results import CurvePoint, Failures, Histogram, Rate, Ratio, Support
from facegate.evaluation.table import further, in_brief, title
from facegate.figures import svg
from facegate.figures.html import badges, paragraph
from facegate.figures.intervals import Interval
from made_up import made_up
from test_trial_command import Checked

pytestmark = pytest.mark.slow

EVIL = '<script>alert(1)</script>"&'


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_up(tmp_path_factory.mktemp("made"), people=80)


@pytest.fixture(scope="module")
def main(made: Path) -> Evaluation:
    """An evaluation with comparisons, groups, costs and a profile."""
    return Evaluation.of(
        score_list(made / "main.csv"),
        threshold=0.62,
        prices=Prices(false_match=500, false_non_match=8, prior=0.01, review=2),
        profile=PROFILES["nist-ial2"],
    )


@pytest.fixture(scope="module")
def attacks(made: Path) -> Evaluation:
    return Evaluation.of(score_list(made / "attacks.csv"))


@pytest.fixture(scope="module")
def both(made: Path) -> str:
    lists = [score_list(made / name) for name in ("main.csv", "other.csv")]
    return page.html([Evaluation.of(each) for each in lists], paired(*lists))


def headings(html: str) -> list[str]:
    return [found.replace("\u00a0", " ") for found in re.findall(r"<h2>(.+?)</h2>", html)]


def test_comparisons_have_a_chart_and_a_table_of_everything(main: Evaluation) -> None:
    assert headings(page.html([main])) == [
        "Charts",
        "Both errors (DET)",
        "Genuine people matched (ROC)",
        "Errors by threshold",
        "Scores",
        "FMR by sex",
        "FNMR by sex",
        "Scores as probabilities",
        "Profile nist-ial2: not met",
        "Error rates",
        "By sex, at one threshold",
        "Cost of a decision",
        "Without failed captures",
        "FMR by sex of both",
        "Failures, latency, cost",
        "Look at these labels first",
        "How to read this",
    ]


def test_attacks_have_theirs(attacks: Evaluation) -> None:
    html = page.html([attacks])
    assert headings(html) == [
        "Charts",
        "Scores",
        "APCER by species",
        "Attacks by species",
        "Failures, latency, cost",
        "Look at these labels first",
        "How to read this",
    ]
    assert "mask (worst)" in html


def test_two_providers_are_lines_of_one_chart(both: str) -> None:
    found = headings(both)
    assert found.count("Both errors (DET)") == 1
    assert {"Scores of main", "Scores of other", "other: Error rates"} <= set(found)
    assert "main and other on the same pairs" in found
    det = both[both.index("Both errors (DET)") :].partition("</figure>")[0]
    assert ">main, solid<" in det
    assert ">other, dashed<" in det
    assert len(re.findall(r'class="path a\d" stroke-dasharray', det)) == 1


def test_the_page_is_well_formed_and_nothing_leaves_its_charts(
    main: Evaluation, attacks: Evaluation, both: str
) -> None:
    for html in (page.html([main]), page.html([attacks]), both):
        seen = Checked(html)
        assert [each for each in seen.named("svg") if each.get("role") == "img"]
        for place in ("x", "x1", "x2", "y1", "cx", "cy", "width"):
            numbers = [float(each[place] or "") for _, each in seen.elements if place in each]
            assert all(-1 <= number <= 600 for number in numbers if number), place
        points = re.findall(r'points="(.+?)"', html)
        places = [float(number) for each in points for number in re.split("[ ,]", each)]
        assert all(0 <= number <= svg.WIDTH for number in places)


def test_the_page_needs_nothing_from_anywhere(main: Evaluation) -> None:
    html = page.html([main])
    tags = {tag for tag, _ in Checked(html).elements}
    assert tags.isdisjoint({"script", "link", "img", "iframe"})
    assert "default-src 'none'" in html
    assert not re.findall(r"https?:|url\(|@import|src=|href=", html)


def test_names_that_look_like_markup_are_only_names(main: Evaluation) -> None:
    named = replace(main, name=EVIL, scale=EVIL, groups=[replace(main.groups[0], column=EVIL)])
    usual = replace(main, name="n", scale="s", groups=[replace(main.groups[0], column="c")])
    seen, expected = (Checked(page.html([each])).elements for each in (named, usual))
    assert {tag for tag, _ in seen} == {tag for tag, _ in expected}


def test_what_takes_away_from_a_report_is_in_its_name(main: Evaluation) -> None:
    outages = Failures(1000, 0, 0, 0, {}, 11, {"ProviderTimeout": 11})
    incomplete = replace(main, failures=outages)
    assert title([main]) == "Evaluation of main"
    assert title([incomplete]) == "Incomplete: evaluation of main"
    assert "<h1>Incomplete: evaluation of main</h1>" in page.html([incomplete])
    selected = replace(main, selected=True)
    assert title([selected]) == "Evaluation of main: operational, labels selected"
    assert title([main, selected, incomplete]).startswith("Incomplete: evaluation of main and main")


def test_selected_labels_make_no_claim_of_a_rate(main: Evaluation) -> None:
    found = headings(page.html([replace(main, selected=True)]))
    assert {"Both errors (DET)", "Errors by threshold", "Error rates"}.isdisjoint(found)
    assert "Scores" in found


def test_nobody_is_shown_a_naive_interval(main: Evaluation) -> None:
    sections = [*in_brief(main), *further(main)]
    text = " ".join(cell for each in sections for row in each.rows for cell in row)
    naive = [
        f"({words.small(at.fmr.naive.low)} to {words.small(at.fmr.naive.high)})"
        for at in main.rates
        if at.support is not Support.NOT_SUPPORTED
    ]
    assert naive
    assert not [each for each in naive if each in text]


SPAN = Interval(0.01, 0.04)


def rate(errors: int, support: Support, interval: Interval | None = SPAN) -> Rate:
    return Rate(errors, 1000, interval, SPAN, 500, 0.003, 0.06, 9, 0.2, support)


def test_how_well_a_rate_is_supported_shows(main: Evaluation) -> None:
    rates = [(support.value, rate(count, support)) for count, support in enumerate(Support)]
    drawn = charts.rates_of(rates, rate(20, Support.SUPPORTED), "FMR")
    assert drawn.count('class="sure"') == drawn.count('class="unsure"') == 1
    assert drawn.count('class="path open"') == 1  # a dotted line, and no dot
    assert drawn.count("<circle") == 2
    assert ">not supported (not supported)<" in drawn
    assert ">everybody<" in drawn


def test_a_rate_is_told_with_its_interval_or_its_bounds() -> None:
    assert words.share(rate(20, Support.WEAK)) == "2.0 % (1.0 to 4.0)"
    assert words.fmr(rate(20, Support.SUPPORTED)) == "2e-2 (1e-2 to 4e-2)"
    assert words.share(rate(20, Support.NOT_SUPPORTED, None)) == "2.0 % (people not known)"
    assert words.share(rate(2, Support.NOT_SUPPORTED)) == (
        "0.2 % (2 of 1,000)\nbelow 0.3 % if independent\nbelow 6.0 % guaranteed"
    )
    assert words.fmr(None) == words.counted(None) == words.ratio(None) == words.of(1, 0) == "-"
    assert words.counted(rate(2, Support.WEAK)) == "2 (0.20 %)"
    assert words.ratio(Ratio(3.6, Interval(2.4, 5.3), bounded=True, support=Support.WEAK)) == (
        "up to 3.6 (2.4 to 5.3)"
    )
    assert [words.number(each) for each in (0.0001, 0.25, 5088)] == ["1e-4", "0.25", "5,088"]
    assert words.number(1.25, Interval(1, 2)) == "1.25 (1 to 2)"
    assert words.in_line("a\nb") == "a, b"


def test_kinds_of_statements_of_two_words_are_one_class() -> None:
    assert '<span class="badge not-supported">not supported</span>' in badges(
        [("not supported", "")]
    )


def test_a_power_of_ten_stays_in_one_piece() -> None:
    assert '<span class="whole">1e-5</span>' in paragraph("an FMR of 1e-5 or less")
    assert "whole" not in paragraph("route-5e-mail")


def test_nothing_is_drawn_of_nothing() -> None:
    empty = Histogram("genuine", [0.0, 1.0], [0])
    assert not charts.det([[]], ["main"])
    assert not charts.roc([[]])
    assert not charts.by_threshold([], None)
    assert not charts.histograms([empty], None)
    assert not charts.rates_of([], None, "FMR")
    assert not charts.reliability([])


def test_rates_of_nothing_and_of_all_have_a_place_too() -> None:
    curve = [CurvePoint(0.5, 1.0, 0.0, Interval(0, 1)), CurvePoint(0.5, 0.0, 1.0, None)]
    for drawn in (
        charts.det([curve], ["main"]),
        charts.roc([[*curve, CurvePoint(0.5, 0.5, 0.5, None)]]),
        charts.by_threshold(curve, 0.5),
        charts.histograms([Histogram("genuine", [0.5, 0.5], [3])], 0.5),
        charts.rates_of([("a", rate(0, Support.NOT_SUPPORTED))], None, "FMR"),
    ):
        assert Checked(drawn).elements
        assert "nan" not in drawn
        assert "inf" not in drawn


@given(st.floats(1e-9, 0.5), st.floats(1e-9, 1 - 1e-9))
def test_a_normal_deviate_rises_and_is_the_same_on_both_sides(share: float, other: float) -> None:
    assert svg.deviate(1 - share) == pytest.approx(-svg.deviate(share), abs=1e-6)
    assert (svg.deviate(share) < svg.deviate(other)) is (share < other)
    # The share of a normal distribution below its deviate is the share itself.
    below = math.erfc(-svg.deviate(share) / math.sqrt(2)) / 2
    assert below == pytest.approx(share, rel=1e-6)


@given(st.sampled_from([1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.1]), st.floats(0.5, 0.999))
def test_marks_of_a_normal_deviate_axis_are_within_it_and_apart(low: float, high: float) -> None:
    marks = list(svg.deviates(low, high))
    assert all(low <= mark <= high for mark in marks)
    assert 3 <= len(marks) <= 12
    length = svg.deviate(high) - svg.deviate(low)
    steps = [svg.deviate(two) - svg.deviate(one) for one, two in pairwise(marks)]
    assert min(steps) / length > 0.04
