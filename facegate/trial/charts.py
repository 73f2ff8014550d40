"""The charts of a report as inline SVG, which takes its colours from the page around it.

Every chart is drawn for a column of 420 units, so that its words stay readable on a telephone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from html import escape

from facegate.trial.arms import Arm
from facegate.trial.comparisons import Look
from facegate.trial.findings import duration
from facegate.trial.tally import OUTCOMES

WIDTH = 420
_RIGHT = WIDTH - 12
_TOP = 10
_LEFT, _UPPER, _LOWER, _HEIGHT = 44, 28, 218, 252
"""Of charts with two axes."""
_CLASSES = 8
"""Most error classes that are drawn."""
_DASHES = ("", "6 3", "2 3", "9 3 2 3")
"""Lines differ by more than colour."""
_MARKS = (("p50", "median"), ("p95", "95th percentile"), ("p99", "99th percentile"))


def outcomes(arms: Sequence[Arm], names: Sequence[str]) -> str:
    """What people got, a bar for each arm."""
    step, height = 44, 18
    parts = []
    for index, (arm, name) in enumerate(zip(arms, names, strict=True)):
        top = _TOP + step * index
        parts.append(_text(0, top + 10, f"{name}: {arm.people:,} people"))
        left = 0.0
        for code, outcome in enumerate(OUTCOMES):
            share = arm.outcomes[outcome].share
            wide = share * WIDTH
            if wide:
                place = f'x="{left:.1f}" y="{top + 16}" width="{wide:.1f}" height="{height}"'
                parts.append(f'<rect {place} class="o{code}"/>')
            if share >= 0.12:
                told = f"{100 * share:.1f} %"
                parts.append(_text(left + wide / 2, top + 29, told, "middle", f"in{code}"))
            left += wide
    bottom = _TOP + step * len(arms)
    for tick in range(0, 101, 25):
        x = tick / 100 * WIDTH
        anchor = "start" if not tick else "end" if tick == 100 else "middle"
        parts.append(_line(x, bottom - 6, x, bottom - 2, "axis"))
        parts.append(_text(x, bottom + 12, f"{tick} %", anchor, "dim"))
    parts.append(_text(WIDTH / 2, bottom + 28, "share of all who asked", "middle", "dim"))
    return _svg(bottom + 32, "What people got, as shares of all who asked", parts)


def over_time(looks: Sequence[Look], margin: float, what: str) -> str:
    """A difference of shares and its interval, as they were known from day to day."""
    times = [look.at.timestamp() for look in looks]
    start, end = times[0], max(times[-1], times[0] + 1)
    last = looks[-1].difference.interval
    # What was known in the first days is off the chart: it would flatten all the rest.
    most = min(max(3 * last.half, 1.5 * abs(last.low), 1.5 * abs(last.high), 2 * margin), 1)
    step = _nice(2 * most / 5)
    most = math.ceil(most / step) * step

    def x(time: float) -> float:
        return _LEFT + (time - start) / (end - start) * (_RIGHT - _LEFT)

    def y(value: float) -> float:
        return _UPPER + (most - max(-most, min(most, value))) / (2 * most) * (_LOWER - _UPPER)

    parts = []
    for index in range(-round(most / step), round(most / step) + 1):
        value = index * step
        parts.append(_line(_LEFT, y(value), _RIGHT, y(value), "zero" if not index else "grid"))
        digits = 0 if step >= 0.01 else 1
        told = f"{100 * value:+.{digits}f}" if index else "0"
        parts.append(_text(_LEFT - 6, y(value) + 4, told, "end", "dim"))
    parts += [_line(_LEFT, y(value), _RIGHT, y(value), "margin") for value in (-margin, margin)]
    spans = [look.difference.interval for look in looks]
    upper = [(x(time), y(span.high)) for time, span in zip(times, spans, strict=True)]
    lower = [(x(time), y(span.low)) for time, span in zip(times, spans, strict=True)]
    parts.append(f'<polygon points="{_points([*upper, *reversed(lower)])}" class="band"/>')
    middle = [(x(time), y(look.difference.value)) for time, look in zip(times, looks, strict=True)]
    parts.append(f'<polyline points="{_points(middle)}" class="path a1"/>')
    parts += _dates(start, end, x)
    parts.append(_text(0, 12, what))
    return _svg(_HEIGHT, f"{what}, with its interval over time", parts)


def latencies(arms: Sequence[Arm], names: Sequence[str]) -> str:
    """What share of answers took at most so long, a line for each arm."""
    told = [
        (index, name, arm.latency)
        for index, (arm, name) in enumerate(zip(arms, names, strict=True))
        if arm.latency
    ]
    if not told:
        return ""
    smallest = max(min(latency.curve[0] for _, _, latency in told), 1e-4)
    low = math.log10(smallest)
    high = math.log10(max(smallest * 2, *(latency.curve[-1] for _, _, latency in told)))

    def x(seconds: float) -> float:
        return _LEFT + (math.log10(max(seconds, smallest)) - low) / (high - low) * (_RIGHT - _LEFT)

    def y(share: float) -> float:
        return _LOWER - share * (_LOWER - _UPPER)

    parts = []
    for tick in range(0, 101, 25):
        parts.append(_line(_LEFT, y(tick / 100), _RIGHT, y(tick / 100), "grid"))
        parts.append(_text(_LEFT - 6, y(tick / 100) + 4, f"{tick} %", "end", "dim"))
    for seconds in _decades(low, high):
        parts.append(_line(x(seconds), _UPPER, x(seconds), _LOWER, "grid"))
        parts.append(_text(x(seconds), _LOWER + 15, f"{seconds:g}", "middle", "dim"))
    for index, name, latency in told:
        steps = len(latency.curve) - 1
        path = _points([(x(each), y(i / steps)) for i, each in enumerate(latency.curve)])
        dash = _DASHES[index % len(_DASHES)]
        style = f'class="path a{index % 6}" stroke-dasharray="{dash}"'
        parts.append(f'<polyline points="{path}" {style}/>')
        for mark, (field, word) in enumerate(_MARKS):
            seconds, share = getattr(latency, field), (0.5, 0.95, 0.99)[mark]
            title = f"<title>{escape(name)}, {word}: {duration(seconds)}</title>"
            place = f'cx="{x(seconds):.1f}" cy="{y(share):.1f}" r="3.5"'
            parts.append(f'<circle {place} class="fill a{index % 6}">{title}</circle>')
    parts.append(_text(0, 12, "share of answers; dots at the median, 95 % and 99 %"))
    where = (_LEFT + _RIGHT) / 2
    parts.append(_text(where, _HEIGHT - 4, "seconds, on a logarithmic scale", "middle", "dim"))
    return _svg(_HEIGHT, "Share of answers that took at most so many seconds", parts)


def errors(arms: Sequence[Arm], names: Sequence[str]) -> str:
    """How often requests failed, by class, a bar for each arm."""
    totals: dict[str, int] = {}
    for arm in arms:
        for name, count in arm.errors.items():
            totals[name] = totals.get(name, 0) + count
    classes = sorted(totals, key=lambda name: -totals[name])[:_CLASSES]
    if not classes:
        return ""
    shares = {
        name: [arm.errors.get(name, 0) / max(arm.requests, 1) for arm in arms] for name in classes
    }
    most = max(max(each) for each in shares.values())
    bar, room = 15, WIDTH - 64
    parts, top = [], float(_TOP)
    for name, each in shares.items():
        parts.append(_text(0, top + 8, name))
        top += 14
        for index, (share, who) in enumerate(zip(each, names, strict=True)):
            wide = share / most * room
            place = f'x="0" y="{top:.0f}" width="{max(wide, 1):.1f}" height="{bar - 1}"'
            title = f"<title>{escape(who)}: {100 * share:.2f} %</title>"
            if share:
                parts.append(f'<rect {place} class="fill a{index % 6}">{title}</rect>')
            parts.append(_text(wide + 6, top + 11, f"{100 * share:.2f} %", "start", "dim"))
            top += bar
        top += 10
    parts.append(_text(0, top + 8, "share of all requests", "start", "dim"))
    return _svg(top + 14, "Errors by class, as shares of all requests", parts)


def legend(words: Mapping[str, str]) -> str:
    """What colours mean: class and words."""
    swatches = (
        f'<li><svg viewBox="0 0 12 12" class="swatch" aria-hidden="true">'
        f'<rect width="12" height="12" class="{kind}"/></svg>{escape(word)}</li>'
        for kind, word in words.items()
    )
    return f'<ul class="legend">{"".join(swatches)}</ul>'


def _svg(height: float, title: str, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" class="chart">'
        f"<title>{escape(title)}</title>{''.join(parts)}</svg>"
    )


def _text(x: float, y: float, text: str, anchor: str = "start", kind: str = "") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{kind}"'
    return f"<text {place}>{escape(text)}</text>"


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'


def _points(places: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in places)


def _nice(step: float) -> float:
    """The next 1, 2 or 5 with zeros."""
    size = 10.0 ** math.floor(math.log10(step))
    return next(each * size for each in (1, 2, 5, 10) if each * size >= step * (1 - 1e-9))


def _decades(low: float, high: float) -> Iterator[float]:
    """Round numbers between two powers of ten, few enough to be read."""
    fine: Sequence[float] = (1, 2, 5) if high - low < 2.5 else (1,)
    if high - low < 0.8:
        fine = (1, 1.5, 2, 3, 4, 5, 7)
    for power in range(math.floor(low), math.ceil(high) + 1):
        yield from (each * 10.0**power for each in fine if low <= power + math.log10(each) <= high)


def _dates(start: float, end: float, x: Callable[[float], float]) -> Iterator[str]:
    span = (end - start) / 86400
    for index, anchor in enumerate(("start", "middle", "middle", "end")):
        time = start + (end - start) * index / 3
        at = datetime.fromtimestamp(time, UTC)
        month = f"{at:%b %Y}" if span > 300 else f"{at.day} {at:%b}"
        yield _text(x(time), _LOWER + 15, f"{at:%H:%M}" if span < 2 else month, anchor, "dim")
