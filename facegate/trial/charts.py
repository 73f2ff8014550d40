"""The charts of a trial."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from facegate.figures import svg
from facegate.figures.words import duration, percent
from facegate.trial.arms import ArmFigures
from facegate.trial.comparisons import Look
from facegate.trial.tally import OUTCOMES

_TOP = 10
_LEGIBLE = 0.12
"""Shares from here on have room for their number."""
_CLASSES = 8
"""Most error classes that are drawn."""
_DASHES = ("", "6 3", "2 3", "9 3 2 3")
"""Lines differ by more than colour."""
_MARKS = (
    ("p50", 0.5, "median"),
    ("p95", 0.95, "95th percentile"),
    ("p99", 0.99, "99th percentile"),
)


def outcomes(arms: Sequence[ArmFigures], names: Sequence[str]) -> str:
    """Chart of the shares of outcomes, a bar for each arm under its name."""
    step = 44
    parts: list[str] = []
    for index, (arm, name) in enumerate(zip(arms, names, strict=True)):
        top = _TOP + step * index
        parts.append(svg.text(0, top + 10, f"{name}: {arm.people:,} people"))
        parts += _stacked(arm, top + 16)
    bottom = _TOP + step * len(arms)
    for tick in range(0, 101, 25):
        x = tick / 100 * svg.WIDTH
        anchor = "start" if not tick else "end" if tick == 100 else "middle"
        parts.append(svg.line(x, bottom - 6, x, bottom - 2, "axis"))
        parts.append(svg.text(x, bottom + 12, f"{tick} %", anchor, "dim"))
    parts.append(svg.text(svg.WIDTH / 2, bottom + 28, "share of all who asked", "middle", "dim"))
    return svg.chart(bottom + 32, "What people got, as shares of all who asked", parts)


def _stacked(arm: ArmFigures, top: float) -> Iterator[str]:
    left = 0.0
    for code, outcome in enumerate(OUTCOMES):
        share = arm.outcomes[outcome].share
        width = share * svg.WIDTH
        if width:
            yield svg.bar((left, top), width, 18, f"o{code}")
        if share >= _LEGIBLE:
            yield svg.text(left + width / 2, top + 13, percent(share), "middle", f"in{code}")
        left += width


def over_time(looks: Sequence[Look], margin: float, title: str) -> str:
    """Chart of a difference of shares and its interval, as they were known from day to day.

    Args:
        looks: at least one, in order of time.
        margin: differences up to this are taken for none, 0..1.
        title: what the difference is of.
    """
    times = [look.at.timestamp() for look in looks]
    start, end = times[0], max(times[-1], times[0] + 1)
    most, step = _extent(looks[-1], margin)

    def x(time: float) -> float:
        return svg.LEFT + (time - start) / (end - start) * (svg.RIGHT - svg.LEFT)

    def y(value: float) -> float:
        clipped = max(-most, min(most, value))
        return svg.UPPER + (most - clipped) / (2 * most) * (svg.LOWER - svg.UPPER)

    def places(values: Iterable[float]) -> list[svg.Point]:
        return [(x(time), y(value)) for time, value in zip(times, values, strict=True)]

    parts = []
    for index in range(-round(most / step), round(most / step) + 1):
        value = index * step
        kind = "grid" if index else "zero"
        parts.append(svg.line(svg.LEFT, y(value), svg.RIGHT, y(value), kind))
        digits = 0 if step >= 0.01 else 1
        words = f"{100 * value:+.{digits}f}" if index else "0"
        parts.append(svg.text(svg.LEFT - 6, y(value) + 4, words, "end", "dim"))
    margins = (y(-margin), y(margin))
    parts += [svg.line(svg.LEFT, each, svg.RIGHT, each, "margin") for each in margins]
    spans = [look.difference.interval for look in looks]
    parts.append(svg.band(places(span.high for span in spans), places(span.low for span in spans)))
    parts.append(svg.path(places(look.difference.value for look in looks), svg.colour(1)))
    parts += svg.times_axis(start, end, x)
    parts.append(svg.text(0, 12, title))
    return svg.chart(svg.HEIGHT, f"{title}, with its interval over time", parts)


def _extent(last: Look, margin: float) -> tuple[float, float]:
    """The largest difference that a chart shows, either way, and the step of its grid."""
    interval = last.difference.interval
    # What was known in the first days is off the chart: it would flatten all the rest.
    ends = abs(interval.low), abs(interval.high)
    most = min(max(3 * interval.half, 1.5 * max(ends), 2 * margin), 1)
    step = svg.round_step(2 * most / 5)
    return math.ceil(most / step) * step, step


def latencies(arms: Sequence[ArmFigures], names: Sequence[str]) -> str:
    """Chart of the share of answers by the time they took at most, a line for each arm."""
    lines = [
        (index, name, arm.latency)
        for index, (arm, name) in enumerate(zip(arms, names, strict=True))
        if arm.latency
    ]
    if not lines:
        return ""
    smallest = max(min(latency.curve[0] for _, _, latency in lines), 1e-4)
    low = math.log10(smallest)
    high = math.log10(max(smallest * 2, *(latency.curve[-1] for _, _, latency in lines)))

    def place(seconds: float, share: float) -> svg.Point:
        along = (math.log10(max(seconds, smallest)) - low) / (high - low)
        return svg.LEFT + along * (svg.RIGHT - svg.LEFT), y(share)

    def y(share: float) -> float:
        return svg.LOWER - share * (svg.LOWER - svg.UPPER)

    parts = [*svg.shares_axis(y)]
    for seconds in svg.decades(low, high):
        x, _ = place(seconds, 0)
        parts.append(svg.line(x, svg.UPPER, x, svg.LOWER, "grid"))
        parts.append(svg.text(x, svg.LOWER + 15, f"{seconds:g}", "middle", "dim"))
    for index, name, latency in lines:
        steps = len(latency.curve) - 1
        places = [place(each, step / steps) for step, each in enumerate(latency.curve)]
        parts.append(svg.path(places, svg.colour(index), _DASHES[index % len(_DASHES)]))
        for field, share, words in _MARKS:
            seconds = getattr(latency, field)
            title = f"{name}, {words}: {duration(seconds)}"
            parts.append(svg.dot(place(seconds, share), f"fill {svg.colour(index)}", title))
    parts.append(svg.text(0, 12, "share of answers; dots at the median, 95 % and 99 %"))
    middle = (svg.LEFT + svg.RIGHT) / 2
    caption = "seconds, on a logarithmic scale"
    parts.append(svg.text(middle, svg.HEIGHT - 4, caption, "middle", "dim"))
    return svg.chart(svg.HEIGHT, "Share of answers that took at most so many seconds", parts)


def errors(arms: Sequence[ArmFigures], names: Sequence[str]) -> str:
    """Chart of the shares of requests that failed, by class of error, a bar for each arm."""
    shares = _error_shares(arms)
    if not shares:
        return ""
    most = max(map(max, shares.values()))
    height, room = 15, svg.WIDTH - 64
    parts, top = [], float(_TOP)
    for error, of_arms in shares.items():
        parts.append(svg.text(0, top + 8, error))
        top += 14
        for index, (share, name) in enumerate(zip(of_arms, names, strict=True)):
            width, words = share / most * room, percent(share, 2)
            if share:
                kind = f"fill {svg.colour(index)}"
                bar = svg.bar((0, top), max(width, 1), height - 1, kind, f"{name}: {words}")
                parts.append(bar)
            parts.append(svg.text(width + 6, top + 11, words, "start", "dim"))
            top += height
        top += 10
    parts.append(svg.text(0, top + 8, "share of all requests", "start", "dim"))
    return svg.chart(top + 14, "Errors by class, as shares of all requests", parts)


def _error_shares(arms: Sequence[ArmFigures]) -> Mapping[str, Sequence[float]]:
    """Each arm's share of requests that failed so, by class; the most frequent classes first."""
    totals: dict[str, int] = {}
    for arm in arms:
        for error, count in arm.errors.items():
            totals[error] = totals.get(error, 0) + count
    classes = sorted(totals, key=lambda error: -totals[error])[:_CLASSES]
    return {
        error: [arm.errors.get(error, 0) / max(arm.requests, 1) for arm in arms]
        for error in classes
    }
