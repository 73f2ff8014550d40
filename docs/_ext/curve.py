"""Error rates against the threshold, drawn as SVG for light pages and dark ones."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

WIDTH, HEIGHT = 640, 360
LEFT, RIGHT, TOP, BOTTOM = 64, 620, 16, 312
LOWEST, HIGHEST = 0.58, 0.76
SMALLEST, LARGEST = 1e-5, 1e-1
SVG = 'xmlns="http://www.w3.org/2000/svg" role="img" font-family="sans-serif"'
STYLE = (
    "<style>svg{color:#24292f;fill:currentColor}"
    "@media(prefers-color-scheme:dark){svg{color:#d0d7de}}</style>"
)
FMR, FNMR, PERSON = "#d1495b", "#2e86ab", "#8f6fc0"


def measured() -> dict[str, Any]:
    """What ``benchmarks/lfw.py`` measured."""
    file = Path(__file__).parents[1] / "_data" / "lfw.json"
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def svg(rows: Sequence[dict[str, Any]]) -> str:
    """The figure; each row holds a score and the rates at it."""
    fmr = [(row["score"], row["fmr"]["rate"]) for row in rows]
    fnmr = [(row["score"], row["fnmr"]["rate"]) for row in rows]
    person = [(row["score"], row["fnmr_person"]) for row in rows]
    parts = [
        *_grid(),
        *_line(fmr, FMR),
        *_line(fnmr, FNMR),
        *_line(person, PERSON),
        _text(_x(0.592), _y(1.8e-2), "FMR: strangers accepted", "start", FMR),
        _text(_x(0.702), _y(3.4e-3), "FNMR: genuine refused", "start", FNMR),
        _text(_x(0.715), _y(6e-2), "FNMR, every person counted once", "end", PERSON),
    ]
    return (
        f'<svg {SVG} viewBox="0 0 {WIDTH} {HEIGHT}" font-size="12">'
        "<title>The false match rate falls and the false non-match rate rises with the threshold"
        f"</title>{STYLE}{''.join(parts)}</svg>"
    )


def _x(value: float) -> float:
    return LEFT + (value - LOWEST) / (HIGHEST - LOWEST) * (RIGHT - LEFT)


def _y(rate: float) -> float:
    share = math.log10(rate / SMALLEST) / math.log10(LARGEST / SMALLEST)
    return BOTTOM - share * (BOTTOM - TOP)


def _grid() -> Iterator[str]:
    for power in range(-5, 0):
        y = _y(10.0**power)
        label = f"{100 * 10.0**power:.10f}".rstrip("0").rstrip(".")
        yield _stroke(LEFT, y, RIGHT, y) + _text(LEFT - 6, y + 4, f"{label} %", "end")
    for step in range(60, 76, 5):
        x = _x(step / 100)
        yield _stroke(x, TOP, x, BOTTOM) + _text(x, BOTTOM + 18, f"{step / 100:.2f}", "middle")
    yield _stroke(_x(0.67), TOP, _x(0.67), BOTTOM) + _text(_x(0.67), BOTTOM + 18, "0.67", "middle")
    yield _text((LEFT + RIGHT) / 2, HEIGHT - 8, "threshold", "middle")


def _line(points: Sequence[tuple[float, float]], colour: str) -> Iterator[str]:
    visible = [(_x(value), _y(rate)) for value, rate in points if value >= LOWEST]
    path = " ".join(f"{across:.1f},{down:.1f}" for across, down in visible)
    yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
    for across, down in visible:
        yield f'<circle cx="{across:.1f}" cy="{down:.1f}" r="3" fill="{colour}"/>'


def _stroke(x1: float, y1: float, x2: float, y2: float) -> str:
    place = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {place} stroke="currentColor" stroke-opacity="0.18"/>'


def _text(x: float, y: float, text: str, anchor: str, colour: str = "currentColor") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text {place} fill="{colour}">{text}</text>'
