"""Parts of a report's page hold for whatever is put into them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facegate.figures import html, svg
from facegate.figures.data import plain
from facegate.figures.latency import Latency
from facegate.figures.words import points

PARTS: list[Callable[[str], str]] = [
    html.escaped,
    html.heading,
    html.paragraph,
    lambda text: html.badges([("note", text)]),
    lambda text: html.figure(text, "<svg></svg>", {"a0": text}),
    lambda text: html.table(["", text], [[text, text]]),
    lambda text: html.page(text, text, text, [], ""),
    lambda text: svg.chart(100, text, [svg.text(0, 0, text)]),
    lambda text: svg.bar((0, 0), 1, 1, "a0", f"title {text}"),
    lambda text: svg.dot((0, 0), "a0", f"title {text}"),
]


def elements(markup: str) -> list[str]:
    """The tags in markup, as they open; what a cell is of is text."""
    tags: list[str] = []

    class Parser(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            tags.append(f"{tag} {[(name, name == 'data-of' or text) for name, text in attrs]}")

    parser = Parser()
    parser.feed(markup)
    parser.close()
    return tags


@pytest.mark.parametrize("part", PARTS)
@given(text=st.text("<>&\"'/=! %abc-"))
def test_text_is_never_taken_for_markup(part: Callable[[str], str], text: str) -> None:
    assert elements(part(text)) == elements(part("plain"))


@given(st.floats(1e-9, 1e9))
def test_a_step_is_rounded_to_the_next_of_1_2_and_5(step: float) -> None:
    rounded = svg.round_step(step)
    leading = rounded / 10 ** math.floor(math.log10(rounded) + 1e-9)
    assert min(abs(leading - digit) for digit in (1, 2, 5)) < 1e-6
    assert step * (1 - 1e-6) <= rounded <= 2.5 * step * (1 + 1e-6)


@given(st.floats(-6, 4), st.floats(0.31, 6))
def test_marks_of_a_logarithmic_axis_are_within_it_and_few(low: float, size: float) -> None:
    marks = list(svg.decades(low, low + size))
    assert marks == sorted(set(marks))
    assert 1 <= len(marks) <= 9
    assert all(low - 1e-9 <= math.log10(mark) <= low + size + 1e-9 for mark in marks)


@given(st.lists(st.floats(0, 100), min_size=1))
def test_a_curve_of_latency_rises_through_its_percentiles(seconds: list[float]) -> None:
    ordered = sorted(seconds)
    latency = Latency.of(ordered)
    assert latency
    assert [*latency.curve] == sorted(latency.curve)
    assert (latency.curve[0], latency.curve[-1]) == (ordered[0], ordered[-1])
    assert ordered[0] <= latency.p50 <= latency.p95 <= latency.p99 <= ordered[-1]


def test_nothing_answered_has_no_latency() -> None:
    assert Latency.of([]) is None


@dataclass
class Sample:
    at: datetime
    low: float
    counts: dict[int, tuple[int, ...]]


def test_figures_are_json_without_what_json_has_no_number_for() -> None:
    sample = Sample(datetime(2026, 3, 1, tzinfo=UTC), -math.inf, {1: (2, 3)})
    text = json.dumps(plain([sample]), allow_nan=False)
    assert json.loads(text) == [
        {"at": "2026-03-01T00:00:00+00:00", "low": None, "counts": {"1": [2, 3]}}
    ]


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0"), (-0.0004, "0"), (0.039, "+3.9"), (-0.1, "-10.0")]
)
def test_a_difference_that_rounds_to_none_has_no_sign(value: float, text: str) -> None:
    assert points(value) == text
