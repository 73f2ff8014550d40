"""Does facegate-local hold on to memory? Resident size over ten thousand comparisons.

``python benchmarks/memory.py`` compares portraits of several sizes and formats, refused ones among
them, and prints a table. It ends with exit code 1 if the second half grew by more than 8 MiB.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice, product
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

import facegate
from facegate_local.store import PortraitStore

ALLOWED_MIB: Final = 8.0
"""Growth of the second half that is put down to the allocator."""
STEPS: Final = 10

Pair = tuple[facegate.Image, facegate.Image]


def resident_mib() -> float:
    """Resident set size of this process; Linux only."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def pairs() -> Iterator[Pair]:
    """Every portrait as probe of every other, over and over."""
    store = PortraitStore()
    images = [facegate.Image.of(store.path(asset.name)) for asset in store.assets]
    return cycle([(probe, other) for probe, other in product(images, images) if probe != other])


def compare(verifier: facegate.FaceVerifier, pair: Pair) -> None:
    """One comparison; a refusal must not leak either."""
    probe, other = pair
    try:
        verifier.compare(probe=probe, gallery=[other])
    except facegate.InputError:
        return


def main() -> int:
    """Run, print the table, and tell whether memory stayed flat."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    table = Table("calls", "resident, MiB", "growth, MiB", "ms per call")
    asked, sizes = pairs(), [resident_mib()]
    table.add_row("0", f"{sizes[0]:.1f}", "", "")
    with (
        facegate.open(plugin="local") as verifier,
        ThreadPoolExecutor(arguments.threads) as threads,
    ):
        for step in range(1, STEPS + 1):
            count = arguments.calls * step // STEPS - arguments.calls * (step - 1) // STEPS
            start = time.perf_counter()
            list(threads.map(lambda pair: compare(verifier, pair), islice(asked, count)))
            elapsed = time.perf_counter() - start
            sizes.append(resident_mib())
            table.add_row(
                f"{arguments.calls * step // STEPS:,}",
                f"{sizes[-1]:.1f}",
                f"{sizes[-1] - sizes[-2]:+.1f}",
                f"{1000 * elapsed / max(count, 1):.1f}",
            )
    Console().print(table)
    return int(sizes[-1] - sizes[len(sizes) // 2] > ALLOWED_MIB)


if __name__ == "__main__":
    sys.exit(main())
