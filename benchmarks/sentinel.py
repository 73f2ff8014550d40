"""What a sentinel finds, and how often it is wrong: in made-up rounds, and when an engine changes.

::

    python benchmarks/sentinel.py            simulated noise
    python benchmarks/sentinel.py --engine   the embedded engine, whose OpenCV is replaced

See README.md. It ends with exit code 1 if a goal is not reached.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from engine_swap import AFTER, BEFORE, Swap, swap
from environments import Environments, Failed
from printed import show
from report import machine
from rich.console import Console
from rich.progress import Progress
from sentinel_runs import ARL, CANARIES, Alarms, Situation, run

CACHE: Final = Path.home() / ".cache/facegate/benchmarks"
RUNS: Final = 1000
SEED: Final = 1
YEAR: Final = 1 + 365
"""One round of the baseline counts, and then one a day."""
WATCHED: Final = 60
"""Rounds after a change in which it may be found."""
FALSE: Final = 0.12
"""The greatest share of runs that may alarm in a year without a change."""
FOUND: Final = 0.95
"""The least share of runs that find a shift of one deviation."""
DELAY: Final = 6
"""The most rounds that takes, at the median."""


def shifted(shift: float, *, after: int = 100, common: float = 0.0) -> Situation:
    """Scores that all move at once."""
    name = f"shift of {shift:g} after {after} rounds"
    if common:
        name += f", {common:.0%} in common"
    return Situation(name, after + WATCHED, common, shift=shift, after=after)


INDEPENDENT: Final = Situation("independent noise", YEAR)
BUSY: Final = Situation("half of it common to a round", YEAR, common=0.5)
FINDABLE: Final = shifted(1)
QUIET: Final = (
    INDEPENDENT,
    BUSY,
    Situation("that, and 20 rounds of one sitting at the start", 19 + YEAR, 0.5, baseline=20),
    Situation("that, correlated by 0.5 from round to round", YEAR, 0.5, lasting=0.5),
    Situation("that, correlated by 0.9", YEAR, 0.5, lasting=0.9),
)
CHANGES: Final = (
    *(shifted(size) if size != 1 else FINDABLE for size in (0.5, 1, 2, 4)),
    *(shifted(size, common=0.5) for size in (0.5, 1, 2, 4)),
    *(shifted(2, after=rounds) for rounds in (10, 20, 30, 50)),
)

Found = Mapping[str, tuple[Alarms, Alarms]]
"""By a situation's name, the alarms by rounds and those by single calls."""


def simulate(runs: int) -> Found:
    """All situations."""
    every = (*QUIET, *CHANGES)
    with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("runs", total=runs * len(every))
        done = partial(progress.advance, task)
        return {each.name: run(each, runs, SEED, done) for each in every}


def goals_of(found: Found) -> dict[str, bool]:
    """What is held, in words, and whether it was reached."""
    shift, _ = found[FINDABLE.name]
    false = [found[each.name][0].false for each in (INDEPENDENT, BUSY)]
    quickly = shift.delay is not None and shift.delay <= DELAY
    return {
        f"at most {FALSE:.0%} alarm falsely by rounds, whatever a round shares": max(false)
        <= FALSE,
        "over 90% do by single calls, where a round shares noise": found[BUSY.name][1].false > 0.9,
        f"a shift of 1 is found in {FOUND:.0%} of runs": shift.found >= FOUND,
        f"the median of them within {DELAY} rounds": quickly,
    }


def quiet_table(found: Found) -> list[list[str]]:
    """A row for each situation in which nothing changes."""
    return [[each.name, *(f"{alarms.false:.1%}" for alarms in found[each.name])] for each in QUIET]


def change_table(found: Found) -> list[list[str]]:
    """A row for each change."""
    return [
        [each.name, *(cell for alarms in found[each.name] for cell in cells(alarms))]
        for each in CHANGES
    ]


def cells(alarms: Alarms) -> tuple[str, str, str]:
    """The figures of a change."""
    delay = "-" if alarms.delay is None else f"{alarms.delay:g}"
    return f"{alarms.found:.1%}", delay, f"{alarms.false:.1%}"


def as_data(alarms: Alarms) -> dict[str, Any]:
    """The figures as data."""
    return {"false": alarms.false, "found": alarms.found, "delay": alarms.delay}


def noise(given: argparse.Namespace) -> Mapping[str, bool]:
    """Simulate and print."""
    runs = RUNS // 10 if given.quick else RUNS
    found = simulate(runs)
    goals = goals_of(found)
    if given.json:
        data = [
            {**asdict(rounds.situation), "by_rounds": as_data(rounds), "by_calls": as_data(calls)}
            for rounds, calls in found.values()
        ]
        print(json.dumps({"runs": runs, "situations": data, "goals": goals}, indent=2))
        return goals
    show(
        ("nothing changes in a year", "false alarms by rounds", "by single calls"),
        quiet_table(found),
        markdown=given.markdown,
    )
    columns = "found", "after", "false before"
    each = [f"{kind}: {column}" for kind in ("by rounds", "by calls") for column in columns]
    show(("a change", *each), change_table(found), markdown=given.markdown)
    print(
        f"{datetime.now(UTC).date().isoformat()}. Simulated normal noise, {runs} runs each,"
        f" {CANARIES} canaries, a false alarm every {ARL:,.0f} rounds or more rarely. Shifts in"
        f" standard deviations of the noise; found within {WATCHED} rounds, at the median after so"
        " many."
    )
    return goals


def engine(given: argparse.Namespace) -> Mapping[str, bool]:
    """Replace the engine, and print what was said.

    Raises:
        SystemExit: an environment could not be made, or a command failed.
    """
    rounds = 10 if given.quick else 100
    with (
        Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress,
        TemporaryDirectory(prefix="facegate-") as folder,
    ):
        done = partial(progress.advance, progress.add_task("rounds", total=rounds + 4))
        try:
            found = swap(Environments(given.cache), rounds, Path(folder), done)
        except Failed as error:
            raise SystemExit(str(error)) from None
    if given.json:
        print(json.dumps({**asdict(found), "goals": found.goals}, indent=2))
        return found.goals
    headings = "after the swap", "first round", "second round"
    show(headings, swap_table(found), markdown=given.markdown)
    print(
        f"{datetime.now(UTC).date().isoformat()}, {machine()}. {found.canaries} pairs of portraits,"
        f" the embedded engine with OpenCV {BEFORE} before, {AFTER} after."
    )
    return found.goals


def swap_table(found: Swap) -> list[list[str]]:
    """What the rounds after the swap said."""
    said = [each["materiality"] or {} for each in found.after]
    return [
        ["changes", *(str(len(each["changes"])) for each in found.after)],
        ["not yet certain", *(str(len(each["doubts"])) for each in found.after)],
        ["scores moved", *(f"{each.get('moved')} of {each.get('compared')}" for each in said)],
        ["by at most", *(f"{each.get('largest', math.nan):.4f}" for each in said)],
        ["verdict", *(str(each.get("verdict")) for each in said)],
    ]


def main() -> int:
    """Measure one or the other, and tell whether the goals are reached."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--engine", action="store_true", help="the embedded engine, not noise")
    parser.add_argument("--quick", action="store_true", help="a tenth of it, for a look")
    parser.add_argument("--markdown", action="store_true", help="tables for the docs")
    parser.add_argument("--json", action="store_true", help="every figure")
    parser.add_argument("--cache", type=Path, default=CACHE, help="where environments are kept")
    given = parser.parse_args()
    goals = engine(given) if given.engine else noise(given)
    for goal, reached in goals.items():
        print(f"{'reached' if reached else 'NOT REACHED'}: {goal}", file=sys.stderr)
    return int(not all(goals.values()))


if __name__ == "__main__":
    sys.exit(main())
