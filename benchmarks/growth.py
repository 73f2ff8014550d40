"""How cost grows with requests, providers, people, records, rows and canaries, on one machine.

``python benchmarks/growth.py`` measures each curve at 1, 10 and 100 times a base, in some minutes;
``--quick`` begins lower, for a look of half a minute. The last line of a table is the growth: the
power of the number that a figure grows with. 0 is flat, 1 is in proportion, 2 is quadratic.
See README.md. Linux only.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))  # a Redis of its own

import growth_asked as asked
import growth_kept as kept
from printed import show
from report import machine
from rich.progress import track

Figures = Mapping[str, float]

ENOUGH: Final = 0.85
"""Share of the ideal below which a part has given in."""
TIMES: Final = (1, 10, 100)


@dataclass(frozen=True)
class Curve:
    """Something that grows.

    Attributes:
        name: by which it is chosen.
        title: what is measured, against what.
        base: the number at 1x.
        quick: the number at 1x for a look only.
        measure: gives the figures at a number, in a process of its own.
    """

    name: str
    title: str
    base: int
    quick: int
    measure: Callable[[int], Figures]


CURVES: Final = (
    Curve("loop", "requests at once on one event loop, a vendor of 300 ms", 40, 4, asked.on_a_loop),
    Curve(
        "threads", "requests at once, a thread each, a vendor of 300 ms", 10, 2, asked.on_threads
    ),
    Curve("waiting", "requests at once, of which a limit lets 20 through", 40, 20, asked.waiting),
    Curve("failover", "providers of a failover", 2, 1, asked.failover),
    Curve("split", "people who come to a split", 300, 30, asked.split),
    Curve("attempts", "people whose attempts are counted", 1_000, 100, asked.attempts),
    Curve("rate", "requests of a key that count against its rate", 1_000, 100, asked.key_rate),
    Curve("journal", "records of a journal", 2_000, 200, kept.records),
    Curve("batch", "rows of a batch", 1_000, 50, kept.rows),
    Curve("calibration", "people of a calibration", 60, 30, kept.calibrated),
    Curve("evaluation", "people of an evaluation", 60, 30, kept.evaluated),
    Curve("canaries", "canaries of a sentinel, after 60 rounds", 5, 1, kept.canaries),
    Curve("rounds", "rounds of a sentinel, with 30 canaries", 10, 2, kept.rounds),
)


@dataclass(frozen=True)
class Measured:
    """A curve with its points.

    Attributes:
        curve: the curve.
        points: the figures at each number, from the least on.
    """

    curve: Curve
    points: Mapping[int, Figures]

    @property
    def growth(self) -> dict[str, float | None]:
        """The power of the number that each figure grows with; None where it has none."""
        return {
            name: exponent([(n, each[name]) for n, each in self.points.items()])
            for name in self.names
        }

    @property
    def names(self) -> Sequence[str]:
        """Names of the figures."""
        return list(next(iter(self.points.values())))

    @property
    def gives_in(self) -> int | None:
        """The least number at which it is behind what it should be; None if that was not seen."""
        return next(
            (n for n, each in self.points.items() if each.get("of the ideal", 1.0) < ENOUGH), None
        )

    def rows(self) -> Iterator[list[str]]:
        """Lines of a table."""
        for n, figures in self.points.items():
            yield [f"{n:,}", *map(rounded, figures.values())]
        powers = ("-" if each is None else f"n^{each:.2f}" for each in self.growth.values())
        yield ["growth", *powers]


def exponent(points: Sequence[tuple[int, float]]) -> float | None:
    """The slope of a line through the logarithms, by least squares.

    Args:
        points: numbers and what was measured there.

    Returns:
        None where something is 0 or infinite, and so has no logarithm.
    """
    if not all(0 < value < math.inf for _, value in points):
        return None
    x, y = [math.log(n) for n, _ in points], [math.log(value) for _, value in points]
    middle, height = sum(x) / len(x), sum(y) / len(y)
    rise = sum((a - middle) * (b - height) for a, b in zip(x, y, strict=True))
    return rise / sum((a - middle) ** 2 for a in x)


def rounded(value: float) -> str:
    """A figure of three digits."""
    if value in (0, math.inf):
        return "0" if not value else "never"
    return f"{value:,.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"


def measure(curves: Sequence[Curve], *, quick: bool) -> Iterator[Measured]:
    """Measure curves, each point in a fresh process, so that memory is its own."""
    bases = [(each, each.quick if quick else each.base) for each in curves]
    sizes = [(curve, base * times) for curve, base in bases for times in TIMES]
    found: dict[str, dict[int, Figures]] = {each.name: {} for each in curves}
    for curve, n in track(sizes, "growing", disable=not sys.stderr.isatty()):
        with multiprocessing.get_context("fork").Pool(1) as fresh:
            found[curve.name][n] = fresh.apply(curve.measure, (n,))
    for curve in curves:
        yield Measured(curve, found[curve.name])


def report(measured: Sequence[Measured], *, markdown: bool) -> None:
    """Print a table for each."""
    for each in measured:
        print(f"{each.curve.title}:\n")
        show(["n", *each.names], list(each.rows()), markdown=markdown)
        if each.gives_in is not None:
            print(f"Less than {ENOUGH:.0%} of the ideal from {each.gives_in:,} on.\n")
    print(f"{datetime.now(UTC).date().isoformat()}, {machine()}.")


def main() -> None:
    """Measure and print."""
    names = [each.name for each in CURVES]
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("curves", nargs="*", metavar="CURVE", help=f"of {', '.join(names)}")
    parser.add_argument("--quick", action="store_true", help="at a tenth of each number")
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    if unknown := set(given.curves) - set(names):
        parser.error(f"there is no curve {min(unknown)!r}")
    chosen = [each for each in CURVES if each.name in (given.curves or names)]
    measured = list(measure(chosen, quick=given.quick))
    if given.json:
        data = {
            each.curve.name: {"points": each.points, "growth": each.growth} for each in measured
        }
        print(json.dumps(data, indent=2))
    else:
        report(measured, markdown=given.markdown)


if __name__ == "__main__":
    main()
