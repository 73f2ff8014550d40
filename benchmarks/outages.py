"""Does a vendor's outage cost anybody an answer, or give somebody a wrong one?

``python benchmarks/outages.py`` puts a steady load on a route while the first of two vendors, real
servers on loopback, stalls, resets, answers garbage, throttles or dies for the middle half of the
time and then is well again. It ends with exit code 1 if a request is lost, is answered with a wrong
decision, or fails although the other vendor was there. ``--overload`` instead lets more callers
come than the second can serve, while the first is dead.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from outage_runs import FAULTS, READ_S, ROUTES, WAYS, Asked, Load, Vendors
from overload_runs import A_SECOND, CALLERS, DEADLINE_S, OPEN_S, Overload, overload
from printed import show
from report import machine
from rich.progress import track

HEADINGS: Final = (
    "the first vendor",
    "route",
    "right",
    "wrong",
    "lost",
    "no answer",
    "attempts per request",
    "p50, ms",
    "p99, ms",
    "back after, ms",
)


@dataclass(frozen=True)
class Tally:
    """One run.

    Attributes:
        attempts: per request, of those due during the outage.
        p50_ms: likewise.
        p99_ms: likewise.
        back_ms: from the end of the outage until a request is due that the first vendor answers.
    """

    way: str
    fault: str
    route: str
    right: int
    wrong: int
    lost: int
    failed: int
    attempts: float
    p50_ms: float
    p99_ms: float
    back_ms: float | None

    @classmethod
    def of(cls, way: str, fault: str, route: str, load: Load, done: Sequence[Asked]) -> Tally:
        """Count what became of a load; a request that never ended is lost."""
        begins, ends = load.outage
        during = [each for each in done if begins <= each.due < ends]
        percentiles = statistics.quantiles([1e3 * each.seconds for each in during], n=100)
        back = (each.due - ends for each in done if each.due >= ends and each.provider == "main")
        first = min(back, default=None)
        right, wrong = (sum(each.right is truth for each in done) for truth in (True, False))
        failed = sum(each.error is not None for each in done)
        return cls(
            way=way,
            fault=fault,
            route=route,
            right=right,
            wrong=wrong,
            lost=load.count - right - wrong - failed,
            failed=failed,
            attempts=statistics.mean(each.attempts for each in during),
            p50_ms=percentiles[49],
            p99_ms=percentiles[98],
            back_ms=None if first is None else 1e3 * first,
        )

    @property
    def kept(self) -> bool:
        """Whether what facegate promises was kept."""
        return not self.wrong and not self.lost and (self.route == "main alone" or not self.failed)

    @property
    def row(self) -> list[str]:
        return [
            self.fault,
            self.route,
            *map(str, (self.right, self.wrong, self.lost, self.failed)),
            f"{self.attempts:.2f}",
            f"{self.p50_ms:.0f}",
            f"{self.p99_ms:.0f}",
            "-" if self.back_ms is None else f"{self.back_ms:.0f}",
        ]


def runs(seconds: float, rate: float) -> list[Tally]:
    """Every fault on every route, asked by threads and on an event loop."""
    wanted = [(way, fault, route) for way in WAYS for fault in FAULTS for route in ROUTES]
    with Vendors() as vendors, tempfile.TemporaryDirectory() as folder:
        tallies = []
        for way, fault, route in track(wanted, "outages", disable=not sys.stderr.isatty()):
            load = Load(seconds, rate)
            done = vendors.meet(load, way, fault, route, Path(folder))
            tallies.append(Tally.of(way, fault, route, load, done))
        return tallies


OVERLOADED: Final = (
    "asked by",
    "right a second, of what the backup can do",
    "wrong",
    "longest answer, ms",
    "refused",
    "refused after, p50, ms",
    "p95, ms",
    "p99, ms",
    "breaker of the backup opened",
    "back after, ms",
)


def overload_row(way: str, run: Overload) -> list[str]:
    """What more callers than the backup can serve came to."""
    percentiles = statistics.quantiles([1e3 * each for each in run.refusals], n=100)
    return [
        way,
        f"{(len(run.waits) - run.wrong) / run.seconds / A_SECOND:.2f}",
        str(run.wrong),
        f"{1e3 * max(run.waits):.0f}",
        str(len(run.refusals)),
        *(f"{percentiles[index]:.1f}" for index in (49, 94, 98)),
        "yes" if run.opened else "no",
        "-" if run.back_s is None else f"{1e3 * run.back_s:.0f}",
    ]


def overloaded(seconds: float, *, markdown: bool) -> int:
    """Run, print, and tell whether nothing was wrong and the backup stayed in service."""
    done = {way: overload(way, seconds) for way in WAYS}
    show(OVERLOADED, [overload_row(*each) for each in done.items()], markdown=markdown)
    print(
        f"{datetime.now(UTC).date().isoformat()}, {machine()}. The first vendor is dead for"
        f" {seconds:g} s; {CALLERS} callers ask anew as soon as they are answered, and after a"
        f" pause where they are refused. The backup can answer {A_SECOND} a second; the route's"
        f" deadline is {DEADLINE_S:g} s, and breakers stay open for {OPEN_S:g} s."
    )
    return int(any(run.wrong or run.opened or run.back_s is None for run in done.values()))


def caption(tallies: Sequence[Tally], seconds: float, rate: float) -> str:
    """What the figures are of."""
    requests = tallies[0].right + tallies[0].failed
    return (
        f"{datetime.now(UTC).date().isoformat()}, {machine()}. {requests} requests in {seconds:g} s"
        f" for each row, {rate:g} a second whether or not earlier ones were answered; the first"
        " vendor fails from the first quarter to the third. Attempts and percentiles are of the"
        " requests that were due in that time, from the moment they were due. The client, both"
        " vendors and the proxy between share one process and two cores. A vendor that says nothing"
        f" is given up after {READ_S:g} s. The breaker opens when half of the calls of a second"
        " failed, and tries again after 0.2 s. Back after: from the end of the outage to the first"
        " request that the first vendor answers."
    )


def main() -> int:
    """Run, print, and tell whether nothing was lost and nothing was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=6.0, help="of each run")
    parser.add_argument("--rate", type=float, default=60.0, help="requests a second")
    parser.add_argument("--markdown", action="store_true", help="print the tables for the docs")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--overload", action="store_true", help="too many callers instead")
    options = parser.parse_args()
    if options.overload:
        return overloaded(options.seconds, markdown=options.markdown)
    tallies = runs(options.seconds, options.rate)
    if options.json:
        told: list[dict[str, Any]] = [vars(each) for each in tallies]
        print(json.dumps(told, indent=2))
    else:
        for way in WAYS:
            print(f"Asked {'by threads' if way == 'threads' else 'on an event loop'}:\n")
            rows = [each.row for each in tallies if each.way == way]
            show(HEADINGS, rows, markdown=options.markdown)
        print(caption(tallies, options.seconds, options.rate))
    return int(not all(each.kept for each in tallies))


if __name__ == "__main__":
    sys.exit(main())
