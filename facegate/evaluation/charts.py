"""The charts of an evaluation."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise

from facegate.evaluation.analyses import ReliabilityPoint
from facegate.evaluation.results import CurvePoint, Histogram, Rate, Support
from facegate.figures import svg
from facegate.figures.words import percent

DASHES = {"solid": "", "dashed": "6 3", "dotted": "2 3", "dashes and dots": "9 3 2 3"}
"""Lines differ by more than colour: what a line is called, and how it is drawn, in this order."""
_TALL = 334
"""Lower edge of the area of a chart whose two axes are alike."""
_ROWS = 8
"""Left edge of a chart of rows, whose names are above them."""
_EDGE = 18
"""Units from either side within which words are not centred."""
_LEAST, _MOST = 1e-9, 0.999
"""Shares beyond are drawn at the edge: a normal deviate of 0 or 1 is nowhere."""

Curve = Sequence[CurvePoint]


def det(curves: Sequence[Curve], names: Sequence[str]) -> str:
    """Chart of FNMR by FMR, both on normal-deviate axes, with 95 % bands; a line for each name.

    Args:
        curves: of each name; nothing is drawn of an empty one.
        names: whose they are, one or more.
    """
    points = [point for curve in curves for point in curve]
    if not points:
        return ""
    across = _axis(point.fmr for point in points)
    bands = [end for point in points for end in point.band or ()]
    along = _axis([*bands, *(point.fnmr for point in points)])
    x = _placing(across, svg.LEFT, svg.RIGHT)
    y = _placing(along, _TALL, svg.UPPER)
    parts = [*_deviates_below(across, x, _TALL), *_deviates_beside(along, y)]
    for index, (curve, name) in enumerate(zip(curves, names, strict=True)):
        banded = [(point, point.band) for point in curve if point.band is not None]
        upper = [(x(point.fmr), y(band.high)) for point, band in banded]
        lower = [(x(point.fmr), y(band.low)) for point, band in banded]
        if banded:
            parts.append(svg.band(upper, lower, svg.colour(index)))
        parts.append(_line([(x(each.fmr), y(each.fnmr)) for each in curve], index))
        parts += (
            svg.dot((x(each.fmr), y(each.fnmr)), f"unseen {svg.colour(index)}", _point(name, each))
            for each in curve
        )
    parts.append(svg.text(0, 12, "FNMR: genuine people turned away"))
    parts.append(_below("FMR: strangers taken for them", _TALL))
    return svg.chart(_TALL + 34, "False non-match rate by false match rate", parts)


def roc(curves: Sequence[Curve]) -> str:
    """Chart of the share of genuine people who are matched, by FMR on a logarithmic axis.

    Args:
        curves: one or more, a line each; nothing is drawn of an empty one.
    """
    rates = [point.fmr for curve in curves for point in curve if point.fmr]
    if not rates:
        return ""
    low, high = math.floor(math.log10(min(rates))), 0.0

    def x(rate: float) -> float:
        share = (math.log10(max(rate, 10.0**low)) - low) / (high - low)
        return svg.LEFT + share * (svg.RIGHT - svg.LEFT)

    def y(share: float) -> float:
        return svg.LOWER - share * (svg.LOWER - svg.UPPER)

    parts = [*svg.shares_axis(y)]
    for rate in svg.decades(low, high):
        parts.append(svg.line(x(rate), svg.UPPER, x(rate), svg.LOWER, "grid"))
        parts.append(_tick(x(rate), svg.LOWER, _share(rate)))
    for index, curve in enumerate(curves):
        parts.append(_line([(x(each.fmr), y(1 - each.fnmr)) for each in curve], index))
    parts.append(svg.text(0, 12, "genuine people matched"))
    parts.append(_below("FMR, on a logarithmic scale", svg.LOWER))
    return svg.chart(svg.HEIGHT, "Share of genuine people matched, by false match rate", parts)


def by_threshold(curve: Curve, in_use: float | None) -> str:
    """Chart of FMR and FNMR against the threshold, on a normal-deviate axis.

    Args:
        curve: points by threshold, rising or falling.
        in_use: the threshold to mark; None where it is not known.
    """
    if not curve:
        return ""
    low, high = (end(point.threshold for point in curve) for end in (min, max))
    along = _axis(rate for point in curve for rate in (point.fmr, point.fnmr))
    y = _placing(along, svg.LOWER, svg.UPPER)
    x = _straight(low, high)
    parts = [*_deviates_beside(along, y), *_numbers_below(low, high, x)]
    if in_use is not None and low <= in_use <= high:
        parts += _marked(x(in_use), "in use", svg.UPPER, svg.LOWER)
    parts.append(_line([(x(each.threshold), y(each.fnmr)) for each in curve], 0))
    parts.append(_line([(x(each.threshold), y(each.fmr)) for each in curve], 1))
    parts.append(svg.text(0, 12, "share of pairs"))
    parts.append(_below("threshold", svg.LOWER))
    return svg.chart(svg.HEIGHT, "Error rates by threshold", parts)


def histograms(kinds: Sequence[Histogram], threshold: float | None) -> str:
    """Chart of scores by kind, each as shares of its own total.

    Args:
        kinds: of one scale, with the same edges.
        threshold: to mark; None where it is not known.
    """
    drawn = [kind for kind in kinds if sum(kind.counts)]
    if not drawn:
        return ""
    edges = drawn[0].edges
    most = max(max(kind.counts) / sum(kind.counts) for kind in drawn)
    x = _straight(edges[0], edges[-1])

    def y(share: float) -> float:
        return svg.LOWER - share / most * (svg.LOWER - svg.UPPER)

    parts = [svg.line(svg.LEFT, svg.LOWER, svg.RIGHT, svg.LOWER, "axis")]
    parts += _numbers_below(edges[0], edges[-1], x)
    for index, kind in enumerate(drawn):
        total = sum(kind.counts)
        steps = [
            (x(edge), y(count / total))
            for count, sides in zip(kind.counts, pairwise(edges), strict=True)
            for edge in sides
        ]
        floor = [(place, svg.LOWER) for place, _ in steps]
        parts.append(svg.band(steps, floor, svg.colour(index)))
        parts.append(_line(steps, index))
    if threshold is not None and edges[0] <= threshold <= edges[-1]:
        parts += _marked(x(threshold), "in use", svg.UPPER, svg.LOWER)
    parts.append(svg.text(0, 12, "share of each kind"))
    parts.append(_below("score", svg.LOWER))
    return svg.chart(svg.HEIGHT, "Scores by kind", parts)


def rates_of(rates: Sequence[tuple[str, Rate]], everybody: Rate | None, what: str) -> str:
    """Chart of a rate within groups or species, with intervals, a row for each.

    A rate that the sample supports is a full dot on its interval, a weak one an empty dot. One that
    it does not support has no dot, only a dotted line up to what it is below.

    Args:
        rates: of each group, by name.
        everybody: the rate of all, which is marked; None where there is none.
        what: the name of the rate.
    """
    if not rates:
        return ""
    ends = [end for _, rate in rates for end in _ends(rate)]
    if everybody is not None:
        ends.append(everybody.share)
    positive = [end for end in ends if end > 0] or [0.01]
    low = math.floor(2 * math.log10(min(positive))) / 2
    high = max(math.ceil(2 * math.log10(max(positive))) / 2, low + 0.5)

    def x(share: float) -> float:
        place = (math.log10(max(share, 10**low)) - low) / (high - low)
        return _ROWS + min(place, 1) * (svg.RIGHT - _ROWS)

    step, top = 32, 36
    lower = top + step * len(rates)
    parts = [svg.text(0, 12, what)]
    for share in svg.decades(low, high):
        parts.append(svg.line(x(share), top, x(share), lower, "grid"))
        parts.append(_tick(x(share), lower, _share(share)))
    if everybody is not None:
        parts += _marked(x(everybody.share), "everybody", top, lower)
    for index, (name, rate) in enumerate(rates):
        parts += _row(name, rate, top + step * index, x)
    return svg.chart(lower + 20, f"{what}, by group", parts)


def reliability(points: Sequence[ReliabilityPoint]) -> str:
    """Chart of the share of genuine pairs by the probability that the scores were turned into."""
    if not points:
        return ""
    side = svg.LOWER - svg.UPPER
    left = (svg.WIDTH - side) / 2

    def place(predicted: float, observed: float) -> svg.Point:
        return left + predicted * side, svg.LOWER - observed * side

    parts = []
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        x, y = place(share, share)
        parts += [svg.line(left, y, left + side, y, "grid"), svg.line(x, svg.UPPER, x, y, "grid")]
        parts.append(svg.text(left - 6, y + 4, percent(share, 0), "end", "dim"))
        parts.append(svg.text(x, svg.LOWER + 15, percent(share, 0), "middle", "dim"))
    parts.append(svg.path([place(0, 0), place(1, 1)], "even", "2 4"))
    for point in points:
        title = f"{point.genuine:,} genuine, {point.impostor:,} impostor pairs"
        parts.append(
            svg.dot(place(point.predicted, point.observed), f"fill {svg.colour(0)}", title)
        )
    parts.append(svg.text(0, 12, "share of genuine pairs, at even odds"))
    parts.append(_below("probability by the affine fit", svg.LOWER))
    return svg.chart(svg.HEIGHT, "Share of genuine pairs by their probability", parts)


def _row(name: str, rate: Rate, top: float, x: Callable[[float], float]) -> Iterator[str]:
    middle = top + 22
    low, high = _ends(rate)
    words = f"{name}: {_share(rate.share)}, {rate.support}"
    yield svg.text(_ROWS, top + 12, f"{name}{_caveat(rate)}")
    if rate.support is Support.NOT_SUPPORTED:
        yield svg.path([(x(low), middle), (x(high), middle)], "open", "2 3")
        return
    yield svg.line(x(low), middle, x(high), middle, "span")
    kind = "sure" if rate.support is Support.SUPPORTED else "unsure"
    yield svg.dot((x(rate.share), middle), kind, words)


def _marked(x: float, words: str, upper: float, lower: float) -> Sequence[str]:
    """A line across a chart, with its name above."""
    return (
        svg.line(x, upper, x, lower, "marked"),
        svg.text(x, upper - 4, words, "middle", "dim"),
    )


def _caveat(rate: Rate) -> str:
    return "" if rate.support is Support.SUPPORTED else f" ({rate.support})"


def _ends(rate: Rate) -> tuple[float, float]:
    """The ends of what is drawn of a rate."""
    if rate.support is Support.NOT_SUPPORTED or rate.interval is None:
        bound = rate.bound_guaranteed
        return 0.0, rate.bound_if_independent if bound is None else bound
    return rate.interval.low, rate.interval.high


def _line(places: Sequence[svg.Point], index: int) -> str:
    return svg.path(places, svg.colour(index), [*DASHES.values()][index % len(DASHES)])


def _point(name: str, point: CurvePoint) -> str:
    return (
        f"{name}: FMR {_share(point.fmr)}, FNMR {percent(point.fnmr)}, threshold"
        f" {point.threshold:.6g}"
    )


def _below(words: str, lower: float) -> str:
    """The name of the lower axis."""
    return svg.text((svg.LEFT + svg.RIGHT) / 2, lower + 30, words, "middle", "dim")


def _axis(shares: Iterable[float]) -> tuple[float, float]:
    """The ends of a normal-deviate axis for shares: powers of ten below, round shares above."""
    inside = [share for share in shares if _LEAST < share < _MOST]
    low = 10.0 ** math.floor(math.log10(min(inside, default=0.01)))
    most = max(inside, default=0.5)
    return min(low, 0.1), next(end for end in (0.5, 0.8, 0.95, 0.99, _MOST) if most <= end)


def _placing(ends: tuple[float, float], start: float, end: float) -> Callable[[float], float]:
    """A function that places shares on a normal-deviate axis; those beyond it at its ends."""
    low, high = map(svg.deviate, ends)

    def place(share: float) -> float:
        clipped = min(max(share, ends[0]), ends[1])
        return start + (svg.deviate(clipped) - low) / (high - low) * (end - start)

    return place


def _straight(low: float, high: float) -> Callable[[float], float]:
    """A function that places numbers on the lower axis."""
    span = high - low or 1.0
    return lambda value: svg.LEFT + (value - low) / span * (svg.RIGHT - svg.LEFT)


def _deviates_below(
    ends: tuple[float, float], x: Callable[[float], float], lower: float
) -> Iterator[str]:
    for share in svg.deviates(*ends):
        yield svg.line(x(share), svg.UPPER, x(share), lower, "grid")
        yield _tick(x(share), lower, _share(share))


def _deviates_beside(ends: tuple[float, float], y: Callable[[float], float]) -> Iterator[str]:
    for share in svg.deviates(*ends):
        yield svg.line(svg.LEFT, y(share), svg.RIGHT, y(share), "grid")
        yield svg.text(svg.LEFT - 6, y(share) + 4, _share(share), "end", "dim")


def _numbers_below(low: float, high: float, x: Callable[[float], float]) -> Iterator[str]:
    """Words for round numbers on the lower axis."""
    if high <= low:
        yield svg.text(x(low), svg.LOWER + 15, f"{low:g}", "start", "dim")
        return
    step = svg.round_step((high - low) / 5)
    for index in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1):
        yield _tick(x(index * step), svg.LOWER, f"{index * step:g}")


def _tick(x: float, lower: float, words: str) -> str:
    """Words below an axis; at its ends they stay within the chart."""
    anchor = "start" if x < _EDGE else "end" if x > svg.WIDTH - _EDGE else "middle"
    return svg.text(x, lower + 15, words, anchor, "dim")


def _share(share: float) -> str:
    """Text of a share on an axis, as short as may be: ``1e-4``, ``5 %``."""
    if share and share < 1e-3 * (1 - 1e-9):
        digits, _, power = f"{share:.0e}".partition("e")
        return f"{digits}e{int(power)}"
    return f"{100 * share:.3g} %"
