"""Charts as inline SVG, which takes its colours from the page around it.

A chart is :data:`WIDTH` units wide, the width of a telephone, so that its words stay readable. What
is drawn has a class of the page's style: ``a0`` to ``a5`` are the colours of what is compared.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from html import escape
from statistics import NormalDist

WIDTH = 420
LEFT, RIGHT, UPPER, LOWER, HEIGHT = 44, WIDTH - 12, 28, 218, 252
"""Edges of the area between two axes, and the height of a chart that has them."""

Point = tuple[float, float]
"""Units from the left and from the top."""
_COLOURS = 6
_DAY_S = 86400
_NORMAL = NormalDist()
_TAIL = tuple(10.0**power for power in range(-9, -2))
_DEVIATES = {
    True: (*_TAIL, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 0.98, 0.99),
    False: (*_TAIL, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95, 0.99),
}
"""Round shares on a normal-deviate axis, by whether it is short enough for many of them."""


def chart(height: float, title: str, parts: Iterable[str]) -> str:
    """A whole chart; the title is read out where nobody sees it."""
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" class="chart">'
        f"<title>{escape(title)}</title>{''.join(parts)}</svg>"
    )


def colour(index: int) -> str:
    """The class of what is compared, by its number; there are six, used over again."""
    return f"a{index % _COLOURS}"


def text(x: float, y: float, words: str, anchor: str = "start", kind: str = "") -> str:
    """A line of words, which starts, is centred or ends at a place."""
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{kind}"'
    return f"<text {place}>{escape(words)}</text>"


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    """A straight line between two places."""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'


def bar(corner: Point, width: float, height: float, kind: str, title: str = "") -> str:
    """A rectangle by its upper left corner; the title shows where a pointer rests on it."""
    x, y = corner
    place = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
    return _titled("rect", f'{place} class="{kind}"', title)


def dot(place: Point, kind: str, title: str = "") -> str:
    """A mark at a place; the title shows where a pointer rests on it."""
    x, y = place
    return _titled("circle", f'cx="{x:.1f}" cy="{y:.1f}" r="3.5" class="{kind}"', title)


def path(places: Iterable[Point], kind: str, dashes: str = "") -> str:
    """A line through places; ``dashes`` are lengths drawn and left out in turn."""
    style = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f'<polyline points="{_points(places)}" class="path {kind}"{style}/>'


def band(upper: Sequence[Point], lower: Sequence[Point], kind: str = "") -> str:
    """The area between two lines that run the same way."""
    style = f"band {kind}".rstrip()
    return f'<polygon points="{_points([*upper, *reversed(lower)])}" class="{style}"/>'


def shares_axis(y: Callable[[float], float]) -> Iterator[str]:
    """Grid lines and words for shares from 0 to 100 %, on the left; ``y`` places a share."""
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        yield line(LEFT, y(share), RIGHT, y(share), "grid")
        yield text(LEFT - 6, y(share) + 4, f"{100 * share:.0f} %", "end", "dim")


def times_axis(start: float, end: float, x: Callable[[float], float]) -> Iterator[str]:
    """Words for four moments, below; in seconds since 1970, which ``x`` places."""
    days = (end - start) / _DAY_S
    for index, anchor in enumerate(("start", "middle", "middle", "end")):
        time = start + (end - start) * index / 3
        at = datetime.fromtimestamp(time, UTC)
        day = f"{at:%b %Y}" if days > 300 else f"{at.day} {at:%b}"
        yield text(x(time), LOWER + 15, f"{at:%H:%M}" if days < 2 else day, anchor, "dim")


def round_step(step: float) -> float:
    """The least of 1, 2 or 5 times a power of ten that is no less; of a step above 0."""
    size = 10.0 ** math.floor(math.log10(step))
    return next(each * size for each in (1, 2, 5, 10) if each * size >= step * (1 - 1e-9))


def decades(low: float, high: float) -> Iterator[float]:
    """Round numbers between two powers of ten, few enough to be read; both given as logarithms."""
    fine: Sequence[float] = (1, 2, 5) if high - low < 2.5 else (1,)
    if high - low < 0.8:
        fine = (1, 1.5, 2, 3, 4, 5, 7)
    for power in range(math.floor(low), math.ceil(high) + 1):
        yield from (each * 10.0**power for each in fine if low <= power + math.log10(each) <= high)


def deviate(share: float) -> float:
    """The place of a share, between 0 and 1, on a normal-deviate axis: 0 for a half.

    On two such axes, scores that are normally distributed make a straight line, and rates of a
    thousandth are as easily read as those of a tenth (Martin and others, 1997).
    """
    return _NORMAL.inv_cdf(share)


def deviates(low: float, high: float) -> Iterator[float]:
    """Round shares between two shares, few enough to be read on a normal-deviate axis."""
    shares = _DEVIATES[deviate(high) - deviate(low) < 3.2]
    yield from (share for share in shares if low <= share <= high)


def _points(places: Iterable[Point]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in places)


def _titled(tag: str, attributes: str, title: str) -> str:
    if not title:
        return f"<{tag} {attributes}/>"
    return f"<{tag} {attributes}><title>{escape(title)}</title></{tag}>"
