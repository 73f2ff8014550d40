"""How scores cross from a provider's scale to another, drawn as SVG."""

from __future__ import annotations

from collections.abc import Iterator

from curve import STYLE, SVG
from vendors import compatible_api, provider

from facegate.scores import ScoreMapping

WIDTH, HEIGHT = 560, 380
LEFT, RIGHT, TOP, BOTTOM = 56, 540, 30, 326
LINE, YES = "#2e86ab", "#4a9c6d"


def svg(here: str, there: str) -> str:
    """The map from one plugin's match scores to those of another's API."""
    own = provider(here).info.match
    assert own is not None  # noqa: S101
    way = ScoreMapping(own, compatible_api(there).match)
    start, target = own.threshold, way.target.threshold
    x, y = _x(start), _y(target)
    path = " ".join(f"{_x(s):.1f},{_y(way.score(s)):.1f}" for s in (0.0, start, 1.0))
    parts = [
        f'<rect x="{x:.1f}" y="{TOP}" width="{RIGHT - x:.1f}" height="{y - TOP:.1f}"'
        f' fill="{YES}" fill-opacity="0.22" stroke="none"/>',
        *_grid(),
        _stroke(x, TOP, x, BOTTOM) + _stroke(LEFT, y, RIGHT, y),
        f'<polyline points="{path}" fill="none" stroke="{LINE}" stroke-width="2.5"/>',
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5" fill="{LINE}"/>',
        _text(x, TOP - 8, f"threshold here: {start:g}", "middle"),
        _text(LEFT + 6, y - 6, f"threshold there: {target:g}", "start"),
        _text((x + RIGHT) / 2, BOTTOM - 12, "same person", "middle", YES),
        _text((LEFT + x) / 2, BOTTOM - 12, "not", "middle"),
        _text((LEFT + RIGHT) / 2, HEIGHT - 10, f"score that {here} gives", "middle"),
        f'<g transform="rotate(-90 14 {(TOP + BOTTOM) / 2})">'
        + _text(14, (TOP + BOTTOM) / 2, f"score that the {there} API says", "middle")
        + "</g>",
    ]
    title = "A straight line from 0 to the two thresholds, and another one from there to 1"
    return (
        f'<svg {SVG} viewBox="0 0 {WIDTH} {HEIGHT}" font-size="13">'
        f"<title>{title}</title>{STYLE}{''.join(parts)}</svg>"
    )


def _x(value: float) -> float:
    return LEFT + value * (RIGHT - LEFT)


def _y(value: float) -> float:
    return BOTTOM - value * (BOTTOM - TOP)


def _grid() -> Iterator[str]:
    for value in (0.0, 0.25, 0.5, 0.75, 1.0):
        yield _text(_x(value), BOTTOM + 18, f"{value:g}", "middle")
        yield _text(LEFT - 6, _y(value) + 4, f"{value:g}", "end")
    yield _stroke(LEFT, BOTTOM, RIGHT, BOTTOM, 0.5) + _stroke(LEFT, TOP, LEFT, BOTTOM, 0.5)


def _stroke(x1: float, y1: float, x2: float, y2: float, strength: float = 0.35) -> str:
    place = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {place} stroke="currentColor" stroke-opacity="{strength}"/>'


def _text(x: float, y: float, text: str, anchor: str, colour: str = "currentColor") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text {place} fill="{colour}">{text}</text>'
