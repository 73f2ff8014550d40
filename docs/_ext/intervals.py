"""Intervals of false match rates: as if pairs were independent, and as they are."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from curve import STYLE, SVG

from facegate.evaluation.intervals import Counted
from facegate.evaluation.words import number, small
from facegate.figures.intervals import exact
from facegate.figures.words import percent

WIDTH, LEFT, RIGHT, TOP, STEP = 640, 120, 620, 34, 44
LEAST, MOST = 0.4, 2.5
"""Ends of the axis: shares of the rate that was counted."""
PEOPLE, NAIVE = "#2e86ab", "#d1495b"
MANY_ERRORS: Final = 30

Rows = Iterator[Sequence[str]]
Place = tuple[float, float]


def measured() -> dict[str, Any]:
    """What ``facegate evaluate --matrix FILE --failed-score -1 --json`` says of NIST's BSSR1."""
    file = Path(__file__).parents[1] / "_data" / "bssr1.json"
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def svg() -> str:
    """The figure: two intervals of each rate, the wider one below."""
    rows = measured()["rates"]
    bottom = TOP + STEP * len(rows)
    parts = [
        *_grid(bottom),
        _text(LEFT, 14, "as if pairs were independent", "start", NAIVE),
        _text(RIGHT, 14, "leaving out one person at a time", "end", PEOPLE),
    ]
    for index, row in enumerate(rows):
        middle = TOP + STEP * index + STEP / 2
        parts.append(
            _text(LEFT - 10, middle + 4, f"{row['matcher']}, {small(row['asked'])}", "end")
        )
        for kind, y, colour in (("_naive", middle - 6, NAIVE), ("", middle + 6, PEOPLE)):
            low, high = (_x(row[f"{end}{kind}"] / row["fmr"]) for end in ("low", "high"))
            parts.append(_line((low, y), (high, y), colour, 5))
    title = (
        "Intervals that heed who is in which pair are several times as wide as those that do not"
    )
    return (
        f'<svg {SVG} viewBox="0 0 {WIDTH} {bottom + 44}" font-size="12">'
        f"<title>{title}</title>{STYLE}{''.join(parts)}</svg>"
    )


def narrow() -> Rows:
    """How much too narrow intervals are that take pairs for independent."""
    yield (
        "matcher, FMR asked for",
        "FMR",
        "as if independent",
        "leaving people out",
        "too narrow by",
        "worth independent pairs",
    )
    for row in measured()["rates"]:
        low, high = row["low"], row["high"]
        naive = row["low_naive"], row["high_naive"]
        factor = (high - low) / (naive[1] - naive[0])
        yield (
            f"{row['matcher']}, {small(row['asked'])}",
            _precise(row["fmr"]),
            f"{_precise(naive[0])} to {_precise(naive[1])}",
            f"{_precise(low)} to {_precise(high)}",
            f"{factor:.1f}",
            f"{row['independent']:,} of {measured()['impostor_pairs']:,}",
        )


def supported() -> Rows:
    """What so many people can support, all compared with each other."""
    yield (
        "people",
        "pairs of strangers",
        "lowest FMR with 30 errors",
        "without an error: if pairs were independent",
        "without an error: guaranteed",
        "an FNMR of 1 % is",
    )
    for people in (100, 1_000, 10_000):
        pairs = people * (people - 1) // 2
        none, involved = np.zeros(people, np.int64), np.full(people, people - 1)
        rate = Counted(0, pairs, none, involved).rate
        fnmr = exact(people // 100, people, 0.05)
        yield (
            f"{people:,}",
            f"{pairs:,}",
            number(MANY_ERRORS / pairs),
            f"below {small(rate.bound_if_independent)}",
            f"below {small(rate.bound_guaranteed or 1.0)}",
            f"{percent(fnmr.low, 2)} to {percent(fnmr.high, 2)}",
        )


TABLES: Final[dict[str, Callable[[], Rows]]] = {"narrow": narrow, "supported": supported}


def _x(share: float) -> float:
    along = math.log(share / LEAST) / math.log(MOST / LEAST)
    return LEFT + along * (RIGHT - LEFT)


def _grid(bottom: float) -> Iterator[str]:
    for share, words in ((0.5, "half"), (1.0, "as counted"), (2.0, "twice")):
        yield _line((_x(share), TOP), (_x(share), bottom), "currentColor", 1, 0.18)
        yield _text(_x(share), bottom + 18, words, "middle")
    yield _text(
        (LEFT + RIGHT) / 2, bottom + 36, "false match rate, beside the one counted", "middle"
    )


def _precise(rate: float) -> str:
    digits, _, power = f"{rate:.2e}".partition("e")
    return f"{digits}e{int(power)}"


def _line(start: Place, end: Place, colour: str, width: float, strength: float = 1) -> str:
    place = f'x1="{start[0]:.1f}" y1="{start[1]:.1f}" x2="{end[0]:.1f}" y2="{end[1]:.1f}"'
    style = f'stroke="{colour}" stroke-width="{width:g}" stroke-opacity="{strength:g}"'
    return f"<line {place} {style}/>"


def _text(x: float, y: float, text: str, anchor: str, colour: str = "currentColor") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text {place} fill="{colour}">{text}</text>'
