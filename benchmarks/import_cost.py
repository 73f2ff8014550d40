"""What ``import facegate`` costs, next to the libraries that any client of a vendor needs.

``python benchmarks/import_cost.py`` imports each in fresh processes, in turn, in one run. It ends
with exit code 1 if facegate takes more than half as long again as httpx and pydantic together. See
README.md.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Final

from printed import show
from report import machine
from rich.progress import track

RIVAL: Final = "httpx, pydantic"
IMPORTS: Final = ("facegate", RIVAL, "httpx", "pydantic")
ALLOWED: Final = 1.5
"""Times as long as the rival."""
HEADINGS: Final = ("import", "ms: median", "ms: least", f"{RIVAL} = 1", "modules")
TIMED: Final = """
import sys, time
before, started = len(sys.modules), time.perf_counter()
import {names}
print(time.perf_counter() - started, len(sys.modules) - before)
"""


def imported(names: str) -> tuple[float, int]:
    """Import in a process of its own: how many milliseconds it took, and modules it loaded."""
    command = [sys.executable, "-c", TIMED.format(names=names)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds, modules = done.stdout.split()
    return 1e3 * float(seconds), int(modules)


def run(rounds: int) -> dict[str, list[tuple[float, int]]]:
    """Each as often, in turn, so that a noisy moment hits all; who is first changes."""
    found = defaultdict(list)
    for names in IMPORTS:
        imported(names)  # compiles what was not, and reads it from the disk
    for number in track(range(rounds), "imports", disable=not sys.stderr.isatty()):
        first = number % len(IMPORTS)
        for names in IMPORTS[first:] + IMPORTS[:first]:
            found[names].append(imported(names))
    return dict(found)


def median_ms(found: Sequence[tuple[float, int]]) -> float:
    """Of one that was imported several times."""
    return statistics.median(ms for ms, _ in found)


def table(found: Mapping[str, Sequence[tuple[float, int]]]) -> list[list[str]]:
    """A row for each."""
    return [
        [
            names,
            f"{median_ms(found[names]):.0f}",
            f"{min(ms for ms, _ in found[names]):.0f}",
            f"{median_ms(found[names]) / median_ms(found[RIVAL]):.2f}",
            str(found[names][0][1]),
        ]
        for names in IMPORTS
    ]


def caption(rounds: int) -> str:
    """What the figures are of."""
    return (
        f"{datetime.now(UTC).date().isoformat()}, {machine()}, httpx {version('httpx')}, pydantic"
        f" {version('pydantic')}. {rounds} processes each, in turn, with compiled files in the disk"
        " cache. Modules are those that were not there before, Python's own among them."
    )


def main() -> int:
    """Measure, print, and tell whether the goal is reached."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--markdown", action="store_true", help="tables for the docs")
    parser.add_argument("--json", action="store_true", help="every figure")
    arguments = parser.parse_args()
    found = run(arguments.rounds)
    if arguments.json:
        print(json.dumps(found, indent=2))
    else:
        show(HEADINGS, table(found), markdown=arguments.markdown)
        print(caption(arguments.rounds))
    return int(median_ms(found["facegate"]) > ALLOWED * median_ms(found[RIVAL]))


if __name__ == "__main__":
    sys.exit(main())
